// The numbered rules of Linux's memory (README.md here has the list): a program a group, a line a rule,
// natively and here. The host's kernel is the oracle.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::test_guest_path;

namespace {

/// "B1 failing calls ...": the numbers at the lines' starts.
std::set<std::string> numbers_of(const std::string& text) {
    std::set<std::string> numbers;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) numbers.insert(line.substr(0, line.find(' ')));
    return numbers;
}

}  // namespace

TEST_CASE("Rules: brk and mmap keep B1 to B8 and M1 to M12 as natively") {
    check_as_native({test_guest_path("rules_map.glibc")});
}

TEST_CASE(
    "Rules: munmap, mprotect, mremap, madvise and their kin keep U1 to U4, R1 to R3, A1 to A5 as natively") {
    check_as_native({test_guest_path("rules_change.glibc")});
}

TEST_CASE("Rules: faults, signals, fork and accounting keep F1 to F8 as natively") {
    check_as_native({test_guest_path("rules_fault.glibc")});
}

TEST_CASE("Rules: a program lies where E1 to E4 say, as natively") {
    check_as_native({test_guest_path("rules_exec.glibc")});
}

TEST_CASE("Rules: without capabilities limits and addresses are L1 to L3, as natively") {
    const std::string guest = test_guest_path("rules_limits.glibc");
    test::Words native_guest{guest};
    if (geteuid() == 0)
        native_guest = {"/usr/bin/setpriv",
                        "--reuid=65534",
                        "--regid=65534",
                        "--clear-groups",
                        "--inh-caps=-all",
                        "--bounding-set=-all",
                        guest};
    test::ProcessOptions fixed;
    fixed.same_addresses = true;
    const auto native = test::run(native_guest, fixed), here = test::emulate({"run"}, {guest});
    CHECK(here.status == 0);
    if (native.status != 0) return;  // rights cannot be given up, or that user cannot reach the program
    CHECK(here.out == native.out);
}

TEST_CASE("Rules: smaps has the numbers of the host's, field by field, alone, with a child and afterwards") {
    check_as_native({test_guest_path("smaps_fields.glibc")});
}

TEST_CASE("Rules: with every frame recounted after each trap they are the same") {
    for (const char* group : {"rules_map.glibc", "smaps_fields.glibc"}) {
        const auto plain = test::emulate({"run"}, {test_guest_path(group)});
        const auto checked = test::emulate({"run", "--check"}, {test_guest_path(group)});
        INFO(group << ": " << checked.err);
        CHECK(checked.status == 0);
        CHECK(checked.out == plain.out);
    }
}

TEST_CASE("Rules: each number of the list in README.md is asked by one of the programs") {
    std::set<std::string> asked;
    for (const char* group : {"rules_map", "rules_change", "rules_fault", "rules_exec", "rules_limits"})
        asked.merge(numbers_of(test::emulate({"run"}, {test_guest_path(std::string(group) + ".glibc")}).out));
    const std::string list =
        test::read_file(std::string(MMUSCOPE_GUEST_SOURCES) + "/../tests/guest/README.md");
    std::istringstream lines(list);
    unsigned rules = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| ") || line.size() < 5 || !std::isdigit(static_cast<unsigned char>(line[3])))
            continue;
        const std::string number = line.substr(2, line.find(' ', 2) - 2);
        ++rules;
        if (line.find("`rules_") == std::string::npos) continue;  // another test asks
        INFO(number);
        CHECK(asked.count(number) == 1);
    }
    CHECK(rules >= 44);
}
