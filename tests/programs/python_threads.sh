# python3: threads with queues, locks and conditions; subprocess with pipes.
# suite
# needs: /usr/bin/python3
exec /usr/bin/python3 -E -s - <<'PROGRAM'
import queue, subprocess, sys, threading
q, out, lock = queue.Queue(3), [], threading.Lock()
def worker():
    while (n := q.get()) is not None:
        with lock: out.append(n * n)
threads = [threading.Thread(target=worker) for _ in range(4)]
for t in threads: t.start()
for n in range(200): q.put(n)
for t in threads: q.put(None)
for t in threads: t.join()
print(sum(out), len(out), threading.active_count())
r = subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"in\n", capture_output=True)
print(r)
p = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(p.communicate("hello")[0], p.returncode)
try: subprocess.run(["sleep", "9"], timeout=0.05)
except subprocess.TimeoutExpired as e: print(type(e).__name__)
sys.exit(5)
PROGRAM
