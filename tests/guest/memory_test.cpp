// What mmuscope shows of a guest's memory from outside, and the oracles behind --check on whole guests.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/guest/compare.h"

using test::emulate;
using test::guest_path;
using test::kBusybox;

TEST_CASE(
    "Guests: --check recounts all frames after each trap of every guest and finds no stale translation") {
    namespace fs = std::filesystem;
    unsigned guests = 0;
    for (const auto& entry : fs::directory_iterator(MMUSCOPE_GUESTS)) {
        const std::string name = entry.path().filename();
        if (!name.ends_with(".musl")) continue;
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

TEST_CASE("Guests: with half of its working set as RAM a guest swaps and prints the same") {
    const test::Words guest{guest_path("working_set.musl")}, small{"--memory", "8M", "--swap", "64M"};
    const auto plain = emulate({"run"}, guest);
    const auto swapped = emulate({"run", "--memory", "8M", "--swap", "64M"}, guest);
    CHECK(swapped.status == 0);
    CHECK(swapped.out == plain.out);
    CHECK(swapped.err.empty());
    const auto counts = test::statistics_of(guest, small);
    CHECK(counts.at("page_faults").at("swap").get<long>() > 4096);
    CHECK(counts.at("page_faults").at("major").get<long>() >=
          counts.at("page_faults").at("swap").get<long>());
    // Without swap the same guest ends as on Linux.
    const auto killed = emulate({"run", "--memory", "8M", "--overcommit", "1"}, guest);
    CHECK(killed.status == 137);
    CHECK(killed.err.find("ut of memory") != std::string::npos);
}

TEST_CASE("Guests: busybox free and /proc/swaps tell of the swap space") {
    const auto swaps = emulate({"run", "--swap", "64M"}, {kBusybox, "cat", "/proc/swaps"});
    CHECK(swaps.out.find("/dev/swap                               partition\t65536\t\t0\t\t-2\n") !=
          std::string::npos);
    const auto free = emulate({"run", "--swap", "64M"}, {kBusybox, "free"});
    CHECK(free.out.find("Swap:         65536           0       65536") != std::string::npos);
}
