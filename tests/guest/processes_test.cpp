// Processes and threads: the same programs natively and here, and shells with pipelines and background jobs.
#include <catch2/catch.hpp>
#include <ctime>
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

TEST_CASE(
    "vDSO: its names, versions, place and clocks are Linux's, and its time is that of the system calls") {
    for (const std::string library : kLibraries) {
        const std::string program = test_guest_path("vdso." + library);
        if (!std::filesystem::exists(program)) continue;
        check_as_native({program});
        check_as_native({program}, {}, {"run", "--randomize"});
        check_as_native({program}, {}, {"run", "--engine", "interpreter"});
    }
}

TEST_CASE("vDSO: no clock reading of a C library is a system call") {
    const test::ProcessResult result = test::emulate(
        {"run", "--strace", "--strace-e", "clock_gettime,gettimeofday,time"},
        {"/usr/bin/python3", "-S", "-c", "import time; time.time(); time.monotonic(); time.time_ns()"});
    if (!std::filesystem::exists("/usr/bin/python3")) return;
    CHECK(result.status == 0);
    CHECK(result.err.find("clock_gettime(CLOCK_REALTIME") == std::string::npos);
    CHECK(result.err.find("clock_gettime(CLOCK_MONOTONIC") == std::string::npos);
}

TEST_CASE("Task calls: prctl, membarrier and sched_* answer as natively, errno for errno") {
    check_as_native({test_guest_path("task_calls.glibc")});
}

TEST_CASE("Futexes: PI locks and their words, owners that end, circles and lent priorities are as natively") {
    check_as_native({test_guest_path("pi_locks.glibc")});
}

TEST_CASE(
    "Proc: namespaces, names of threads, counts of input and output, sockets and settings are as natively") {
    check_as_native({test_guest_path("proc_files.glibc")});
}

TEST_CASE("Processes: a fork bomb meets the OOM killer, and goes on no longer than it is let") {
    const test::ProcessResult result =
        test::run({MMUSCOPE_PROGRAM, "run", "--memory", "16M", "--max-instructions", "6000000", "--",
                   "/bin/bash", "-c", ":(){ :|:& };:; wait"},
                  {.timeout_seconds = 60});
    CHECK_FALSE(result.timed_out);
    CHECK(result.err.find("Out of memory: Killed process") != std::string::npos);
    CHECK(result.err.find("has reached its 6000000 instructions") != std::string::npos);
}

TEST_CASE("Signals: one from outside that ends the first process ends what it leaves behind") {
    const test::ProcessResult result =
        test::run({"/usr/bin/timeout", "1", MMUSCOPE_PROGRAM, "run", "--", "/bin/sh", "-c",
                   "(while :; do sleep 100; done) & (while :; do sleep 99; done) & wait"},
                  {.timeout_seconds = 20});
    CHECK_FALSE(result.timed_out);
    CHECK(result.status == 124);
    CHECK(result.err == "mmuscope: /bin/sh: killed by SIGTERM (Terminated)\n");
}

TEST_CASE("Task calls: a guest starts at nice 0, however nice the emulator is") {
    const test::ProcessResult result =
        test::run({"/usr/bin/nice", "-n", "7", MMUSCOPE_PROGRAM, "run", "--", "/usr/bin/nice"});
    CHECK(result.out == "0\n");
}

TEST_CASE("Processes: calls that take a capability end as for a process that has none") {
    check_as_native({test_guest_path("privileges.glibc")});
}

TEST_CASE("Futexes: requeueing to PI locks, waiting for several words and the calls of 6.7 are as natively") {
    check_as_native({test_guest_path("futexes.glibc")});
    check_as_native({test_guest_path("futexes.glibc")}, {}, {"run", "--quantum", "1000"});
}

TEST_CASE(
    "pidfd and execveat: waiting, signals, descriptors of others, scripts by descriptor are as natively") {
    check_as_native({test_guest_path("pidfd.glibc")});
}

TEST_CASE("CPU time: interval timers, POSIX timers and sleeps on CPU clocks expire as natively") {
    check_as_native({test_guest_path("cpu_timers.glibc")});
}

TEST_CASE("Bombs: threads and processes without end meet RLIMIT_NPROC with EAGAIN, and none is left behind") {
    const test::ProcessResult result = test::emulate({"run"}, {test_guest_path("thread_bomb.glibc")});
    CHECK(result.status == 0);
    CHECK(result.out ==
          "threads 39: EAGAIN\nfork: EAGAIN\nchildren 39: EAGAIN\nwaited for 39, then ECHILD\n");
}

TEST_CASE("Statistics: a table divides instructions, faults and misses among processes and threads") {
    const auto report = test::statistics_of({kBusybox, "sh", "-c", "(:; :) | cat; exit 3"}, {}, 3);
    const auto& tasks = report["tasks"];
    REQUIRE(tasks.size() == 3);
    std::uint64_t instructions = 0, minor = 0, misses = 0;
    for (const auto& task : tasks) {
        CHECK(task["pid"] == task["tid"]);
        CHECK(task["ended"] == true);
        CHECK(task["instructions"] > 0);
        CHECK(task["max_rss_kb"] > 0);
        instructions += task["instructions"].get<std::uint64_t>();
        minor += task["minor_faults"].get<std::uint64_t>();
        misses += task["l2_tlb_misses"].get<std::uint64_t>();
    }
    CHECK(tasks[0]["comm"] == "busybox");
    CHECK(tasks[0]["status"] == 3);
    CHECK(tasks[2]["comm"] == "cat");
    CHECK(tasks[1]["ppid"] == tasks[0]["pid"]);
    CHECK(instructions == report["program"]["instructions"].get<std::uint64_t>());
    CHECK(minor == report["page_faults"]["minor"].get<std::uint64_t>());
    CHECK(misses == report["l2_tlb"]["load_misses"].get<std::uint64_t>() +
                        report["l2_tlb"]["store_misses"].get<std::uint64_t>() +
                        report["l2_tlb"]["fetch_misses"].get<std::uint64_t>());
}

TEST_CASE("Story: with more than one task each fault says whose it is") {
    const test::ProcessResult result =
        test::emulate({"run", "--story"}, {kBusybox, "sh", "-c", "cat /dev/null | cat"});
    CHECK(result.status == 0);
    CHECK(result.err.find("\n[1001 ") != std::string::npos);
    CHECK(result.err.find(" cat] fault ") != std::string::npos);
    const test::ProcessResult alone = test::emulate({"run", "--story"}, {test::guest_path("hello.glibc")});
    CHECK(alone.err.find("] fault ") == std::string::npos);
}

TEST_CASE("Time: with --time host sleeping takes real time and the date is today's") {
    const test::ProcessResult result =
        test::emulate({"run", "--time", "host"}, {"/bin/bash", "-c",
                                                  "a=${EPOCHREALTIME/./}; sleep 0.05; b=${EPOCHREALTIME/./}; "
                                                  "echo $((b - a >= 50000)) ${EPOCHSECONDS}"});
    CHECK(result.status == 0);
    const long long now = std::time(nullptr);
    CHECK(result.out.substr(0, 2) == "1 ");
    CHECK(std::stoll(result.out.substr(2)) <= now);
    CHECK(std::stoll(result.out.substr(2)) >= now - 600);
}
