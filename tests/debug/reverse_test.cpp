// The real gdb going back in time, and recordings.
#include <cstdio>

#include "tests/debug/support.h"

#include <catch2/catch.hpp>

using test::gdb;

namespace {

test::ProcessResult mmuscope(std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), MMUSCOPE_PROGRAM);
    test::ProcessOptions options;
    options.input = input;
    return test::run(words, options);
}

/// What stands between `before` and the end of its line.
std::string value_after(const std::string& text, const std::string& before) {
    const auto at = text.find(before);
    if (at == std::string::npos) return "(not there)";
    return text.substr(at + before.size(), text.find('\n', at) - at - before.size());
}

}  // namespace

TEST_CASE("reverse: single steps back undo single steps, down to the beginning") {
    const std::string out =
        gdb("debuggee.static",
            "stepi\nstepi\nstepi\nprint $icount\nprint/x $pc\nreverse-stepi\nprint $icount\nstepi\n"
            "print $icount\nprint/x $pc\nreverse-stepi\nreverse-stepi\nreverse-stepi\n"
            "reverse-stepi\nprint $icount\n");
    CHECK_CONTAINS(out, "$1 = 3");
    CHECK_CONTAINS(out, "$3 = 2");
    CHECK_CONTAINS(out, "$4 = 3");
    CHECK(value_after(out, "$2 = ") == value_after(out, "$5 = "));
    CHECK_CONTAINS(out, "No more reverse-execution history");
    CHECK_CONTAINS(out, "$6 = 0");
}

TEST_CASE("reverse: goes back to breakpoints and out of functions, and forward again to the end") {
    const std::string out = gdb(
        "debuggee.static",
        "break factorial\ncontinue\ncontinue\ncontinue\nprint n\nreverse-continue\nprint n\n"
        "reverse-finish\nbt\ndelete\nbreak main\nreverse-continue\ndelete\nhandle SIGUSR1 nostop noprint\n"
        "continue\n");
    CHECK_CONTAINS(out, "$1 = 4");
    CHECK_CONTAINS(out, "$2 = 5");
    CHECK_CONTAINS(out, "main (argc=1");
    CHECK_CONTAINS(out, "none 7 counter 45 factorial 720 handled 10");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("reverse: finds backwards who changed a variable") {
    const std::string out = gdb("debuggee.static",
                                "break factorial\ncontinue\nprint counter\nwatch counter\nreverse-continue\n"
                                "print counter\nreverse-continue\nprint counter\nbt 1\n");
    CHECK_CONTAINS(out, "$1 = 45");
    CHECK_CONTAINS(out, "Old value = 45\nNew value = 36");
    CHECK_CONTAINS(out, "Old value = 36\nNew value = 28");
    CHECK_CONTAINS(out, "$3 = 28");
    CHECK_CONTAINS(out, "count_up (times=10)");
}

TEST_CASE("reverse: steps back within a page fault, and out of it into the guest") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\nbreak do_anonymous_page\ncontinue\nreverse-stepi\n"
                                "reverse-stepi\nreverse-stepi\nreverse-stepi\nreverse-stepi\nreverse-stepi\n"
                                "bt 1\ncontinue\nbt 1\nprint $pf_err\n");
    CHECK_CONTAINS(out, "handle_pte_fault (");
    CHECK_CONTAINS(out, "handle_mm_fault (");
    CHECK_CONTAINS(out, "[ W U ]");
}

TEST_CASE("reverse: out of functions of the kernel to their calls, down to the guest's instruction") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\nbreak set_pte_at\ncontinue\nmonitor vm names 2.6.32\n"
                                "reverse-finish\nreverse-finish\nreverse-finish\nreverse-finish\n"
                                "reverse-finish\nreverse-finish\nbt 1\nmonitor vm names\n");
    const char* const callers[] = {
        "do_anonymous_page (vma=",         "handle_pte_fault (vma=",      "handle_mm_fault (vma=",
        "do_user_addr_fault (error_code=", "exc_page_fault (error_code=", "0x0000000000"};
    std::string::size_type at = out.find("Breakpoint 2, set_pte_at");
    for (const char* const caller : callers) {
        INFO(caller);
        at = out.find(std::string("\n") + caller, at);
        INFO(out);
        REQUIRE(at != std::string::npos);
    }
    // The choice of names goes along.
    CHECK_CONTAINS(out.substr(at), "shown as in 2.6.32");
}

TEST_CASE("gdb: a breakpoint on the very address of a kernel's function, and a step from there") {
    const std::string out = gdb("debuggee.static",
                                "break *do_anonymous_page\nbreak do_anonymous_page\ncontinue\ncontinue\n"
                                "delete 2\ncontinue\nstepi\nprint (long)$pc - (long)do_anonymous_page\n"
                                "reverse-continue\n");
    CHECK_CONTAINS(out, "Breakpoint 1, do_anonymous_page (vma=");
    CHECK_CONTAINS(out, "Breakpoint 2, do_anonymous_page (vma=");
    CHECK_CONTAINS(out, "$1 = 4\n");
}

