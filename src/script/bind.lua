-- Holds a function and its words until it is run, as what guards a run calls it with nothing.
--
-- Returns what runs it; what takes it with lists of its words; and, for each small number of keys, what
-- takes it with the words themselves.

local f, keys, arguments

return
  function()
    local called, with, further = f, keys, arguments
    -- Nothing of a call is left for longer than that takes.
    f, keys, arguments = nil, nil, nil
    return called(with, further)
  end,
  function(...) f, keys, arguments = ... end,
  function(g, ...) f, keys, arguments = g, {}, {...} end,
  function(g, a, ...) f, keys, arguments = g, {a}, {...} end,
  function(g, a, b, ...) f, keys, arguments = g, {a, b}, {...} end,
  function(g, a, b, c, ...) f, keys, arguments = g, {a, b, c}, {...} end,
  function(g, a, b, c, d, ...) f, keys, arguments = g, {a, b, c, d}, {...} end
