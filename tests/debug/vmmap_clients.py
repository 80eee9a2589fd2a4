"""Asks a target the questions by which pwndbg and GEF find out what it is and draw `vmmap`, and prints how it fares.

To be sourced by gdb at a stop of a guest of ours. Neither tool is needed: the commands and packets are theirs, in the form in
which they send them (pwndbg gdblib/{remote,qemu,file,vmmap}.py, GEF gef.py, both of 2024).
"""
import os
import shutil
import tempfile

import gdb


def ask(command):
    return gdb.execute(command, to_string=True)


def fetch(path, name):
    """`remote get`, of which pwndbg takes any output for a failure."""
    target = os.path.join(folder, name)
    said = ask('remote get "%s" "%s"' % (path, target))
    assert not said, said
    with open(target, "rb") as file:
        return file.read()


folder = tempfile.mkdtemp()
process, thread = gdb.selected_inferior().pid, gdb.selected_thread().ptid[1]

# What kind of target is it? QEMU would have its maps guessed; a bare qSupported must change nothing.
print("is remote:", "remote" in ask("maintenance print target-stack"))
print("is QEMU:", "ENABLE=" in ask("maintenance packet Qqemu.sstepbits"))
print("is QEMU's user mode:", "Text=" in ask("maintenance packet qOffsets"))
print("names its program:", "exec-file" in ask("maintenance packet qSupported"))

# pwndbg's vmmap: /proc/TID/maps, five words a line at least.
areas = []
for number in (process, thread):
    lines = fetch("/proc/%d/maps" % number, "maps.%d" % number).decode().splitlines()
    areas = [line.split(None, 5) for line in lines]
    print("maps:", len(areas) > 6 and all(len(words) >= 5 and len(words[1]) == 4 for words in areas))

# pwndbg reads links with the path's zero byte in the packet.
digits = ("/proc/%d/exe\0" % process).encode().hex().upper()
print("link:", ask("maintenance packet vFile:readlink:" + digits).splitlines()[-1])

# GEF's vmmap: `info proc mappings`, from the fifth line on.
rows = [line.split() for line in ask("info proc mappings").splitlines()[4:]]
print("mappings:", len(rows) == len(areas),
      all(int(row[1], 16) - int(row[0], 16) == int(row[2], 16) and len(row[4]) == 4 for row in rows))

# GEF's gef-remote makes a copy of these.
for name in ("exe", "maps", "environ", "cmdline"):
    print(name + ":", len(fetch("/proc/%d/%s" % (process, name), name)) > 0)
print("program:", fetch("/proc/%d/exe" % process, "program").startswith(b"\x7fELF"))
print("auxv:", "AT_PHDR" in ask("info auxv") and "AT_EXECFN" in ask("info auxv"))

shutil.rmtree(folder)
print("threads:", len(gdb.selected_inferior().threads()))
gdb.execute("next")
print("still there:", gdb.selected_thread().ptid[1] == thread)
