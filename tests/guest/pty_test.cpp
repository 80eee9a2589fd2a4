// Pseudo-terminals of the guest's own: programs on both sides, and shells with job control in them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::test_guest_path;

TEST_CASE("Ptys: line discipline, modes, job control and hang-ups are what Linux was seen to do") {
    const test::ProcessResult result = test::emulate({"run"}, {test_guest_path("pty.glibc")});
    CHECK(result.status == 0);
    CHECK(result.out == test::read_file(MMUSCOPE_GUEST_SOURCES "/../tests/guest/programs/pty.expected"));
}

TEST_CASE("Ptys: an interactive bash stops, lists, continues and interrupts jobs") {
    const test::ProcessResult result = test::emulate(
        {"run"}, {test_guest_path("pty_shell.glibc"), "/bin/bash", "--norc", "--noprofile", "-i"});
    INFO(result.out << result.err);
    CHECK(result.status == 0);
    CHECK(result.out.find("[1]+  Stopped                 sleep 1000") != std::string::npos);
    CHECK(result.out.find("[1]+ sleep 1000 &") != std::string::npos);
    CHECK(result.out.find("status 130") != std::string::npos);
    CHECK(result.out.find("read: typed line") != std::string::npos);
    CHECK(result.out.find("exit status 7") != std::string::npos);
}

TEST_CASE("Ptys: python's pty module and script(1) run programs in one") {
    if (std::filesystem::exists("/usr/bin/python3")) {
        const test::ProcessResult result =
            test::emulate({"run"}, {"/usr/bin/python3", "-S", "-c",
                                    "import pty, os; print(os.waitstatus_to_exitcode(pty.spawn(['/bin/sh', "
                                    "'-c', 'tty; exit 5'])))"});
        CHECK(result.out == "/dev/pts/0\r\n5\n");
    }
    if (std::filesystem::exists("/usr/bin/script")) {
        const test::ProcessResult result = test::emulate(
            {"run"}, {"/usr/bin/script", "-qec", "tty; stty -a | head -1; exit 6", "/dev/null"});
        CHECK(result.out.find("/dev/pts/0") == 0);
        CHECK(result.status == 6);
    }
}
