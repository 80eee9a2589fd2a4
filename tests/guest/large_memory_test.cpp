// Programs whose memory is the point: allocators under load, AddressSanitizer's shadow, python3 in half of
// its memory, and the tools that print what memory there is.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <regex>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::emulate;
using test::test_guest_path;
using test::Words;

namespace {

/// A report of AddressSanitizer but for what is different each time: the process, the addresses of code and
/// stack, and what the shadow says of a stack's surroundings.
std::string same_each_time(std::string report) {
    report = std::regex_replace(report, std::regex("==[0-9]+=="), "==PID==");
    report = std::regex_replace(report, std::regex("0x0000[0-9a-f]{8}|0x[57][0-9a-f]{11}"), "ADDRESS");
    return std::regex_replace(report, std::regex("(=>|  )(ADDRESS|0x[0-9a-f]{12}):.*\n"), "");
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Large: glibc's and musl's malloc under load print the same sums, and malloc_info its numbers") {
    check_as_native({test_guest_path("malloc_load.glibc")});
    if (access(test_guest_path("malloc_load.musl").c_str(), X_OK) == 0)
        check_as_native({test_guest_path("malloc_load.musl")});
}

TEST_CASE("Large: the story tells of malloc: the heap's area grows, no frame, then a frame a touch") {
    const auto story = emulate({"run", "--story"}, {test::guest_path("malloc_touch.glibc")});
    CHECK(has(story.err, "  kernel  the heap's area before: "));
    CHECK(has(story.err,
              "  kernel  allocated: no frames, no page tables; a page comes with its first touch\n"));
    CHECK(has(story.err, "  kernel  do_anonymous_page: a write, zeroed frame "));
    // Above the threshold: an area of its own, and one frame for malloc's own words.
    CHECK(has(story.err, "\nmmap(NULL, 200704, ...) = 0x7ffff7"));
    const auto given = story.err.find("\nmunmap(0x7ffff7");
    REQUIRE(given != std::string::npos);
    CHECK(has(story.err.substr(given, 400), ", 200704) = 0x0\n"));
    CHECK(has(story.err.substr(given, 400), "  kernel  given back: 1 frame, of them no page tables\n"));
    const auto call = emulate({"explain", "--brk", "2"}, {test::guest_path("malloc_touch.glibc")});
    CHECK(has(call.err, "  kernel  do_brk_flags: area "));
}

TEST_CASE("Large: a program with AddressSanitizer reserves its shadow, runs clean and reports as natively") {
    const std::string guest = test_guest_path("asan.glibc");
    // Its leak detector stops the process by ptrace, which is not there.
    const Words options{"run", "--env", "ASAN_OPTIONS=detect_leaks=0"};
    const auto clean = emulate(options, {guest});
    CHECK(clean.err == "");
    CHECK(clean.out == "sums 700 120\nclean\n");
    for (const char* what : {"overflow", "freed"}) {
        const auto native = test::run({guest, what});
        const auto here = emulate(options, {guest, what});
        INFO(what);
        CHECK(here.status == native.status);
        CHECK(here.out == native.out);
        CHECK(same_each_time(here.err) == same_each_time(native.err));
        CHECK(has(here.err, "ERROR: AddressSanitizer: "));
    }
}

TEST_CASE("Large: AddressSanitizer's shadow takes 16 TiB of addresses and no memory beside what is touched") {
    const auto maps =
        emulate({"smaps", "--env", "ASAN_OPTIONS=detect_leaks=0"}, {test_guest_path("asan.glibc")});
    CHECK(has(maps.err, "2008fff7000-10007fff8000 rw-p"));  // the shadow of high memory
    std::smatch rss;
    REQUIRE(std::regex_search(
        maps.err, rss,
        std::regex("2008fff7000-10007fff8000 [^\n]*\nSize: *([0-9]+) kB\n(?:[^\n]*\n){2}Rss: *([0-9]+)")));
    CHECK(std::stol(rss[1]) > 13L << 30);  // kB
    CHECK(std::stol(rss[2]) < 4096);
}

TEST_CASE(
    "Large: python3 parses JSON in half of its memory, with and without huge pages, to the same result") {
    if (access("/usr/bin/python3", X_OK) != 0) return;
    const Words guest{
        "/usr/bin/python3", "-E", "-S", "-c",
        "import json; o = [{'id': i, 'name': 'object %d' % i, 'half': i / 2} for i in range(6000)]\n"
        "t = json.dumps(o); a = json.loads(t); print(len(t), a == o, sum(x['id'] for x in a))"};
    const auto native = test::run(guest);
    REQUIRE(native.status == 0);
    const auto huge = emulate({"run", "--thp", "always"}, guest);
    CHECK(huge.out == native.out);
    const test::TemporaryFolder folder;
    const auto half = emulate(
        {"stat", "--json", "-o", folder.path() + "/counts", "--memory", "8M", "--swap", "64M"}, guest);
    CHECK(half.out == native.out);
    CHECK(half.err == "");
    const auto counts = nlohmann::json::parse(test::read_file(folder.path() + "/counts"));
    CHECK(counts.at("page_faults").at("swap").get<long>() > 500);
}

TEST_CASE("Large: free, vmstat, slabtop, pmap and cat print the guest's own memory") {
    const auto prints = [](const Words& guest, const std::string& part) {
        if (access(guest[0].c_str(), X_OK) != 0) return;
        const auto result = emulate({"run", "--memory", "256M", "--swap", "64M"}, guest);
        INFO(guest[0] << ": " << result.out << result.err);
        CHECK(result.status == 0);
        CHECK(result.err == "");
        CHECK(has(result.out, part));
    };
    prints({"/usr/bin/free"}, "\nSwap:          65536           0       65536\n");
    prints({"/usr/bin/vmstat"}, "\n 1  0      0 ");
    prints({"/usr/bin/vmstat", "-s"}, " K total swap\n");
    prints({"/usr/bin/vmstat", "-m"}, "\nvm_area_struct ");
    prints({"/usr/bin/slabtop", "-o"}, " vm_area_struct ");
    prints({"/usr/bin/pmap", "1000"}, "132K rw---   [ stack ]\n");
    prints({"/usr/bin/pmap", "-XX", "1000"}, " VmFlags Mapping\n");
    prints({"/bin/cat", "/proc/self/smaps"}, "[heap]\nSize:                132 kB\n");
    prints({"/bin/cat", "/proc/self/smaps_rollup"}, " [rollup]\nRss:  ");
    prints({"/usr/bin/lscpu"}, "Model name: ");
}
