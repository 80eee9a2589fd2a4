# python3 -m http.server on loopback and a client beside it (--net).
# needs: /usr/bin/python3
# options: --net
echo served >page
cat >both.py <<'PROGRAM'
import http.client, subprocess, sys
s = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
port = int(s.stdout.readline().split("port ")[1].split()[0])
for path in "/page", "/absent":
    c = http.client.HTTPConnection("127.0.0.1", port)
    c.request("GET", path)
    r = c.getresponse()
    print(r.status, r.reason, r.getheader("Content-type"), r.getheader("Content-Length"), len(r.read()))
s.terminate()
print(s.wait())
PROGRAM
exec /usr/bin/python3 -E -s both.py
