// The real gdb's `run`, `start` and `kill`: the guest begins anew, and the client stays.
#include <unistd.h>

#include "tests/debug/support.h"

#include <catch2/catch.hpp>

using test::gdb;

namespace {

const std::string kQuiet = "handle all nostop noprint pass\n";

unsigned count(const std::string& text, const std::string& part) {
    unsigned found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("gdb: run begins the guest anew: before its first instruction, in the middle, after its end") {
    for (const char* const guest : {"debuggee.static", "debuggee.static-pie", "debuggee.dynamic"}) {
        INFO(guest);
        const std::string out = gdb(guest,
                                    kQuiet +
                                        "break factorial\nrun\nprint counter\nrun\nbt 1\n"
                                        "delete\ncontinue\nrun\nstart\nbt\n",
                                    {"x", "0"});
        CHECK(count(out, "Breakpoint 1, factorial (n=6)") == 2);
        CHECK(count(out, "x 7 counter 45 factorial 720 handled 10") == 2);
        CHECK_CONTAINS(out, "#0  main (argc=3");
    }
}

TEST_CASE("gdb: run takes arguments and variables, and without them those that were given") {
    const std::string out =
        gdb("debuggee.static",
            kQuiet +
                "break main\nrun\nprint argv[1]\nprint argv[2]\nset args p 'two  words' \"it's\"\n"
                "set environment COLOUR=blue\nunset environment PATH\nrun\nprint argc\n"
                "print argv[2]\nprint argv[3]\nprint (char*)getenv(\"COLOUR\")\n"
                "print (char*)getenv(\"PATH\")\nset args\nrun\nprint argc\n",
            {"it's so", "0"});
    CHECK_CONTAINS(out, "\"it's so\"");
    CHECK_CONTAINS(out, " = 4\n");
    CHECK_CONTAINS(out, "\"two  words\"");
    CHECK_CONTAINS(out, "\"it's\"\n");
    CHECK_CONTAINS(out, "\"blue\"");
    CHECK_CONTAINS(out, " = 0x0\n");
    CHECK_CONTAINS(out, " = 1\n");
}

TEST_CASE("gdb: run from the past, at a stage of the kernel, with threads, and after kill") {
    const std::string out = gdb(
        "threads.static", kQuiet +
                              "break run\nrun\nreverse-stepi\nrun\ninfo threads\nbreak do_anonymous_page\n"
                              "continue\nreverse-stepi\nrun\nbt 1\nkill\nrun\ndelete\nrun\n");
    CHECK(count(out, "hit Breakpoint 1, run (which=") >= 2);
    CHECK_CONTAINS(out, "Thread 1000.1002");
    CHECK_CONTAINS(out, "[Inferior 1 (process 1000) killed]");
    CHECK(count(out, "Breakpoint 2, do_anonymous_page (") >= 2);
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: what monitor was told holds in the next run; the next run is like the first") {
    const std::string out =
        gdb("debuggee.dynamic", kQuiet +
                                    "monitor vm catch fault:cow\nrun\nprint $icount\nrun\nprint $icount\n"
                                    "monitor vm catch off\nmonitor vm faults stop\nrun\nbt 1\n");
    CHECK(count(out, "caught fault:cow (wp_page_copy: frame") == 2);
    CHECK_CONTAINS(out, "#0  exc_page_fault (");
    const auto first = out.find("$1 = "), second = out.find("$2 = ");
    REQUIRE(first != std::string::npos);
    REQUIRE(second != std::string::npos);
    CHECK(out.substr(first + 5, 6) == out.substr(second + 5, 6));
}

TEST_CASE("gdb: run leaves no process of the guest behind, and says why when it cannot") {
    const std::string out =
        gdb("processes.static", kQuiet + "set detach-on-fork off\ncatch fork\nrun\nnext\nrun\n");
    CHECK_CONTAINS(out, "other processes of the guest live: kill their inferiors first");
}

TEST_CASE("gdb: target extended-remote over a socket, run with and without arguments") {
    const test::TemporaryFolder folder;
    const std::string script = folder.write(
        "commands", "set confirm off\ntarget extended-remote | " MMUSCOPE_PROGRAM " run --gdb stdio " +
                        test::debug_guest("debuggee.static") +
                        " 'a  b'\nbreak main\nrun\nprint argv[1]\nrun\n" +
                        "print argv[1]\nrun zz\nprint argv[1]\ndelete\n" + kQuiet + "continue\n");
    test::ProcessOptions how;
    how.environment.push_back("HOME=" + folder.path());
    const auto result = test::run({"/usr/bin/gdb", "-nx", "-q", "-batch", "-x", script}, how);
    const std::string out = result.out + result.err;
    CHECK(count(out, "\"a  b\"") == 2);
    CHECK_CONTAINS(out, "\"zz\"");
    CHECK_CONTAINS(out, "zz 7 counter 45 factorial 720 handled 10");
    CHECK_CONTAINS(out, "exited normally");
}

TEST_CASE("gdb: a recording runs again, with what was recorded only") {
    const test::TemporaryFolder folder;
    const std::string file = folder.path() + "/recording";
    REQUIRE(test::run({MMUSCOPE_PROGRAM, "record", file, "run", test::debug_guest("debuggee.static"), "q"})
                .status == 0);
    const std::string script = folder.write(
        "commands", kQuiet + "break main\nrun\nprint argv[1]\nset args other\nrun\nset args q\n");
    const auto result = test::run({MMUSCOPE_PROGRAM, "replay", file, "gdb", "--gdb-option=-nx",
                                   "--gdb-option=-batch", "--gdb-option=-x", "--gdb-option=" + script});
    const std::string out = result.out + result.err;
    CHECK_CONTAINS(out, "\"q\"");
    // One that is cut short says so there and then.
    const std::string all = test::read_file(file);
    const std::string cut = folder.write("cut", all.substr(0, all.size() / 2));
    const std::string short_script = folder.write("short", "run\necho behind\\n\n");
    const auto ended = test::run({MMUSCOPE_PROGRAM, "replay", cut, "gdb", "--gdb-option=-nx",
                                  "--gdb-option=-batch", "--gdb-option=-x", "--gdb-option=" + short_script});
    CHECK_CONTAINS(ended.out + ended.err, "the recording ends here: it is cut short");
    CHECK_CONTAINS(ended.out, "exited with code 0175");
    CHECK_CONTAINS(out, "a recorded guest has the arguments and variables that it was recorded with");
}
