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
