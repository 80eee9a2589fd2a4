# luajit: traces compiled while they run (mprotect between writable and executable), FFI, coroutines, strings.
# suite
# needs: luajit
cat >program.lua <<'PROGRAM'
local t, s = {}, 0
for i = 1, 30000 do t[i] = (i * 7919) % 10007 end
table.sort(t)
for i = 1, #t do s = (s * 31 + t[i]) % 1000003 end
print(s, (jit.status()))
local ffi = require 'ffi'
ffi.cdef 'typedef struct {double x, y;} P;'
local a = ffi.new 'P[1000]'
for k = 1, 100 do for i = 0, 999 do a[i].x = a[i].x + i * k; a[i].y = a[i].x / 3 end end
print(a[999].x, a[998].y)
local parts = {}
for i = 1, 2000 do parts[#parts + 1] = ('%d:%x'):format(i, i * i) end
print(#table.concat(parts, ','), (table.concat(parts):gsub('%d', '')):sub(1, 40))
local co = coroutine.wrap(function(n) while true do n = coroutine.yield(n * 2) end end)
print(co(1), co(21)) jit.flush() collectgarbage() print(collectgarbage 'count' > 0)
PROGRAM
luajit program.lua && luajit -joff program.lua | cksum
