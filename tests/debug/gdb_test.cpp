// The real gdb in front of the built program.
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

using test::gdb;

TEST_CASE("gdb: breaks, prints, finishes and continues in static, static-pie and dynamic guests") {
    for (const char* kind : {"static", "static-pie", "dynamic"}) {
        INFO(kind);
        const std::string out =
            gdb(std::string("debuggee.") + kind,
                "break factorial if n == 3\ncontinue\nbt\nfinish\nhandle SIGUSR1 nostop noprint\n"
                "delete\ncontinue\n",
                {"hello", "3"});
        CHECK_CONTAINS(out, "Breakpoint 1, factorial (n=3)");
        CHECK_CONTAINS(out, "in factorial (n=6)");
        CHECK_CONTAINS(out, "in main (argc=3");
        CHECK_CONTAINS(out, "Value returned is $1 = 6");
        CHECK_CONTAINS(out, "hello 7 counter 45 factorial 720 handled 10");
        CHECK_CONTAINS(out, "exited with code 03");
    }
}

TEST_CASE("gdb: steps over lines and into functions") {
    const std::string out = gdb(
        "debuggee.static", "break main\ncontinue\nnext\nnext\nstep\nbt 1\nnext\nfinish\nprint pair.right\n");
    CHECK_CONTAINS(out, "count_up (times=10)");
    CHECK_CONTAINS(out, "$1 = 2.5");
}

TEST_CASE("gdb: watchpoints on writes, reads and both") {
    const std::string out =
        gdb("debuggee.static",
            "watch counter\ncontinue\ncontinue\ndelete\nrwatch pair.left\nawatch counter\n"
            "handle SIGUSR1 nostop noprint\ncontinue\ncontinue\n");
    CHECK_CONTAINS(out, "Hardware watchpoint 1: counter");
    CHECK_CONTAINS(out, "Old value = 0\nNew value = 1");
    CHECK_CONTAINS(out, "Old value = 1\nNew value = 3");
    CHECK_CONTAINS(out, "Hardware access (read/write) watchpoint 3: counter\n\nValue = 3");
}

TEST_CASE("gdb: catches system calls and signals, shows siginfo") {
    const std::string out =
        gdb("debuggee.static",
            "catch syscall write\ncontinue\nprint $_siginfo.si_signo\ncontinue\ncontinue\n"
            "print $rax\ncontinue\n");
    CHECK_CONTAINS(out, "Program received signal SIGUSR1");
    CHECK_CONTAINS(out, "$1 = 10");
    CHECK_CONTAINS(out, "(call to syscall write)");
    CHECK_CONTAINS(out, "(returned from syscall write)");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: shows mappings, tables of the system and our own registers") {
    const std::string out =
        gdb("debuggee.static",
            "break count_up\ncontinue\ninfo proc mappings\ninfo os faults\ninfo os tlb\ninfo os vmas\n"
            "info os pgtables\ninfo os buddy\ninfo registers cr3 pf_err\nprint $icount > 1000\n"
            "info threads\ninfo auxv\nx/10xw $sp\n");
    CHECK_CONTAINS(out, "rw-p   [heap]");
    CHECK_CONTAINS(out, "do_anonymous_page");
    CHECK_CONTAINS(out, "[ W U ]");
    CHECK_CONTAINS(out, "$1 = 1");
    CHECK_CONTAINS(out, "Thread 1000.1000 \"debuggee.static\"");
    CHECK_CONTAINS(out, "AT_PAGESZ");
    CHECK_CONTAINS(out, "L1D");
    CHECK_CONTAINS(out, "page table");
}

TEST_CASE("gdb: writes variables and registers, calls functions, makes a core file") {
    const test::TemporaryFolder folder;
    const std::string out = gdb("debuggee.static",
                                "break count_up\ncontinue\nset var pair.left = 1234\nprint factorial(5)\n"
                                "print $rax = 77\ngenerate-core-file " +
                                    folder.path() +
                                    "/core\n"
                                    "handle SIGUSR1 nostop noprint\ncontinue\n");
    CHECK_CONTAINS(out, "$1 = 120");
    CHECK_CONTAINS(out, "$2 = 77");
    CHECK_CONTAINS(out, "Saved corefile");
    CHECK_CONTAINS(out, "none 1234 counter 45");
}

