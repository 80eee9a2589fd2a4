# lua5.4: strings, tables, coroutines, files and pipes.
# suite
# needs: lua5.4
cat >program.lua <<'PROGRAM'
local f = assert(io.open("lines", "w")) for i = 1, 100 do f:write(i, " ", i * i, "\n") end f:close()
local sum = 0 for a, b in io.lines("lines", "n", "n") do sum = sum + (b or 0) end print(sum)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(co(), co(), co())
print(io.popen("sort -rn lines | head -2"):read("a"), os.rename("lines", "other"), io.open("absent"))
print(pcall(error, "e"), string.format("%q %5.2f", "a\n", 1 / 3), #string.rep("x", 1e6), os.execute("exit 3"))
PROGRAM
exec lua5.4 program.lua
