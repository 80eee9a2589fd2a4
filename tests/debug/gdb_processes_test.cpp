// The real gdb and guests with more than one process: each is an inferior of its own.
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

using test::gdb;

TEST_CASE("gdb: a child that is let go runs on, breakpoints of its parent are not its own") {
    for (const char* kind : {"static", "static-pie", "dynamic"}) {
        const std::string out = gdb(std::string("processes.") + kind,
                                    "set print inferior-events on\nbreak work\ncontinue\nbt 2\n"
                                    "info inferiors\ncontinue\n");
        CHECK_CONTAINS(out, "[Detaching after fork from child process 1001]");
        CHECK_CONTAINS(out, "[Detaching after vfork from child process 1002]");
        CHECK_CONTAINS(out, "work (which=5)");
        CHECK_CONTAINS(out, "process 1000");
        CHECK_CONTAINS(out, "statuses 2 4 shared 6 mine 12");
        CHECK_CONTAINS(out, "exited normally");
    }
}

TEST_CASE("gdb: follows a child instead of its parent, into another program too") {
    const std::string out = gdb("processes.static",
                                "set follow-fork-mode child\nbreak work\ncontinue\nprint shared\nfinish\n"
                                "print shared\ncontinue\n");
    CHECK_CONTAINS(out, "[Attaching after Thread 1000.1000 fork to child");
    CHECK_CONTAINS(out, "work (which=1)");
    CHECK_CONTAINS(out, "$1 = 1");
    CHECK_CONTAINS(out, "$2 = 2");
    CHECK_CONTAINS(out, "exited with code 02");
    const std::string second = gdb("processes.static",
                                   "catch vfork\ncontinue\nset follow-fork-mode child\nbreak work\n"
                                   "catch exec\ncontinue\ncontinue\nprint which\ncontinue\n");
    CHECK_CONTAINS(second, "(vforked process 1002)");
    CHECK_CONTAINS(second, "(exec'd ");
    CHECK_CONTAINS(second, "$1 = 3");
    CHECK_CONTAINS(second, "exited with code 04");
}

TEST_CASE("gdb: keeps parent and child, each with its own memory, and sees both end") {
    const std::string out = gdb("processes.static",
                                "set detach-on-fork off\ncatch fork\ncontinue\ndelete\nbreak work\n"
                                "set schedule-multiple on\ncontinue\nnext\nnext\nnext\nprint shared\n"
                                "info inferiors\nthread apply all -q print shared\ninferior 1\n"
                                "print shared\ncontinue\n");
    CHECK_CONTAINS(out, "(forked process 1001)");
    CHECK_CONTAINS(out, "work (which=1)");
    CHECK_CONTAINS(out, "$1 = 2");
    CHECK_CONTAINS(out, "$2 = 2");
    CHECK_CONTAINS(out, "$3 = 1");
    CHECK_CONTAINS(out, "$4 = 1");
    CHECK_CONTAINS(out, "exited with code 02");
}

TEST_CASE("gdb: a core file has all threads") {
    const test::TemporaryFolder folder;
    const std::string core = folder.path() + "/core";
    const std::string out =
        gdb("threads.static", "break work\ncontinue\ngenerate-core-file " + core + "\nkill\n");
    CHECK_CONTAINS(out, "Saved corefile");
    const auto result = test::run({"/usr/bin/gdb", "-nx", "-batch", "-ex", "thread apply all bt 1",
                                   test::debug_guest("threads.static"), core});
    CHECK_CONTAINS(result.out, "(LWP 1002)");
    CHECK_CONTAINS(result.out, "work (which=1)");
}

TEST_CASE("gdb: connects over a pipe, and finds the kernel's functions and libraries by itself") {
    const std::string target = std::string("target remote | ") + MMUSCOPE_PROGRAM + " run --gdb stdio " +
                               test::debug_guest("processes.dynamic");
    const auto result = test::run({"/usr/bin/gdb",
                                   "-nx",
                                   "-batch",
                                   "-iex",
                                   "set debuginfod enabled off",
                                   "-ex",
                                   target,
                                   "-ex",
                                   "break do_wp_page",
                                   "-ex",
                                   "break work",
                                   "-ex",
                                   "continue",
                                   "-ex",
                                   "delete 1",
                                   "-ex",
                                   "continue",
                                   "-ex",
                                   "print mine",
                                   "-ex",
                                   "info sharedlibrary",
                                   "-ex",
                                   "continue"});
    const std::string out = result.out + result.err;
    CHECK_CONTAINS(out, "do_wp_page (vma=0x");
    CHECK_CONTAINS(out, "work (which=5)");
    CHECK_CONTAINS(out, "$1 = 7");
    CHECK_CONTAINS(out, "libc.so.6");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: tables of the system are those of the chosen process; another signal can be sent") {
    const std::string out =
        gdb("processes.static",
            "set detach-on-fork off\nset schedule-multiple on\nbreak work\ncontinue\ninfo os vmas\n"
            "info os tasks\ninfo os pgtables\ninfo os faults\ninfo os buddy\ninfo os tlb\n"
            "eval \"monitor vm rmap %lu\", (unsigned long)&work\nx/10xw $sp\nsignal SIGTERM\n");
    CHECK_CONTAINS(out, "processes.static");
    CHECK_CONTAINS(out, "2 mappings");
    CHECK_CONTAINS(out, "process 1001 (processes.stati");
    CHECK_CONTAINS(out, "terminated with signal SIGTERM");
}

TEST_CASE("gdb: steps a thread that does not run, back again, and shows the stacks of all") {
    for (const char* kind : {"static", "dynamic"}) {
        const std::string out =
            gdb(std::string("threads.") + kind,
                "break work\ncontinue\ndelete\nthread apply all -q bt\n"
                "thread 3\nset $before = $pc\nstepi\nprint $_gthread\n"
                "print $pc > $before && $pc < $before + 15\nreverse-stepi\nprint $_gthread\n"
                "print $pc == $before\nstepi\nprint $_gthread\n"
                "thread 1\nset $before = $pc\nstepi\nprint $_gthread\nprint $pc > $before\n"
                "reverse-stepi\nprint $_gthread\nprint $pc == $before\nreverse-continue\n"
                "print $icount\ncontinue\n");
        CHECK_CONTAINS(out, "work (which=1)");
        CHECK_CONTAINS(out, "run (which=0x1)");
        CHECK_CONTAINS(out, "main () at");
        CHECK_CONTAINS(out, "$1 = 3\n$2 = 1\n");
        CHECK_CONTAINS(out, "$3 = 3\n$4 = 1\n");
        CHECK_CONTAINS(out, "$5 = 3\n");
        CHECK_CONTAINS(out, "$6 = 1\n$7 = 1\n");
        CHECK_CONTAINS(out, "$8 = 1\n$9 = 1\n");
        CHECK_CONTAINS(out, "$10 = 0\n");
        CHECK_CONTAINS(out, "counts 5 5 child 5");
        CHECK_CONTAINS(out, "exited normally");
    }
}
