// The built-in debugger going back in time: it says what was, and the guest cannot tell that it was looked
// at.
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace {

test::ProcessResult debug(const std::string& script, const std::string& guest,
                          const std::vector<std::string>& options = {}) {
    const test::TemporaryFolder folder;
    std::vector<std::string> words = {MMUSCOPE_PROGRAM, "debug", "--script", folder.write("lesson", script)};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", test::debug_guest(guest)});
    return test::run(words);
}

/// The last line's last word of a text.
std::string hash_in(const std::string& text) {
    const auto at = text.rfind("state hash ");
    return at == std::string::npos ? "(none)" : text.substr(at + 11, 16);
}

void holds(const std::string& script, const std::string& guest = "debuggee.static") {
    const auto result = debug(script, guest);
    INFO(result.out << result.err);
    CHECK(result.status == 0);
}

}  // namespace

TEST_CASE("back: single steps, lines and calls are undone, to the beginning and forward to the end") {
    holds(R"(
        stepi 3
        expect that $icount == 3
        reverse-stepi
        expect that $icount == 2
        rsi 2
        expect that $icount == 0
        rsi
        expect No more history
        expect stop beginning
        stepi 2
        goto end
        expect that $icount == 3
        tbreak main
        continue
        next
        expect 35
        next
        expect 36
        rn
        expect 35
        rs
        expect 34
        step
        expect 35
        next
        expect 36
        rs
        expect touch
        expect 19
        reverse-finish
        expect main
        expect 35
        goto end
        expect 36
        break factorial if n == 4
        handle SIGUSR1 nostop
        continue
        expect factorial \(n=4\)
        rf
        expect factorial \(n=5\)
        up
        rf
        expect in main
        delete
        continue
        expect stop exited
    )");
}

TEST_CASE("back: to breakpoints, conditions and the writes of a variable") {
    holds(R"(
        break factorial
        break *factorial
        run
        continue
        expect factorial \(n=6\)
        continue
        rc
        expect Breakpoint 1, factorial \(n=6\)
        rc
        expect Breakpoint 2
        rc
        expect No more history
        delete
        watch counter
        break factorial if n == 2
        condition 4 n == 2
        goto end
        rc
        expect Old value = 45
        expect New value = 36
        print counter
        expect = 36
        rc
        expect New value = 28
        bt 1
        expect count_up \(times=10\)
    )");
}

TEST_CASE("back: within a page fault, between faults, and to a moment") {
    holds(R"(
        break touch
        run
        break do_anonymous_page
        continue
        expect stop do_anonymous_page
        rsi
        expect stop handle_pte_fault
        rs
        expect stop handle_mm_fault
        stepi
        expect stop handle_pte_fault
        reverse-finish
        expect stop handle_mm_fault
        delete
        goto end
        expect stop do_anonymous_page
        print $fault_no
        pf
        expect stop touch
        expect that $fault_no == $1 - 1
        pf
        expect that $fault_no == $1 - 2
        goto icount 5000
        expect that $icount == 5000
        goto -1000
        expect that $icount == 4000
        goto +10
        expect that $icount == 4010
        goto 0%
        expect that $icount == 0
        goto fault 5
        expect that $fault_no == 4
        goto fault 999999
        expect error No such fault
        goto icount 999999999
        expect error Nothing has happened there
        goto sideways
        expect error goto icount N
        info record
        expect in the past
        expect snapshots: 1
        set var counter = 3
        expect error the past cannot be changed
    )");
}

TEST_CASE("back: out of the first function of a fault, to the instruction that raised it") {
    holds(R"(
        break touch
        run
        delete
        next-fault
        print $icount
        finish
        expect stop asm_exc_page_fault
        reverse-finish
        expect stop touch
        expect that $icount == $1
    )");
}

TEST_CASE("back: after the guest's end, and again to it") {
    holds(R"(
        handle SIGUSR1 nostop
        run
        expect stop exited
        rsi
        expect _exit
        break factorial
        rc
        expect factorial \(n=1\)
        rf
        expect factorial \(n=2\)
        delete
        continue
        expect stop exited
    )");
}

TEST_CASE("back: looking at the past leaves the guest's end as it was") {
    for (const std::string guest :
         {"debuggee.static", "debuggee.dynamic", "threads.static", "processes.static"}) {
        const auto free =
            test::run({MMUSCOPE_PROGRAM, "run", "--state-hash", "--", test::debug_guest(guest)});
        const std::string script =
            "handle SIGUSR1 nostop\nstart\nnext\nnext\nrn\nrs\nrsi\ngoto icount 500\nwalk $rsp\nx/4xg $rsp\n"
            "goto end\nrc\nstepi 3\ndelete\ncontinue\nexpect stop exited\nrsi\ncontinue\n";
        const auto back = debug(script, guest, {"--state-hash"});
        INFO(guest << "\n" << back.out << back.err);
        CHECK(back.status == 0);
        CHECK(hash_in(back.err) == hash_in(free.err));
        const auto without = debug("handle SIGUSR1 nostop\nrun\nreverse-stepi\nexpect error No history\n",
                                   guest, {"--state-hash", "--no-reverse"});
        CHECK(hash_in(without.err) == hash_in(free.err));
    }
}

