# python3: multiprocessing with a pool, a queue and shared memory; asyncio with processes and a unix socket.
# needs: /usr/bin/python3
cat >both.py <<'PROGRAM'
import asyncio, multiprocessing as mp, os
def square(n): return n * n
def child(q, v):
    with v.get_lock(): v.value += 1
    q.put(os.getpid() > 0)
async def main():
    async def serve(r, w):
        w.write((await r.readline()).upper()); await w.drain(); w.close()
    server = await asyncio.start_unix_server(serve, "socket")
    r, w = await asyncio.open_unix_connection("socket")
    w.write(b"hello\n"); print(await r.read()); w.close()
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await p.communicate(b"through cat"), p.returncode)
    print(await asyncio.gather(*(asyncio.sleep(0.01 * (3 - i), i) for i in range(3))))
    server.close()
if __name__ == "__main__":
    with mp.Pool(2) as pool: print(pool.map(square, range(20)))
    q, v = mp.Queue(), mp.Value("i", 0)
    ps = [mp.Process(target=child, args=(q, v)) for _ in range(3)]
    [p.start() for p in ps]; print([q.get() for _ in ps]); [p.join() for p in ps]
    print(v.value, [p.exitcode for p in ps])
    asyncio.run(main())
    os.unlink("socket")
PROGRAM
exec /usr/bin/python3 -E -s both.py
