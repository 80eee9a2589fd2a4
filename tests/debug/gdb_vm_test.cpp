// The real gdb: `monitor vm` watches and lists, thread-local variables, names of an older kernel, our
// commands in Python.
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

using test::gdb;

TEST_CASE("gdb: a page-table entry is watched, whoever changes it") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\neval \"monitor vm watch pte %lu\", p\ndelete\n"
                                "continue\ncontinue\nmonitor vm watch\nmonitor vm watch off\n"
                                "handle SIGUSR1 nostop noprint\ncontinue\n");
    CHECK_CONTAINS(out, "watching the entry of 0x");
    CHECK_CONTAINS(out, "= 0: not present -> PTE   @ 0x");
    CHECK_CONTAINS(out, "by the kernel's set_pte_at in the page fault at 0x");
    CHECK_CONTAINS(out, "nothing is watched any more");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: physical memory is watched through whatever maps it") {
    const std::string out =
        gdb("debuggee.static",
            "break count_up\ncontinue\npython\nimport gdb, re\n"
            "text = gdb.execute('monitor vm walk %d' % "
            "int(gdb.parse_and_eval('(long)&counter')), to_string=True)\n"
            "gdb.execute('monitor vm watch phys ' + re.search(r'physical (\\S+)', "
            "text).group(1) + ',8')\nend\n"
            "delete\ncontinue\ncontinue\nprint counter\nmonitor vm watch phys 99999999999999\n"
            "monitor vm watch nonsense\n");
    CHECK_CONTAINS(out, "watching physical 0x");
    CHECK_CONTAINS(out, "0000000000000000 -> 0100000000000000, by the guest's instruction before 0x");
    CHECK_CONTAINS(out, "0100000000000000 -> 0300000000000000, by");
    CHECK_CONTAINS(out, "$1 = 3");
    CHECK_CONTAINS(out, "not in RAM, or too long");
    CHECK_CONTAINS(out, "usage: vm watch phys");
}

TEST_CASE("gdb: TLB misses, evictions and kinds of faults are caught where they happen") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\ndelete\neval \"monitor vm catch tlbmiss %lu\", p\n"
                                "continue\nmonitor vm catch off\nmonitor vm catch alloc:0\ncontinue\nbt 1\n"
                                "monitor vm catch off\nmonitor vm catch tlbmiss what\n"
                                "handle SIGUSR1 nostop noprint\ncontinue\n");
    CHECK_CONTAINS(out, "caught tlbmiss: store of 0x");
    CHECK_CONTAINS(out, "caught alloc:0 (buddy: ");
    CHECK_CONTAINS(out, "#0  alloc_pages (order=0");
    CHECK_CONTAINS(out, "no address or range: what");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: an eviction names the page that leaves and the one that comes") {
    const std::string out =
        gdb("debuggee.dynamic", "monitor vm catch evict\ncontinue\nmonitor vm catch off\n");
    CHECK_CONTAINS(out, "caught evict L");
    CHECK_CONTAINS(out, " leaves for 0x");
}

TEST_CASE("gdb: thread-local variables are found in static and dynamic guests, in each thread") {
    for (const char* kind : {"static", "static-pie", "dynamic"}) {
        const std::string out =
            gdb(std::string("processes.") + kind,
                "break work\ncontinue\nprint mine\nfinish\nprint mine\nprint (int)errno\n");
        CHECK_CONTAINS(out, "$1 = 7");
        CHECK_CONTAINS(out, "$2 = 12");
        CHECK_CONTAINS(out, "$3 = 45");
    }
}

TEST_CASE("gdb: functions of the kernel have the names of Linux 2.6.32 too") {
    const std::string out = gdb("debuggee.static",
                                "break main\ncontinue\nbreak do_brk\ncontinue\nbt 2\nvm-names 2.6.32\nbt 2\n"
                                "delete\nbreak do_page_fault\ncontinue\nmonitor vm names 5\n");
    CHECK_CONTAINS(out, "do_brk_flags (start=");
    CHECK_CONTAINS(out, "in __do_sys_brk (");
    CHECK_CONTAINS(out, "do_brk (start=");
    CHECK_CONTAINS(out, "in sys_brk (");
    CHECK_CONTAINS(out, "do_page_fault (error_code=6");
    CHECK_CONTAINS(out, "usage: vm names [2.6.32|6.12]");
    const std::string old = gdb("debuggee.static",
                                "break do_brk_flags\ncontinue\nbt 2\nlist do_page_fault\n"
                                "monitor vm faults last 1\nmonitor vm catch mmap\ndelete\ncontinue\n",
                                {}, {"--names", "2.6.32"});
    CHECK_CONTAINS(old, "do_brk (start=");
    CHECK_CONTAINS(old, "in sys_brk (");
    CHECK_CONTAINS(old, "unsigned long do_page_fault(error_code");
    CHECK_CONTAINS(old, "caught mmap (do_brk: area ");
}