TEST_CASE("back: commands of a file that is sourced, across a journey") {
    const test::TemporaryFolder folder;
    const std::string file = folder.write("nested", "rsi\nexpect that $icount == 4\nstepi\n");
    holds("stepi 5\nsource " + file + "\nexpect that $icount == 5\n");
}

TEST_CASE(
    "back: to the stage that set a watched page-table entry, and to the instruction that was walked for") {
    holds(R"(
        break touch
        run
        finish
        delete
        vm watch pte heap
        rc
        expect Caught entry of 0x[0-9a-f]+: .*, by the kernel's set_pte_at in the page fault
        bt
        expect exc_page_fault
        expect touch
        rc
        expect No more history
        vm watch off
        goto end
        break walk_level if level == 1
        rc
        expect Caught walk_level within the next instruction
        expect touch
        continue
        expect stop walk_level
        rsi
        expect touch
    )");
}

TEST_CASE("back: a dynamically linked guest, a forking one, threads") {
    holds(R"(
        start
        next
        next
        expect 36
        rs
        expect touch
        rf
        expect 35
        break printf
        handle SIGUSR1 nostop
        continue
        expect printf
        rf
        expect in main
        delete
        continue
        expect stop exited
        rsi
        continue
        expect stop exited
    )",
          "debuggee.dynamic");
    holds(R"(
        run
        expect stop exited
        rsi 1000
        goto 50%
        rsi
        goto fault 3
        goto end
        expect stop exited
    )",
          "processes.static");
    holds(R"(
        handle SIGUSR1 nostop
        break run
        run
        expect stop run
        rsi
        rsi
        goto start
        continue
        expect stop run
        delete
        continue
        expect stop exited
    )",
          "threads.static");
}

TEST_CASE("back: a recording is debugged forwards and backwards") {
    const test::TemporaryFolder folder;
    const std::string file = folder.path() + "/recording", guest = test::debug_guest("debuggee.static");
    REQUIRE(test::run({MMUSCOPE_PROGRAM, "record", file, "--", guest}).status == 0);
    const std::string script = folder.write(
        "lesson",
        "handle SIGUSR1 nostop\nstepi 1000\nrsi 10\nexpect that $icount == 990\nset var *(int*)$rsp = 1\n"
        "expect error past cannot be changed\ngoto end\nexpect that $icount == 1000\n"
        "set var *(int*)$rsp = 1\nexpect error a recorded guest\ncontinue\nexpect stop exited\nrsi\n"
        "continue\nexpect stop exited\n");
    const auto result = test::run({MMUSCOPE_PROGRAM, "replay", file, "debug", "--script", script});
    INFO(result.out << result.err);
    CHECK(result.status == 0);
}

TEST_CASE("back: a recording has its guest's symbols, in the debugger here and in gdb") {
    const test::TemporaryFolder folder;
    for (const std::string name : {"debuggee.static", "debuggee.dynamic"}) {
        const std::string file = folder.path() + "/" + name, guest = test::debug_guest(name);
        REQUIRE(test::run({MMUSCOPE_PROGRAM, "record", file, "--", guest}).status == 0);
        const std::string script = folder.write(
            "lesson",
            "break factorial if n == 4\nrun\nexpect factorial \\(n=4\\)\nbt\nexpect main \\(argc=1\n"
            "print counter\nexpect = 45\nrc\nexpect No more history\ngoto end\nexpect factorial \\(n=4\\)\n"
            "rf\nexpect factorial \\(n=5\\)\n");
        const auto result = test::run({MMUSCOPE_PROGRAM, "replay", file, "debug", "--script", script});
        INFO(result.out << result.err);
        CHECK(result.status == 0);
        const std::string commands = folder.write(
            "commands",
            "break factorial\ncontinue\ncontinue\nbacktrace\np $icount\nreverse-stepi\np $icount\n"
            "backtrace 1\nkill\n");
        const auto by_gdb = test::run({MMUSCOPE_PROGRAM, "replay", "--quiet", file, "gdb", "--gdb-option=-nx",
                                       "--gdb-option=-batch", "--gdb-option=-x", "--gdb-option=" + commands});
        const std::string text = by_gdb.out + by_gdb.err;
        CHECK_CONTAINS(text, "#0  factorial (n=5)");
        CHECK_CONTAINS(text, "in main (argc=1");
        CHECK_CONTAINS(text, "#0  0x");
    }
}
