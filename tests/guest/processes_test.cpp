// Processes and threads: the same programs natively and here, and shells with pipelines and background jobs.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::kBusybox;
using test::test_guest_path;
using test::Words;

namespace {

const char* const kLibraries[] = {"glibc", "musl"};

std::string hash_of(const Words& guest, const Words& options) {
    Words words{"run", "--state-hash"};
    words.insert(words.end(), options.begin(), options.end());
    const test::ProcessResult result = test::emulate(words, guest);
    CHECK(result.status == 0);
    return result.err;
}

}  // namespace

TEST_CASE("Processes: fork, wait, signals, groups and vfork give what they give natively") {
    for (const std::string library : kLibraries) {
        const std::string program = test_guest_path("processes." + library);
        if (std::filesystem::exists(program)) check_as_native({program});
    }
}

TEST_CASE("Threads: mutexes, conditions, futexes and thread signals give what they give natively") {
    for (const std::string library : kLibraries) {
        const std::string program = test_guest_path("threads." + library);
        if (!std::filesystem::exists(program)) continue;
        check_as_native({program});
        check_as_native({program}, {}, {"run", "--quantum", "1000"});
    }
}

TEST_CASE(
    "Threads: two runs end in the same state, and the plain TLB model agrees with several address spaces") {
    const Words guest{test_guest_path("threads.glibc")};
    const std::string hash = hash_of(guest, {"--quantum", "20000"});
    CHECK(hash == hash_of(guest, {"--quantum", "20000"}));
    CHECK(hash != hash_of(guest, {"--quantum", "3000"}));
    check_as_native({test_guest_path("processes.glibc")}, {}, {"run", "--verify"});
}

TEST_CASE("Shells: busybox sh with pipelines, subshells, background jobs and traps is as natively") {
    const std::string script =
        "echo a b c | tr ' ' '\\n' | sort -r | while read x; do echo \"[$x]\"; done\n"
        "(exit 3); echo $?\n"
        "f() { sleep 0.05; echo job $1; }\n"
        "f 1 & wait $!; f 2 & wait; echo waited\n"
        "x=$(echo inner; false); echo \"$x $?\"\n"
        "trap 'echo trapped' USR1; kill -USR1 $$; echo after\n"
        "(trap 'exit 9' TERM; while :; do sleep 0.01; done) & p=$!; sleep 0.1; kill $p; wait $p; echo $?\n"
        "sh -c 'kill -9 $$'; echo $?\n"
        "yes | head -3 | wc -l\n"
        "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; done | cat | cat | cat | tail -1\n";
    check_as_native({kBusybox, "sh", "-c", script});
}

TEST_CASE("Shells: bash runs programs, pipelines and jobs as natively") {
    check_as_native(
        {"/bin/bash", "-c",
         "seq 1 20 | grep 1 | sort -n | tail -2; ls /nonexistent 2>/dev/null || echo none;"
         "for i in {1..10}; do /bin/true; done; (sleep 0.05; echo late) & wait; echo done;"
         "cat <(echo one) <(echo two); echo $(( $(echo 6) * 7 )); set -o pipefail; false | true; echo $?"});
}

TEST_CASE("Shells: a fork bomb meets RLIMIT_NPROC and ends") {
    const test::ProcessResult result = test::emulate(
        {"run"}, {"/bin/bash", "-c", "ulimit -u 20; f() { f | f & wait; }; f 2>/dev/null; echo alive"});
    CHECK(!result.timed_out);
    CHECK(result.status == 0);
    CHECK(result.out == "alive\n");
}