TEST_CASE("gdb: commands in Python walk, list and tell who mapped a page") {
    const std::string out =
        gdb("debuggee.static",
            "break factorial\ncontinue\nvm-walk &counter\nvm-maps &counter\nvm-maps\n"
            "vm-fault\nvm-fault 1\nvm-tlb &counter\nvm-who-mapped &counter\n"
            "help vm-who-mapped\npython print(gdb.lookup_static_symbol)\ncomplete vm-names 2\n"
            "vm-fault 99999\n");
    CHECK_CONTAINS(out, "PML4E @");
    CHECK_CONTAINS(out, "[stack]");
    CHECK_CONTAINS(out, "fault 1 after ");
    CHECK_CONTAINS(out, "1 mapping\n");
    CHECK_CONTAINS(out, "process 1000 (debuggee.static)");
    CHECK_CONTAINS(out, "Show which faults brought the page");
    CHECK_CONTAINS(out, "vm-names 2.6.32");
    CHECK_CONTAINS(out, "faults\n");
}

TEST_CASE("gdb: glibc's heap is laid over pages, and refused where there is none") {
    for (const char* kind : {"static", "dynamic"}) {
        const std::string out =
            gdb(std::string("heap.") + kind,
                "monitor vm heap\nbreak done\ncontinue\nmonitor vm heap\nmonitor vm rmap 2\n");
        CHECK_CONTAINS(out, "no arena of glibc's malloc");
        CHECK_CONTAINS(out, "main arena at 0x");
        CHECK_CONTAINS(out, "pages resident: ");
        CHECK_CONTAINS(out, "pages not resident: top chunk");
        CHECK_CONTAINS(out, "mapped chunk 0x");
        CHECK_CONTAINS(out, "1 unsorted");
        CHECK_CONTAINS(out, "frame 0x2: ");
    }
}

TEST_CASE("gdb: the kernel's caches of objects, their slabs, and whose object is where") {
    const std::string out =
        gdb("debuggee.static",
            "break touch\ncontinue\ninfo os slab\nmonitor vm slab mm_struct\nvm-slab kmalloc-64\npython\n"
            "import re\ntext = gdb.execute('monitor vm slab vm_area_struct', to_string=True)\n"
            "frame, address = re.search(r'^(0x\\S+) +(0xffff\\S+)', text, re.M).groups()\n"
            "print(gdb.execute('vm-slab %d' % (int(address, 0) + 100), to_string=True))\n"
            "print(gdb.execute('vm-slab ' + frame, to_string=True))\nend\n"
            "vm-slab &counter\nmonitor vm slab nonsense\nmonitor vm slab 0x8000000000000000\n"
            "complete vm-slab kmalloc-1\nmonitor vm tlb set 0\nmonitor vm tlb set 99999\n");
    CHECK_CONTAINS(out, "vm_area_struct 10         22         184        22         0          1");
    CHECK_CONTAINS(out,
                   "mm_struct: objects of 1408 bytes, 1408 apart; 11 in a slab of 4 frames (order 2); 1 of");
    CHECK_CONTAINS(out, "no slabs yet");
    CHECK_CONTAINS(out, "is 1 of 1 of a slab of vm_area_struct at 0xffff8880");
    CHECK_CONTAINS(out, ", in use: area 0x7ffffffde000-0x7ffffffff000 of process 1000");
    CHECK_CONTAINS(out, "is in no slab: anonymous memory");
    CHECK_CONTAINS(out, "no cache, frame or address: nonsense");
    CHECK_CONTAINS(out, "is neither a frame nor a canonical address");
    CHECK_CONTAINS(out, "vm-slab kmalloc-1k\n");
    CHECK_CONTAINS(out, "no TLB has an entry in set 99999");
    CHECK(out.find("Failed to read a valid object file image") == std::string::npos);  // the vDSO's
}