TEST_CASE("gdb: monitor picks faults, says what is caught, and refuses other words") {
    const std::string out = gdb("debuggee.static",
                                "break count_up\ncontinue\nmonitor vm faults last 1\nmonitor vm faults no 2\n"
                                "monitor vm faults va $heap\nmonitor vm faults va 0x4014f0\n"
                                "monitor vm faults va 0x4014f0-0x402fff\nmonitor vm faults no 999\n"
                                "monitor vm faults some 5\nmonitor vm catch tlbmiss\nmonitor vm catch evict\n"
                                "monitor vm catch fault:cow\nmonitor vm catch\nmonitor vm help\n"
                                "monitor vm pgtables\n");
    CHECK_CONTAINS(out, "\n2       11 ");
    CHECK_CONTAINS(out, "\n1       0             0x4014f0");
    CHECK_CONTAINS(out, "no address or range: $heap");
    CHECK_CONTAINS(out, "no such fault has been seen");
    CHECK_CONTAINS(out, "usage: vm faults [last N | no N | va");
    CHECK_CONTAINS(out, "caught: fault:cow tlbmiss evict\n");
    CHECK_CONTAINS(out, "vm goto icount N|fault N");
    CHECK_CONTAINS(out, "0xffffc90000000000");
}

TEST_CASE("gdb: calls functions in a row, in each kind of guest, whatever is done about signals") {
    for (const char* const guest : {"debuggee.static", "debuggee.static-pie", "debuggee.dynamic"})
        for (const char* const signals : {"", "handle all nostop noprint pass\n"}) {
            const std::string out =
                gdb(guest, std::string(signals) +
                               "break main\ncontinue\nprint factorial(5)\nprint factorial(6)\n"
                               "print (char*)getenv(\"PATH\") != 0\nnext\n");
            CHECK_CONTAINS(out, "$1 = 120");
            CHECK_CONTAINS(out, "$2 = 720");
            CHECK_CONTAINS(out, "$3 = 1");
            CHECK_CONTAINS(out, "touch(heap, 4 * 4096);");
        }
}

TEST_CASE("gdb: monitor shows walks, reasons and frames, and catches events") {
    const std::string out =
        gdb("debuggee.static",
            "break touch\ncontinue\nmonitor vm why 0\nmonitor vm catch fault:anon\ncontinue\n"
            "monitor vm faults last 1\nmonitor vm walk 0x400000\nmonitor vm page 0x100\n"
            "monitor vm catch nonsense\nmonitor vm maps\nmonitor help\n");
    CHECK_CONTAINS(out, "SIGSEGV (MAPERR)");
    CHECK_CONTAINS(out, "caught fault:anon");
    CHECK_CONTAINS(out, "PML4E @");
    CHECK_CONTAINS(out, "refcount 1");
    CHECK_CONTAINS(out, "no such event: nonsense");
    CHECK_CONTAINS(out, "[stack]");
}

TEST_CASE("gdb: a fault is a stack of functions from the frame allocator to the guest's main") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\nbreak alloc_pages\ncontinue\nbt\nup\ninfo "
                                "args\nprint vma->vm_end > vma->vm_start\n"
                                "finish\nprint $fault_stage\nset $rax = 1\n");
    CHECK_CONTAINS(out, "#0  alloc_pages (order=0");
    CHECK_CONTAINS(out, "in do_anonymous_page (vma=0xffff8880");
    CHECK_CONTAINS(out, "in handle_mm_fault (vma=");
    CHECK_CONTAINS(out, "in exc_page_fault (error_code=6");
    CHECK_CONTAINS(out, "<signal handler called>");
    CHECK_CONTAINS(out, "in touch (p=0x");
    CHECK_CONTAINS(out, "in main (argc=1");
    CHECK_CONTAINS(out, "$1 = 1");
    CHECK_CONTAINS(out, "Value returned is $2 = ");
    CHECK_CONTAINS(out, "$3 = handle_pte_fault");
    CHECK_CONTAINS(out, "registers cannot be written while the kernel is at work");
}

