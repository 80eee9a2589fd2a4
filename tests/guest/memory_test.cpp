// What mmuscope shows of a guest's memory from outside, and the oracles behind --check on whole guests.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::emulate;
using test::guest_path;
using test::kBusybox;
using test::test_guest_path;

TEST_CASE(
    "Guests: --check recounts all frames after each trap of every guest and finds no stale translation") {
    namespace fs = std::filesystem;
    unsigned guests = 0;
    for (const auto& entry : fs::directory_iterator(MMUSCOPE_GUESTS)) {
        const std::string name = entry.path().filename();
        // Thousands of faults of theirs are too many to recount after each.
        if (!name.ends_with(".musl") || name == "oom_kill.musl" || name == "working_set.musl") continue;
        const auto plain = emulate({"run"}, {entry.path()});
        const auto checked = emulate({"run", "--check"}, {entry.path()});
        INFO(name << ": " << checked.err);
        CHECK(checked.out == plain.out);
        CHECK(checked.status == plain.status);
        ++guests;
    }
    CHECK(guests >= 20);
    CHECK(emulate({"run", "--check"}, {kBusybox, "sort", "/etc/passwd"}).status == 0);
}

TEST_CASE("Guests: with --inject skip-invlpg the stale-TLB checker names the page and the missing flush") {
    const auto result =
        emulate({"run", "--check", "--inject", "skip-invlpg"}, {guest_path("mprotect_jit.musl")});
    CHECK(result.status == 125);
    CHECK(result.err.find("--check: stale TLB entry for 0x") != std::string::npos);
    CHECK(result.err.find("missing: invlpg") != std::string::npos);
}

TEST_CASE("Guests: maps, smaps and buddy show a guest from outside, at a place or at its end") {
    const test::Words cat{kBusybox, "cat", "/proc/self/maps"};
    const auto maps = emulate({"maps"}, cat);
    CHECK(maps.status == 0);
    CHECK(maps.err == maps.out);  // what it read of itself is what is seen from outside
    const auto early = emulate({"smaps", "--at-fault", "1"}, cat);
    CHECK(early.out.empty());
    CHECK(early.err.find("[stack]\nSize:                132 kB\n") != std::string::npos);
    CHECK(early.err == emulate({"smaps", "--at-fault", "1"}, cat).err);
    CHECK(emulate({"maps", "--at-instruction", "1000"}, cat).out.empty());
    CHECK(emulate({"buddy"}, cat).err.starts_with("Node 0, zone   Normal "));
}

TEST_CASE(
    "Guests: a place to look at that is none, is never reached, or whose process is not there is told") {
    const test::Words guest{guest_path("hello.musl")};
    for (const test::Words& wrong :
         {test::Words{"maps", "--at-fault", "0"}, test::Words{"maps", "--at-fault", "-1"},
          test::Words{"smaps", "--at-instruction", "x"}, test::Words{"maps", "--pid", "0"},
          test::Words{"buddy", "--at-fault", "1", "--at-instruction", "1"},
          test::Words{"maps", "--pid", "77"}}) {
        const auto refused = emulate(wrong, guest);
        INFO(wrong[1] << ": " << refused.err);
        CHECK(refused.status == 125);
        CHECK(refused.err.starts_with("mmuscope: "));
    }
    const auto late = emulate({"maps", "--at-fault", "99999"}, guest);
    CHECK(late.status == 0);
    CHECK(late.err.find("mmuscope: fault 99999 was not reached: the guest had ") == 0);
    CHECK(late.err.find("[stack]") != std::string::npos);
    const auto never = emulate({"buddy", "--at-instruction", "999999999"}, guest);
    CHECK(never.err.find("mmuscope: instruction 999999999 was not reached: the guest had ") == 0);
}

TEST_CASE("Guests: of several processes the one that runs is shown, or the one that is asked for") {
    const test::Words shell{kBusybox, "sh", "-c", "busybox sleep 1000 & busybox sleep 2; kill $!"};
    const auto sleeper = emulate({"maps", "--at-fault", "100", "--pid", "1000"}, shell);
    INFO(sleeper.err);
    CHECK(sleeper.status == 0);
    CHECK(sleeper.err.find("/bin/busybox") != std::string::npos);
    const auto nobody = emulate({"smaps", "--at-fault", "100", "--pid", "4000000"}, shell);
    CHECK(nobody.status == 125);
    CHECK(nobody.err.find("no process 4000000 has memory then; these have: 1000") != std::string::npos);
}

TEST_CASE("Guests: with half of its working set as RAM a guest swaps and prints the same") {
    const test::Words guest{guest_path("working_set.musl")}, small{"--memory", "8M", "--swap", "64M"};
    const auto plain = emulate({"run"}, guest);
    const auto swapped = emulate({"run", "--memory", "8M", "--swap", "64M"}, guest);
    CHECK(swapped.status == 0);
    const auto bytes = [](const std::string& out) { return out.substr(out.find("4096 pages")); };
    CHECK(bytes(swapped.out) == bytes(plain.out));  // the lines before count faults
    CHECK(swapped.err.empty());
    const auto counts = test::statistics_of(guest, small);
    CHECK(counts.at("page_faults").at("swap").get<long>() > 4096);
    // Readahead has most of them find their page in the swap cache.
    CHECK(counts.at("page_faults").at("major").get<long>() > 500);
    CHECK(counts.at("page_faults").at("major").get<long>() < counts.at("page_faults").at("swap").get<long>());
    // Without swap the same guest ends as on Linux.
    const auto killed = emulate({"run", "--memory", "8M", "--overcommit", "1"}, guest);
    CHECK(killed.status == 137);
    CHECK(killed.err.find("ut of memory") != std::string::npos);
}

TEST_CASE("Guests: who takes all memory is killed as by Linux, with swap or without; the others go on") {
    const std::string devour = test_guest_path("devour.glibc");
    const std::string killed = "(devour.glibc) total-vm:";
    for (const std::string swap : {"0", "8M"}) {
        test::Words options{"run", "--memory", "16M"};
        if (swap != "0") options.insert(options.end(), {"--swap", swap});
        CHECK(emulate(options, {devour}).status == 137);
        const auto run = emulate(options, {kBusybox, "sh", "-c", devour + "; echo $?; echo alive"});
        INFO(run.err);
        CHECK(run.status == 0);
        CHECK(run.out == "137\nalive\n");
        CHECK(run.err.find("devour.glibc invoked oom-killer: gfp_mask=0x") != std::string::npos);
        CHECK(run.err.find("Out of memory: Killed process 1001 " + killed) != std::string::npos);
        // oom_score_adj 1000 puts one that has next to nothing first: it counts as if it had all of memory.
        options[2] = "64M";
        const auto first = emulate(options, {kBusybox, "sh", "-c",
                                             "(echo 1000 > /proc/self/oom_score_adj; exec " + kBusybox +
                                                 " sleep 1000) & " + devour + "; echo $?; wait $!; echo $?"});
        INFO(first.err);
        CHECK(first.out == "137\n137\n");
        CHECK(first.err.find("oom_score_adj:1000") < first.err.find(killed));
    }
}

TEST_CASE("Guests: busybox free and /proc/swaps tell of the swap space") {
    const auto swaps = emulate({"run", "--swap", "64M"}, {kBusybox, "cat", "/proc/swaps"});
    CHECK(swaps.out.find("/dev/swap                               partition\t65536\t\t0\t\t-2\n") !=
          std::string::npos);
    const auto free = emulate({"run", "--swap", "64M"}, {kBusybox, "free"});
    CHECK(free.out.find("Swap:         65536           0       65536") != std::string::npos);
}
