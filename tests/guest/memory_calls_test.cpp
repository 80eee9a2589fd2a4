// Memory calls of whole guests: against the host's kernel where it has what they need, by Linux's rules where
// not.
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::emulate;
using test::guest_path;
using test::kBusybox;
using test::test_guest_path;
using test::Words;

namespace {

/// Lines of /proc/self/maps that a kernel's version decides on are left out: its own pages, and unnamed
/// memory, which 6.18 does not merge with the heap behind it. Of the heap, and of a stack, which grows with
/// what is on it, the end alone stays.
std::string layout_of(const std::string& maps, bool whole) {
    std::istringstream lines(maps);
    std::string text;
    for (std::string line; std::getline(lines, line);) {
        const auto has = [&line](const char* part) { return line.find(part) != std::string::npos; };
        if (has("[vvar") || has("[vdso]") || has("[vsyscall]")) continue;
        if (has("[stack]") || has("[heap]")) line = line.substr(line.find('-'));
        if (!has("/") && !has("[")) continue;
        if (whole || has("[stack]") || has("[heap]") || has("/cat") || has("ld-linux")) text += line + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("Memory calls: System V segments, process_vm_readv, remap_file_pages and madvise as on the host") {
    check_as_native({test_guest_path("shared_memory.glibc")});
}

TEST_CASE(
    "Memory calls: pools of huge pages, their files, reservations and signals, with every frame recounted") {
    const Words guest{test_guest_path("hugepages.glibc")};
    const auto run = emulate({"run", "--check", "--hugepages", "4"}, guest);
    CHECK(run.status == 0);
    CHECK(run.err == "");
    const std::string expected =
        "start: total 4 free 4 reserved 0 surplus 0\n"
        "mapped two: total 4 free 4 reserved 2 surplus 0\n"
        "touched two: total 4 free 2 reserved 0 surplus 0\n"
        "  KernelPageSize 2048\n  MMUPageSize 2048\n  Rss 0\n  Shared_Hugetlb 0\n  Private_Hugetlb 4096\n  "
        "ht\n"
        "child has copied one: total 4 free 1 reserved 0 surplus 0\n"
        "child sees y x\n"
        "parent sees x\n"
        "through the other mapping: q\n"
        "after a private write: q r\n"
        "file and copy: total 4 free 0 reserved 0 surplus 0\n"
        "ftruncate to less than a page: 1\n"
        "ftruncate: 0\n"
        "beyond the end: BUS\n"
        "first without a promise: fine\n"
        "second without a promise: BUS\n"  // truncation has reserved a page for the private copy again
        "munmap of a part: 1\n"
        "all given up: total 4 free 4 reserved 0 surplus 0\n";
    CHECK(run.out.substr(0, expected.size()) == expected);
    CHECK(run.out.find("7 to /proc/sys/vm/nr_hugepages: 1\nseven: total 7 free 7 reserved 0 surplus 0\n") !=
          std::string::npos);
    CHECK(run.out.ends_with("none: total 0 free 0 reserved 0 surplus 0\n"));
    const auto counts = test::statistics_of(guest, {"--hugepages", "4"});
    CHECK(counts.at("page_faults").at("hugetlb").get<long>() >= 5);
}

TEST_CASE("Memory calls: without randomisation a program lies where setarch -R puts it natively") {
    test::ProcessOptions fixed;
    fixed.same_addresses = true;
    for (const Words& guest :
         {Words{kBusybox, "cat", "/proc/self/maps"}, Words{"/bin/cat", "/proc/self/maps"}}) {
        const bool whole = guest[0] == kBusybox;
        const auto native = test::run(guest, fixed);
        CHECK(layout_of(emulate({"run"}, guest).out, whole) == layout_of(native.out, whole));
    }
}

TEST_CASE("Memory calls: --aslr draws addresses from the seed; --no-aslr and personality() turn it off") {
    const Words maps{kBusybox, "cat", "/proc/self/maps"};
    const auto maps_of = [&](Words options, const Words& guest) {
        options.insert(options.begin(), "run");
        return emulate(options, guest).out;
    };
    const std::string fixed = maps_of({}, maps), first = maps_of({"--aslr", "--seed", "1"}, maps);
    CHECK(first != fixed);
    CHECK(first == maps_of({"--aslr", "--seed", "1"}, maps));
    CHECK(first != maps_of({"--aslr", "--seed", "2"}, maps));
    CHECK(fixed == maps_of({"--no-aslr"}, maps));
    const auto addresses = [](const std::string& text) { return layout_of(text, true); };
    CHECK(addresses(maps_of({"--aslr"}, {"/usr/bin/setarch", "-R", kBusybox, "cat", "/proc/self/maps"})) ==
          addresses(fixed));
}

TEST_CASE("Memory calls: each frame allocation of a guest's run may fail, and every count still holds") {
    const Words guest{guest_path("hello.musl")};
    unsigned sites = 0;
    for (unsigned n = 1; n < 1000; ++n) {
        const auto run =
            emulate({"run", "--check", "--log", "off", "--inject", "alloc:" + std::to_string(n)}, guest);
        if (run.err.find("not reached") != std::string::npos) break;
        INFO(n << ": " << run.err);
        // It ran on, was killed as by the OOM killer, could not be started, or met an error of its own.
        const bool known =
            run.status == 0 || run.status == 137 || run.status == 126 || run.status == 1 || run.status == 139;
        CHECK(known);
        ++sites;
    }
    CHECK(sites > 10);
}

TEST_CASE(
    "Memory calls: a failed read is EIO, or SIGBUS where the file is mapped; --inject says what it missed") {
    CHECK(emulate({"run", "--inject", "disk-read:1"}, {kBusybox, "cat", "/etc/passwd"}).status != 0);
    const auto missed = emulate({"run", "--inject", "swap:1"}, {guest_path("hello.musl")});
    CHECK(missed.status == 0);
    CHECK(missed.err.find("--inject swap: not reached, 0 visits") != std::string::npos);
    CHECK(emulate({"run", "--inject", "nonsense:1"}, {guest_path("hello.musl")}).status == 125);
}

TEST_CASE("Memory calls: a window of readahead turns major faults into minor ones") {
    const Words guest{"/bin/cat", "/dev/null"};
    const auto major = [&](const Words& options) {
        return test::statistics_of(guest, options).at("page_faults").at("major").get<long>();
    };
    const long none = major({"--readahead", "0", "--fault-around", "4K"}), usual = major({}),
               large = major({"--readahead", "2M"});
    CHECK(none > usual);
    CHECK(usual > large);
}

TEST_CASE(
    "Memory calls: memfds, their seals and files of /dev/shm as on the host, with every frame recounted") {
    const Words guest{test_guest_path("shmem_files.glibc")};
    const auto native = test::run(guest), here = emulate({"run", "--check"}, guest);
    CHECK(here.status == 0);
    CHECK(here.err == "");
    CHECK(here.out == native.out);
}

TEST_CASE("Memory calls: what was written to a memfd or to /dev/shm goes to swap, and with its last user") {
    for (const char* kind : {"memfd", "shm"}) {
        const Words guest{test_guest_path("shmem_swap.glibc"), kind};
        const auto run = emulate({"run", "--check", "--memory", "16M", "--swap", "32M"}, guest);
        CHECK(run.status == 0);
        CHECK(run.out == "written\nwrong through the mapping: 0\nwrong for read(): 0\nin swap: 1\nleft: 0\n");
        // Without swap they cannot be had: the OOM killer, or for /dev/shm its limit.
        CHECK(emulate({"run", "--memory", "16M"}, guest).status != 0);
    }
    const auto full =
        emulate({"run", "--memory", "8M", "--swap", "32M"}, {test_guest_path("shmem_swap.glibc"), "shm"});
    CHECK(full.out == "write: ENOSPC\n");
    const auto df = emulate({"run", "--memory", "64M"}, {kBusybox, "df", "-k", "/dev/shm"});
    CHECK(df.out.find(" 32256 ") != std::string::npos);
}

TEST_CASE("Memory calls: mseal, MAP_DROPPABLE, process_madvise and cachestat as on a host that has them") {
    const Words guest{test_guest_path("memory_newer.glibc")};
    const auto native = test::run(guest), here = emulate({"run", "--check"}, guest);
    CHECK(here.status == 0);
    CHECK(here.out.starts_with("mseal ok\n"));
    const bool as_new =
        native.out.find("mseal ok\n") == 0 && native.out.find("droppable ok\n") != std::string::npos;
    if (as_new) CHECK(here.out == native.out);
}

TEST_CASE("Memory calls: what read() and write() have used is cached, until it is dropped or cut off") {
    const test::TemporaryFolder folder;
    const auto run = emulate({"run", "--check", "--rw", folder.path()},
                             {test_guest_path("buffered_pages.glibc"), folder.path() + "/file"});
    INFO(run.err);
    CHECK(run.status == 0);
    CHECK(run.out ==  // the host's, on ext4
          "written: cachestat 64, of pages 8 to 15 8, mincore 64\n"
          "dropped: cachestat 0, of pages 8 to 15 0, mincore 0\n"
          "4 pages read: cachestat 4, of pages 8 to 15 4, mincore 4\n"
          "2 bytes of two pages read: cachestat 6, of pages 8 to 15 4, mincore 6\n"
          "a page that was read: 1 minor, 0 major\n"
          "its neighbour: 0 minor, 0 major\n"
          "shortened to 11 pages and back: cachestat 1, of pages 8 to 15 1, mincore 1\n"
          "dropped again: cachestat 0, of pages 8 to 15 0, mincore 0\n"
          "a page that was not read: 0 minor, 1 major\n"
          "touched: cachestat 1, of pages 8 to 15 0, mincore 1\n");
}

TEST_CASE("Memory calls: process_mrelease takes back the memory of who is being ended, and only that") {
    const auto run = emulate({"run", "--check"}, {test_guest_path("release.glibc")});
    CHECK(run.status == 0);
    CHECK(run.out ==
          "flags: EINVAL\nno pidfd: EBADF\nalive: EINVAL\nkilled: ok\nand again: ok\nended: ESRCH\n"
          "waited for: ESRCH\nmemory is back: yes\n");
}

TEST_CASE("Memory calls: numa_maps counts the pages of each area as smaps does") {
    check_as_native({test_guest_path("numa_areas.glibc")});
}

TEST_CASE("Memory calls: lists of buffers are refused in Linux's order, whichever call has them") {
    check_as_native({test_guest_path("iovecs.glibc")});
}

TEST_CASE("Memory calls: clear_refs makes pages look unused until they are used, as on the host") {
    check_as_native({test_guest_path("clear_refs.glibc")});
}

TEST_CASE("Memory calls: arguments that few programs give have the host's answers") {
    check_as_native({test_guest_path("odd_arguments.glibc")});
}

// tests/tools/memory_draws goes on with other seeds, and compares faults and the sums of smaps too.
TEST_CASE("Memory calls: drawn sequences leave the areas, results and bytes that they leave natively") {
    for (const char* seed : {"1", "2", "3", "4"}) {
        INFO("seed " << seed);
        check_as_native({test_guest_path("memory_draws.glibc"), seed, "250", "brief"});
    }
}
