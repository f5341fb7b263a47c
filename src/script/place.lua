-- Puts the keys and the further arguments of a script where it finds them.
--
-- Takes the table of globals; returns a function for each small number of keys.

local globals = ...

return
  function(...) globals.KEYS, globals.ARGV = {}, {...} end,
  function(a, ...) globals.KEYS, globals.ARGV = {a}, {...} end,
  function(a, b, ...) globals.KEYS, globals.ARGV = {a, b}, {...} end,
  function(a, b, c, ...) globals.KEYS, globals.ARGV = {a, b, c}, {...} end,
  function(a, b, c, d, ...) globals.KEYS, globals.ARGV = {a, b, c, d}, {...} end
