local function S(...)
  local function show(v, depth)
    local kind = type(v)
    if kind == 'number' then return ('%.17g'):format(v)
    elseif kind == 'string' then return '"' .. v .. '"'
    elseif kind ~= 'table' then return v and kind ~= 'boolean' and kind or tostring(v)
    elseif depth > 9 then return '{deep}' end
    local parts = {}
    for k, x in next, v do parts[#parts + 1] = show(k, depth + 1) .. '=' .. show(x, depth + 1) end
    table.sort(parts)
    return '{' .. #v .. '|' .. table.concat(parts, ',') .. '}'
  end
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = show((select(i, ...)), 0) end
  return #parts .. ':' .. table.concat(parts, ' ')
end
