-- Makes of errors that functions of the server raise what a script sees of them.
--
-- Takes the functions of `thrown.rs`, and puts its own in the place of Lua's. Returns the
-- one that compiles what a function gives piece by piece.

local caught, caught_as_text, is_stop = ...
local pcall_of_lua, xpcall_of_lua, resume_of_lua = pcall, xpcall, coroutine.resume
local loadstring, type, concat = loadstring, type, table.concat

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

function xpcall(f, handler)
  return settled(xpcall_of_lua(f, function(what)
    if is_stop(what) then
      return what
    end
    return handler(caught(what))
  end))
end

function coroutine.resume(...)
  return settled(resume_of_lua(...))
end

return function(read, name)
  local parts = {}
  while true do
    local ok, part = pcall_of_lua(read)
    if not ok then
      return nil, caught_as_text(part)
    elseif part == nil or part == '' then
      return loadstring(concat(parts), name or '=(load)')
    elseif type(part) ~= 'string' then
      return nil, 'reader function must return a string'
    end
    parts[#parts + 1] = part
  end
end