TEST_CASE("gdb: why foretells what the kernel does, at every kind of address") {
    const std::string out =
        gdb("addresses.static",
            "break here\ncontinue\npython\n"
            "for name in ['none', 'only_read', 'untouched', 'zero', 'shared_with_child', 'file_page', "
            "'beyond_file',\n"
            "             'swapped', 'huge', 'below_stack', 'guarded', '(char *)0', '(char *)-1', '(char "
            "*)(1L << 63)']:\n"
            "    text = gdb.execute('monitor vm why %d' % (int(gdb.parse_and_eval(name)) & (2**64 - 1)), "
            "to_string=True)\n"
            "    print(name, [line.split('; then ', 1)[-1] for line in text.splitlines()])\nend\n",
            {}, {"--swap", "64M", "--thp", "madvise"});
    CHECK_CONTAINS(out, "\nnone ['area 0x7fff");
    CHECK_CONTAINS(
        out,
        "'SIGSEGV (ACCERR): the area forbids it', 'SIGSEGV (ACCERR): the area forbids it', 'SIGSEGV "
        "(ACCERR): the area forbids it']\nonly_read [");
    CHECK_CONTAINS(
        out,
        "'do_anonymous_page: the zero page, read-only', 'do_anonymous_page: a zeroed frame', "
        "'do_anonymous_page: the zero page, read-only; again: SIGSEGV (ACCERR), the area forbids it']\n"
        "zero [");
    CHECK_CONTAINS(out, "\"do_wp_page: a zeroed frame takes the zero page's place\", 'SIGSEGV (ACCERR)");
    CHECK_CONTAINS(out, "do_wp_page: a copy, for the frame has 2 owners");
    CHECK_CONTAINS(out, "do_cow_fault: a private copy of ");
    CHECK_CONTAINS(out,
                   "'SIGBUS (ADRERR): the file ends before it', 'SIGBUS (ADRERR): the file ends before it'");
    CHECK_CONTAINS(out, "'do_swap_page: slot ");
    CHECK_CONTAINS(out, "do_huge_pmd_wp_page: ");
    CHECK_CONTAINS(out,
                   "'expand_downwards: the stack grows down to it; then do_anonymous_page: a zeroed frame'");
    CHECK_CONTAINS(out, "the stack may not grow down to it, RLIMIT_STACK");
    CHECK_CONTAINS(out, "(char *)0 ['no area holds the address', 'SIGSEGV (MAPERR): no area holds it'");
    CHECK_CONTAINS(out, "\"SIGSEGV (MAPERR): no address of the user's\"");
    CHECK_CONTAINS(out, "(char *)(1L << 63) ['SIGSEGV, or SIGBUS for #SS']");
}

TEST_CASE("gdb: areas merge within brk, and frames and areas are structures that can be printed") {
    const std::string out =
        gdb("debuggee.static",
            "break touch\ncontinue\ndelete\nbreak alloc_pages\ncontinue\ninfo locals\nprint page->refcount\n"
            "print *page\nfinish\nup 2\nprint *vma\neval \"monitor vm slab %lu\", (unsigned long)vma\n"
            "print/x *(unsigned long *)0xffff888000001000\nwatch *(long *)0xffff888000001000\ndelete\n"
            "maintenance packet Qqemu.PhyMemMode:1\nmaintenance packet qqemu.PhyMemMode\n"
            "maintenance packet m1000,8\nmaintenance packet Qqemu.PhyMemMode:0\n");
    CHECK_CONTAINS(out, "page = 0xffffea00000");
    CHECK_CONTAINS(out, "refcount = ");
    CHECK_CONTAINS(out, "= (struct page *) 0xffffea00000");
    CHECK_CONTAINS(out, "= {vm_start = ");
    CHECK_CONTAINS(out, ", in use: area 0x");
    CHECK_CONTAINS(out, "received: \"1\"");
    CHECK_CONTAINS(out, "received: \"0000000000000000\"");
    const std::string merged =
        gdb("debuggee.static", "break main\ncontinue\nbreak vma_merge\ncontinue\nbt\nfinish\nfinish\nbt 1\n");
    CHECK_CONTAINS(merged, "#0  vma_merge (start=");
    CHECK_CONTAINS(merged, "in do_brk_flags (start=");
    CHECK_CONTAINS(merged, "in __do_sys_brk (brk=");
    CHECK_CONTAINS(merged, "in main (argc=1");
}

TEST_CASE("gdb: pwndbg's and GEF's vmmap find what they ask for, in each kind of guest") {
    for (const char* kind : {"static", "static-pie", "dynamic"}) {
        const std::string guest = std::string("threads.") + kind;
        const std::string out =
            gdb(guest, "break work\ncontinue\nsource " MMUSCOPE_DEBUG_SCRIPTS "/vmmap_clients.py\n");
        CHECK_CONTAINS(
            out,
            "is remote: True\nis QEMU: False\nis QEMU's user mode: False\nnames its program: True\n"
            "maps: True\nmaps: True\nlink: received: \"F");
        CHECK_CONTAINS(out,
                       guest +
                           "\"\nmappings: True True\nexe: True\nmaps: True\nenviron: True\ncmdline: True\n"
                           "program: True\nauxv: True\nthreads: 3\n");
        CHECK_CONTAINS(out, "still there: True");
    }
}
