// Programs of the host that use processes, pipes, sockets and threads: the same output and status as
// natively.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::TemporaryFolder;
using test::Words;

namespace {

bool installed(const std::string& program) {
    return std::filesystem::exists(program);
}

void check_shell(const std::string& script) {
    check_as_native({test::kBusybox, "sh", "-c", script});
}

}  // namespace

TEST_CASE("Programs: busybox sh runs pipelines, command substitutions and background jobs") {
    check_shell("echo one two | tr ' ' '\\n' | sort -r | cat -n");
    check_shell("x=$(seq 1 50 | grep 7 | wc -l); echo $x; false | true; echo $?");
    check_shell("(sleep 1; echo late) & echo early; wait; echo done");
    check_shell("seq 1 20000 | head -n 3; seq 1 5 | while read n; do echo $((n * n)); done");
}

TEST_CASE("Programs: bash runs process substitutions and arrays") {
    if (!installed("/bin/bash")) return;
    check_as_native(
        {"/bin/bash", "-c", "a=(x y z); diff <(printf '%s\\n' \"${a[@]}\") <(echo x; echo z); echo $?"});
}

TEST_CASE("Programs: strace's lines are those of --strace but for addresses and pids") {
    TemporaryFolder folder;
    const std::string file = folder.path() + "/trace";
    const auto run = test::emulate({"run", "--strace-o", file, "--strace-e", "write,exit_group,pipe,dup2"},
                                   {test::kBusybox, "echo", "a\"b\tc"});
    CHECK(run.out == "a\"b\tc\n");
    CHECK(test::read_file(file) ==
          "write(1, \"a\\\"b\\tc\\n\", 6)                = 6\n"
          "exit_group(0)                           = ?\n"
          "+++ exited with 0 +++\n");
}