TEST_CASE("reverse: goes to a fault and to an instruction") {
    const std::string out = gdb(
        "debuggee.static",
        "break factorial\ncontinue\nprint $icount\nmonitor vm goto icount 5000\n"
        "maintenance flush register-cache\nprint $icount\n"
        "monitor vm goto fault 5\nmaintenance flush register-cache\nprint $icount < 5000\n"
        "monitor vm goto fault 100000\nmonitor vm record\ndelete\nhandle SIGUSR1 nostop noprint\ncontinue\n");
    CHECK_CONTAINS(out, "$2 = 5000");
    CHECK_CONTAINS(out, "no such fault has been seen");
    CHECK_CONTAINS(out, "in the past");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("reverse: steps far from any snapshot leave one on their way, and none of its own at the end") {
    const std::string out =
        gdb("loops.static",
            "break done\ncontinue\nprint $icount\nmonitor vm goto icount 20000000\n"
            "reverse-stepi\nreverse-stepi\nprint $icount\nprint turns\n"
            "monitor vm goto icount 5000000\nmonitor vm goto icount 20000000\n"
            "reverse-stepi\nstepi\nreverse-stepi\nreverse-stepi\nprint $icount\nprint turns\n"
            "watch turns\nreverse-continue\nreverse-continue\nprint turns\ndelete\nbreak done\n"
            "continue\nprint $icount\ncontinue\n");
    CHECK_CONTAINS(out, "$2 = 19999998");
    CHECK_CONTAINS(out, "$4 = 19999998");
    CHECK(value_after(out, "$3 = ") == value_after(out, "$5 = "));
    CHECK(std::stol(value_after(out, "$6 = ")) == std::stol(value_after(out, "$5 = ")) - 2);
    CHECK(value_after(out, "$1 = ") == value_after(out, "$7 = "));
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("reverse: the past cannot be changed") {
    const std::string out = gdb("debuggee.static", "stepi\nstepi\nreverse-stepi\nset var $rax = 1\n");
    CHECK_CONTAINS(out, "the past cannot be changed");
}

TEST_CASE("reverse: from a thread back to before there was one") {
    const std::string out = gdb("threads.static",
                                "handle all nostop noprint pass\nbreak main\ncontinue\nprint $icount\n"
                                "break run\ncontinue\nreverse-stepi\nreverse-continue\nprint $icount\n");
    CHECK_CONTAINS(out, "Breakpoint 2, ");
    CHECK(value_after(out, "$1 = ") == value_after(out, "$2 = "));
}

TEST_CASE("reverse: going back and forward again leaves the free run's state") {
    const test::TemporaryFolder folder;
    const std::string guest = test::debug_guest("debuggee.static");
    const auto free = mmuscope({"run", "--state-hash", "--", guest});
    const std::string script =
        folder.write("script",
                     "handle SIGUSR1 nostop noprint\nbreak factorial\ncontinue\n"
                     "reverse-stepi\nreverse-stepi\nreverse-continue\ndelete\ncontinue\n");
    const auto back = mmuscope({"gdb", "--state-hash", "--gdb-option=-nx", "--gdb-option=-batch",
                                "--gdb-option=-x", "--gdb-option=" + script, "--", guest});
    INFO(back.out + back.err);
    CHECK(value_after(back.err, "state hash ") == value_after(free.err, "state hash "));
}

TEST_CASE("reverse: a stop before the exit, from which there is a way back, and the exit behind it") {
    const std::string out =
        gdb("debuggee.static",
            "handle SIGUSR1 nostop noprint\nmonitor vm end stop\ncontinue\nprint $icount > 1000\n"
            "break factorial if n == 1\nreverse-continue\nprint n\ndelete\ncontinue\n"
            "reverse-stepi\ncontinue\ncontinue\n");
    CHECK_CONTAINS(out, "The guest ends here");
    CHECK_CONTAINS(out, "No more reverse-execution history");
    CHECK_CONTAINS(out, "$1 = 1");
    CHECK_CONTAINS(out, "$2 = 1");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("reverse: who changed a page-table entry, and a walk of the past") {
    const std::string out =
        gdb("debuggee.static",
            "break factorial\ncontinue\nmonitor vm watch pte &pair\n"
            "monitor vm watch pte 0x4cf000\ndelete\nreverse-continue\nbt 3\n"
            "monitor vm watch off\nbreak touch\nbreak do_anonymous_page\nreverse-continue\n"
            "reverse-stepi\n");
    CHECK_CONTAINS(out, "caught entry of 0x4cf000");
    CHECK_CONTAINS(out, "page fault at 0x");
}

TEST_CASE("reverse: a watched entry that is let go in the middle of its change stops no more") {
    const std::string out = gdb("debuggee.static",
                                "break touch\ncontinue\nmonitor vm watch pte 0x4cf000\nbreak factorial\n"
                                "continue\ncontinue\nreverse-continue\nmonitor vm watch off\ncontinue\n");
    const auto times = [&](const std::string& part) {
        int count = 0;
        for (auto at = out.find(part); at != std::string::npos; at = out.find(part, at + 1)) ++count;
        return count;
    };
    INFO(out);
    CHECK(times("caught entry") == 2);
    CHECK(times("Breakpoint 2, factorial (n=6)") == 2);
}

TEST_CASE("reverse: without a history nothing is different but the way back") {
    const std::string guest = test::debug_guest("debuggee.static");
    const test::TemporaryFolder folder;
    const std::string script =
        folder.write("script", "handle SIGUSR1 nostop noprint\nbreak main\ncontinue\nreverse-stepi\n");
    const std::string whole = folder.write(
        "whole", "handle SIGUSR1 nostop noprint\nbreak main\ncontinue\nprint $icount\nstepi\ncontinue\n");
    const auto run = [&](const std::string& file, std::vector<std::string> options) {
        std::vector<std::string> words = {"gdb",
                                          "--state-hash",
                                          "--gdb-option=-nx",
                                          "--gdb-option=-batch",
                                          "--gdb-option=-x",
                                          "--gdb-option=" + file};
        words.insert(words.end(), options.begin(), options.end());
        words.insert(words.end(), {"--", guest});
        return mmuscope(words);
    };
    const auto refused = run(script, {"--no-reverse"});
    CHECK_CONTAINS(refused.out + refused.err, "does not support this command");
    const auto with = run(whole, {}), without = run(whole, {"--no-reverse"});
    CHECK(value_after(with.err, "state hash ") == value_after(without.err, "state hash "));
    CHECK(value_after(with.out, "$1 = ") == value_after(without.out, "$1 = "));
    CHECK_CONTAINS(without.out, "exited normally");
    CHECK(mmuscope({"run", "--no-reverse", "--", guest}).status == 125);
}

TEST_CASE("record: a replay needs neither the guest's files nor its input, and does nothing to them") {
    const test::TemporaryFolder folder;
    const std::string input = folder.write("input", "as recorded\n"), file = folder.path() + "/recording";
    const std::string script =
        "read line; echo $line; cat " + input + "; echo made >" + folder.path() + "/made";
    const auto first = mmuscope({"record", file, "stat", "--state-hash", "--json", "--rw", folder.path(),
                                 "--", "/bin/busybox", "sh", "-c", script},
                                "typed\n");
    REQUIRE(first.status == 0);
    CHECK(first.out == "typed\nas recorded\n");
    folder.write("input", "changed since\n");
    std::remove((folder.path() + "/made").c_str());

    const auto again = mmuscope({"replay", file}, "other\n");
    CHECK(again.status == 0);
    CHECK(again.out == first.out);
    CHECK(value_after(again.err, "\"state_hash\"") == value_after(first.err, "\"state_hash\""));
    CHECK(value_after(again.err, "\"page_faults\"") == value_after(first.err, "\"page_faults\""));
    CHECK(test::read_file(folder.path() + "/made").empty());
    CHECK(mmuscope({"replay", "--quiet", file}).out.empty());
}

TEST_CASE("record: a recording that is cut anywhere says so in one line") {
    const test::TemporaryFolder folder;
    const std::string file = folder.path() + "/recording";
    REQUIRE(mmuscope({"record", file, "--", test::debug_guest("debuggee.static")}).status == 0);
    const std::string whole = test::read_file(file);
    for (const size_t size : {size_t{0}, size_t{5}, size_t{200}, whole.size() / 3, whole.size() - 1}) {
        const std::string cut = folder.write("cut", whole.substr(0, size));
        const auto result = mmuscope({"replay", "--quiet", cut});
        INFO(size << ": " << result.err);
        CHECK(result.status == 125);
        CHECK(result.err.starts_with("mmuscope: " + cut + ": "));
        CHECK(result.err.find('\n') == result.err.size() - 1);
    }
}

TEST_CASE("reverse: forward again over a fork whose child has been let go, which is let go again") {
    for (const char* guest : {"processes.static", "threads.static"}) {
        const std::string out = gdb(guest,
                                    "break main\ncontinue\ndelete\ncatch fork\ncontinue\ndelete\nstepi\n"
                                    "reverse-stepi\nreverse-stepi\nreverse-stepi\ncontinue\n");
        CHECK(out.find("Can't detach") == std::string::npos);
        CHECK_CONTAINS(out, "exited normally");
    }
}

TEST_CASE("reverse: back over a fork whose child gdb keeps, and over it again") {
    const std::string out =
        gdb("processes.dynamic",
            "set detach-on-fork off\nset schedule-multiple on\ncatch fork\ncontinue\nreverse-stepi\n"
            "stepi\nstepi\nbreak work\ncontinue\nprint which\nreverse-continue\ncontinue\nprint which\n"
            "continue\ncontinue\n");
    CHECK(out.find("internal-error") == std::string::npos);
    CHECK_CONTAINS(out, "$1 = 1");
    CHECK_CONTAINS(out, "$2 = 1");
    CHECK_CONTAINS(out, "exited with code 02");
}