TEST_CASE("gdb: a walk and a brk call are stages too, in a dynamic guest as well") {
    for (const char* guest : {"debuggee.static", "debuggee.dynamic"}) {
        const std::string out = gdb(guest,
                                    "break main\ncontinue\nbreak do_brk_flags\ncontinue\nbt\ndelete\n"
                                    "break walk_level if level == 1\ncontinue\nbt\ndelete\nhandle SIGUSR1 "
                                    "nostop noprint\ncontinue\n");
        CHECK_CONTAINS(out, "walk_level (level=1, entry_pa=");
        CHECK_CONTAINS(out, "in mmu_translate (address=");
        CHECK_CONTAINS(out, "do_brk_flags (start=");
        CHECK_CONTAINS(out, "in __do_sys_brk (brk=");
        CHECK_CONTAINS(out, "in main (argc=1");
        CHECK_CONTAINS(out, "exited normally");
    }
}

TEST_CASE("gdb: faults are hidden from steps, stepped into, or stopped at, as one asks") {
    const std::string out = gdb(
        "debuggee.static",
        "break touch\ncontinue\nmonitor vm faults stop\ncontinue\ninfo symbol $pc\nmonitor vm faults hidden\n"
        "stepi\ninfo symbol $pc\ndelete\nhandle SIGUSR1 nostop noprint\ncontinue\n");
    CHECK_CONTAINS(out, "exc_page_fault + 4");
    CHECK_CONTAINS(out, "do_user_addr_fault + 4");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: stops in each thread of a guest, steps one alone, and lets its child go") {
    for (const char* guest : {"threads.static", "threads.dynamic"}) {
        const std::string out =
            gdb(guest,
                "break work\ncontinue\ninfo threads\nbt\nnext\ncontinue\nprint which\nthread apply all bt 1\n"
                "set scheduler-locking on\nnext\nset scheduler-locking off\ndelete\ncontinue\n");
        CHECK_CONTAINS(out, "work (which=1)");
        CHECK_CONTAINS(out, "in run (which=");
        CHECK_CONTAINS(out, "$1 = 2");
        CHECK_CONTAINS(out, "counts 5 5 child 5");
        CHECK_CONTAINS(out, "exited normally");
    }
}

// What gdb says natively, too: Linux hands a handler what the debugger has written, unless the number is
// another signal's; then it says that the debugger has sent it.
TEST_CASE("gdb: $_siginfo is written, goes with its signal, and survives a call of a function") {
    for (const char* kind : {"static", "dynamic"}) {
        const std::string out = gdb(std::string("signals.") + kind,
                                    "break here\n"
                                    "continue\n"
                                    "print $_siginfo.si_signo\n"
                                    "continue\n"
                                    "print $_siginfo._sifields._rt.si_sigval.sival_int\n"
                                    "print $_siginfo.si_errno = 5\n"
                                    "print $_siginfo._sifields._rt.si_sigval.sival_int = 99\n"
                                    "continue\n"
                                    "print $_siginfo.si_signo = 12\n"
                                    "print $_siginfo.si_errno = 6\n"
                                    "continue\n"
                                    "print $_siginfo.si_signo = 12\n"
                                    "print $_siginfo.si_errno = 7\n"
                                    "signal SIGUSR2\n"
                                    "print $_siginfo.si_signo\n"
                                    "print $_siginfo.si_errno = 9\n"
                                    "print twice(4)\n"
                                    "print $_siginfo.si_errno\n"
                                    "signal 0\n"
                                    "print $_siginfo.si_signo\n"
                                    "continue\ncontinue\n");
        CHECK_CONTAINS(out, "signal 10 signo 10 errno 0 code -1 from self value 7\n");
        CHECK_CONTAINS(out, "$2 = 7\n");
        CHECK_CONTAINS(out, "signal 10 signo 10 errno 5 code -1 from self value 99\n");
        CHECK_CONTAINS(out, "signal 10 signo 10 errno 0 code 0 from parent value 0\n");
        CHECK_CONTAINS(out, "signal 12 signo 12 errno 7 code 128 from none value 0\n");
        CHECK_CONTAINS(out, "$9 = 5\n");
        CHECK_CONTAINS(out, "$11 = 8\n$12 = 9\n");
        CHECK_CONTAINS(out, "Program received signal SIGUSR1");
        CHECK_CONTAINS(out, "$13 = 10\n");
        CHECK_CONTAINS(out, "Program received signal SIGUSR2");
        CHECK_CONTAINS(out, "signal 12 signo 12 errno 0 code -6 from self value 0\n");
        CHECK_CONTAINS(out, "exited normally");
    }
}
