"""A program on a terminal of 24 lines, typed at as a script says. usage: terminal.py SCRIPT [COMMAND BEFORE IT...]

A script has lines "run: PROGRAM ARGUMENTS", "wait: TEXT" (until it has come, behind what was waited for before) and
"send: TEXT" (with Python's escapes). What came is printed line by line when the program has ended."""
import ast, fcntl, os, pty, select, struct, sys, termios, time

LIMIT_S = 60


def text_of(value):
    return ast.literal_eval("'" + value.replace("'", "\\'") + "'").encode()


def read_some(fd, deadline):
    """The next bytes; nothing at the end."""
    if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
        return None
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: the other side is closed
        return b""


def converse(fd, steps):
    came, at, deadline = b"", 0, time.monotonic() + LIMIT_S
    for kind, value in steps:
        if kind == "send":
            os.write(fd, value)
            continue
        while value not in came[at:]:
            got = read_some(fd, deadline)
            if not got:
                return came + (b"\n<no %r came>" % value)
            came += got
        at = came.index(value, at) + len(value)
    while True:
        got = read_some(fd, deadline)
        if not got:
            return came if got is not None else came + b"\n<it did not end>"
        came += got


def main():
    steps, command = [], None
    for line in open(sys.argv[1]):
        kind, _, value = line.rstrip("\n").partition(": ")
        if kind == "run":
            command = sys.argv[2:] + value.split()
        elif kind in ("wait", "send"):
            steps.append((kind, text_of(value)))
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.environ["TERM"] = "xterm"
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    came = converse(fd, steps)
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    for line in came.split(b"\n"):
        print(repr(line))
    code = os.waitstatus_to_exitcode(status)
    print("status", code if code >= 0 else 128 - code)


main()
