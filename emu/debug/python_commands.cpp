#include "emu/debug/python_commands.h"

namespace emu {

std::string python_commands() {
    return R"python("""mmuscope's commands for gdb: what the MMU and the kernel behind a guest hold."""
import atexit
import shutil
import tempfile

import gdb


def monitor(words):
    return gdb.execute("monitor vm " + words, to_string=True)


def address_of(expression):
    value = gdb.parse_and_eval(expression)
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        value = value.address
    return int(value) & 0xFFFFFFFFFFFFFFFF


def place_of(address):
    """'function at file:line' of an address, as far as symbols go."""
    words = gdb.execute("info symbol 0x%x" % address, to_string=True).strip()
    name = "" if words.startswith("No symbol") else words.split(" in section")[0]
    line = gdb.find_pc_line(address)
    if line.symtab is not None and line.line:
        name += " at %s:%d" % (line.symtab.filename, line.line)
    return name


def fault_rows():
    lines = monitor("faults").splitlines()
    if not lines:
        return [], []
    starts = [n for n, c in enumerate(lines[0]) if c != " " and (n == 0 or lines[0][n - 1] == " ")]
    names = lines[0].split()
    ends = starts[1:] + [None]
    return names, [dict(zip(names, (line[a:b].strip() for a, b in zip(starts, ends)))) for line in lines[1:]]


def fault_words(row):
    text = "fault %s after %s instructions: %s at rip %s" % (
        row["number"], row["instructions"], row["address"], row["rip"])
    place = place_of(int(row["rip"], 0))
    text += " (%s)" % place if place else ""
    text += "\n  error code %s, %s" % (row["error"], row["verdict"] or "under way")
    if row["how"]:
        text += " by " + row["how"]
    if row["frame"]:
        text += ", frame " + row["frame"]
    return text


class VmCommand(gdb.Command):
    def __init__(self, name, *completer):
        super().__init__(name, gdb.COMMAND_DATA, *completer)

    def refuse(self):
        raise gdb.GdbError("usage: " + self.usage)


class VmWalk(VmCommand):
    """Show the page walk of an address, entry by entry.
Usage: vm-walk EXPRESSION"""
    usage = "vm-walk EXPRESSION"

    def __init__(self):
        super().__init__("vm-walk", gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            self.refuse()
        gdb.write(monitor("walk 0x%x" % address_of(argument)))


class VmMaps(VmCommand):
    """Show the areas of the address space; with an expression the one that holds its address.
Usage: vm-maps [EXPRESSION]"""

    def __init__(self):
        super().__init__("vm-maps", gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        text = monitor("maps")
        if argument:
            address = address_of(argument)
            lines = []
            for line in text.splitlines(True):
                first, last = (int(word, 16) for word in line.split()[0].split("-"))
                if first <= address < last:
                    lines.append(line)
            text = "".join(lines) or "no area holds 0x%x\n" % address
        gdb.write(text)


class VmFault(VmCommand):
    """Show page fault N, or the last one, and the line that raised it.
Usage: vm-fault [N]"""
    usage = "vm-fault [N]"

    def __init__(self):
        super().__init__("vm-fault", gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        rows = fault_rows()[1]
        number = int(gdb.parse_and_eval(argument)) if argument else len(rows)
        if not 1 <= number <= len(rows):
            raise gdb.GdbError("there have been %d faults" % len(rows))
        gdb.write(fault_words(rows[number - 1]) + "\n")


class VmTlb(VmCommand):
    """Show the TLBs' valid entries, or those of one address's page.
Usage: vm-tlb [EXPRESSION]"""

    def __init__(self):
        super().__init__("vm-tlb", gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        gdb.write(monitor("tlb 0x%x" % address_of(argument) if argument else "tlb"))


class VmWhoMapped(VmCommand):
    """Show which faults brought the page of an address in, and who maps its frame now.
Usage: vm-who-mapped EXPRESSION"""
    usage = "vm-who-mapped EXPRESSION"

    def __init__(self):
        super().__init__("vm-who-mapped", gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            self.refuse()
        page = address_of(argument) & ~0xFFF
        found = [row for row in fault_rows()[1] if int(row["address"], 0) & ~0xFFF == page]
        for row in found:
            gdb.write(fault_words(row) + "\n")
        if not found:
            gdb.write("no fault of this page: not touched, or mapped along with a neighbour\n")
        gdb.write(monitor("rmap 0x%x" % page))


class VmSlab(VmCommand):
    """Show the kernel's caches of objects, one cache's slabs, or which cache has a frame or an address.
Usage: vm-slab [CACHE|EXPRESSION]"""

    def __init__(self):
        super().__init__("vm-slab")

    def caches(self):
        return [line.split()[0] for line in monitor("slab").splitlines()[1:]]

    def complete(self, text, word):
        # Words end at "-" for gdb: what is before it stays.
        kept = len(text) - len(word)
        return [cache[kept:] for cache in self.caches() if cache.startswith(text)]

    def invoke(self, argument, from_tty):
        if argument and argument not in self.caches():
            argument = "0x%x" % address_of(argument)
        gdb.write(monitor(("slab " + argument).strip()))


class VmNames(VmCommand):
    """Name the kernel's functions as Linux 2.6.32 or as Linux 6.12 has them.
Usage: vm-names 2.6.32|6.12"""
    usage = "vm-names 2.6.32|6.12"
    versions = ("2.6.32", "6.12")

    def __init__(self):
        super().__init__("vm-names")

    def complete(self, text, word):
        return [version for version in self.versions if version.startswith(text)]

    def invoke(self, argument, from_tty):
        if argument not in self.versions:
            self.refuse()
        gdb.write(monitor("names " + argument))
        folder = tempfile.mkdtemp(prefix="mmuscope.")
        atexit.register(shutil.rmtree, folder, True)
        gdb.execute("remote get /vmkernel.c %s/vmkernel.c" % folder, to_string=True)
        gdb.execute("directory " + folder, to_string=True)
        gdb.execute("remove-symbol-file -a 0xffffffff81000000", to_string=True)
        gdb.execute("add-symbol-file target:/vmkernel.debug", to_string=True)


for command in (VmWalk, VmMaps, VmFault, VmTlb, VmWhoMapped, VmSlab, VmNames):
    command()
)python";
}

}  // namespace emu
