-- Makes of errors that functions of the server raise what a script sees of them.
--
-- Takes functions of `sandbox.rs`, and puts its own in the place of Lua's. Returns the one that
-- compiles what a function gives piece by piece.

local caught, caught_as_text, is_stop, placed, complain, refuse, int = ...
local pcall_of_lua, xpcall_of_lua, resume_of_lua = pcall, xpcall, coroutine.resume
local unpack_of_lua = unpack
local loadstring, select, type, concat = loadstring, select, type, table.concat

-- A function may have returned nothing at all: none of its results is named here.
local function settled_as_text(ok, ...)
  if ok then
    return ok, ...
  end
  return false, caught_as_text((...))
end

local function settled(ok, ...)
  if ok then
    return ok, ...
  end
  return false, caught((...))
end

function pcall(f, ...)
  return settled_as_text(pcall_of_lua(f, ...))
end

function xpcall(...)
  local f, handler = ...
  if select('#', ...) < 2 then
    complain(2, 'value expected')
  end
  return settled(xpcall_of_lua(f, function(what)
    if is_stop(what) then
      return what
    end
    return handler(caught(what))
  end))
end

function coroutine.resume(...)
  if type((...)) ~= 'thread' then
    complain(1, 'coroutine expected')
  end
  return settled(resume_of_lua(...))
end

-- What C promises a function of room on the stack, arguments and results.
local SLOTS = 8000

local function is_small(number)
  return type(number) == 'number' and number > -SLOTS and number < SLOTS
end

-- Lua's own counts the results in an integer that overflows, and believes the count.
function unpack(...)
  local list, first, last = ...
  if type(list) ~= 'table' then
    local got = select('#', ...) == 0 and 'no value' or type(list)
    complain(1, 'table expected, got ' .. got)
  end
  local is_plain = true
  if first == nil then
    first = 1
  elseif not is_small(first) then
    first, is_plain = int(2, first), false
  end
  if last == nil then
    last = #list
  elseif not is_small(last) then
    last, is_plain = int(3, last), false
  end
  if first > last then
    return
  elseif last - first + 1 + select('#', ...) > SLOTS then
    refuse('too many results to unpack')
  elseif is_plain then
    return unpack_of_lua(...)
  end
  return unpack_of_lua(list, first, last)
end

return function(read, name)
  local parts = {}
  while true do
    local ok, part = xpcall_of_lua(read, placed)
    if not ok then
      return nil, caught(part)
    elseif part == nil or part == '' then
      return loadstring(concat(parts), name or '=(load)')
    elseif type(part) ~= 'string' and type(part) ~= 'number' then
      return nil, 'reader function must return a string'
    end
    parts[#parts + 1] = part
  end
end
