# python3: SO_RCVTIMEO and SO_SNDTIMEO of unix sockets: reads, messages, accept and full buffers that wait so long.
# suite
# needs: /usr/bin/python3
exec /usr/bin/python3 -E -s - <<'PROGRAM'
import errno, signal, socket, struct, sys
def said(f):
    try: return f()
    except OSError as e: return errno.errorcode[e.errno]
def limit(s, option, seconds, us): return said(lambda: s.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, us)))
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    print(limit(a, socket.SO_RCVTIMEO, 0, 40000), limit(a, socket.SO_SNDTIMEO, 0, 40000))
    print(struct.unpack("ll", a.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)))
    print(said(lambda: a.recv(9)), said(lambda: a.recvmsg(9, 99)))
    sent = 0
    while isinstance(r := said(lambda: a.send(b"x" * 4000)), int): sent += r
    print(r, sent > 9000, len(b.recv(100)), said(lambda: b.send(b"there")), said(lambda: a.recv(9)), said(lambda: a.recv(9)))
    print(limit(a, socket.SO_RCVTIMEO, 0, 1000000), limit(a, socket.SO_RCVTIMEO, 0, -1), limit(a, socket.SO_RCVTIMEO, -1, 0), said(lambda: a.recv(9)))
l = socket.socket(socket.AF_UNIX)
l.bind("\0mmuscope-time-outs"); l.listen(1); limit(l, socket.SO_RCVTIMEO, 0, 40000)
print(said(lambda: l.accept()))
PROGRAM
