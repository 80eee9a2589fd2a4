// diff-host's comparison: what it takes for the same, what for known, what for a divergence.
#include "emu/diff/compare.h"

#include <catch2/catch.hpp>

using emu::compare_faults;
using emu::Difference;
using emu::Place;
using emu::UserFault;
using emu::UserFaults;
using mmu::u32;
using mmu::u64;

namespace {

UserFault anonymous(u64 address, u64 ip, std::optional<u32> code = {}) {
    return {.at = {Place::Area::kAnonymous, address, 0, ""},
            .by = {Place::Area::kFile, ip, ip, "/bin/x"},
            .error_code = code};
}

UserFault file(u64 address, u64 offset, u64 ip, std::optional<u32> code = {}) {
    return {.at = {Place::Area::kFile, address, offset, "/bin/x"},
            .by = {Place::Area::kFile, ip, ip, "/bin/x"},
            .error_code = code};
}

}  // namespace

TEST_CASE("diff-host: equal sequences are the same, whatever their length") {
    UserFaults faults;
    CHECK(!compare_faults(faults, faults).diverges());
    for (u64 i = 0; i < 500; ++i) faults.push_back(anonymous(0x500000 + i * 0x1000, 0x401000));
    const auto result = compare_faults(faults, faults);
    CHECK(result.same == 500);
    CHECK(result.lonely.empty());
    CHECK(!result.diverges());
}

TEST_CASE("diff-host: a fault that one side lacks is the first divergence, with its number") {
    UserFaults host, guest;
    for (u64 i = 0; i < 50; ++i) {
        host.push_back(anonymous(0x500000 + i * 0x1000, 0x401000));
        if (i != 30) guest.push_back(host.back());
    }
    const auto result = compare_faults(host, guest);
    REQUIRE(result.lonely.size() == 1);
    CHECK(result.lonely[0].index == 30);
    CHECK(result.lonely[0].host);
    CHECK(result.diverges());
    CHECK(emu::comparison_text(result, host, guest, "here").find("host #31  0x51e000") != std::string::npos);
    CHECK(compare_faults(guest, host).lonely.at(0).host == false);
}

TEST_CASE("diff-host: reads of a file's pages may come with another fault, writes may not") {
    const UserFaults none;
    CHECK(!compare_faults(none, {file(0x401000, 0x1000, 0x401000, 0x14)}).diverges());
    CHECK(!compare_faults({file(0x401000, 0x1000, 0x401000)}, none).diverges());
    CHECK(compare_faults(none, {file(0x402000, 0x2000, 0x401000, 0x6)}).diverges());
}

TEST_CASE(
    "diff-host: the stack's first page below what exec filled may be there already, the others may not") {
    const auto stack = [](u64 address) {
        return UserFault{.at = {Place::Area::kAnonymous, address, 0, "[stack]"},
                         .by = {Place::Area::kFile, 0x401000, 0x401000, "/bin/x"},
                         .error_code = 6};
    };
    const UserFaults whole{stack(0x7fffffffcff8), stack(0x7fffffffbff8), stack(0x7fffffffaff8)};
    const UserFaults first_there{whole[1], whole[2]}, second_there{whole[0], whole[2]};
    CHECK(!compare_faults(first_there, whole).diverges());
    CHECK(!compare_faults(whole, first_there).diverges());
    CHECK(compare_faults(second_there, whole).diverges());
}

TEST_CASE("diff-host: a place in a file is the same at any address; so is what lies among mapped files") {
    const auto library = [](u64 base) {
        UserFault fault = file(base + 0x3000, 0x3000, 0);
        fault.by.address = base + 0x1234, fault.by.offset = 0x1234;
        UserFault heap = anonymous(base + 0x100010, 0);
        heap.by = fault.by;
        return UserFaults{fault, heap};
    };
    const auto result = compare_faults(library(0x7ffff7c00000), library(0x7ffff7b00000));
    CHECK(result.same == 2);
    CHECK(!result.diverges());
    // The heap's own addresses are compared.
    CHECK(compare_faults({anonymous(0x500000, 0x401000)}, {anonymous(0x600000, 0x401000)}).diverges());
}

TEST_CASE("diff-host: another error code at the same place is a divergence") {
    CHECK(!compare_faults({anonymous(0x500000, 1)}, {anonymous(0x500000, 1, 6)}).diverges());
    CHECK(!compare_faults({anonymous(0x500000, 1, 6)}, {anonymous(0x500000, 1, 6)}).diverges());
    CHECK(compare_faults({anonymous(0x500000, 1, 4)}, {anonymous(0x500000, 1, 6)}).diverges());
}

TEST_CASE("diff-host: sequences with nothing in common are given up with the first difference") {
    UserFaults host, guest;
    for (u64 i = 0; i < 3000; ++i) {
        host.push_back(anonymous(0x500000 + i * 0x1000, 1));
        guest.push_back(anonymous(0x500000 + i * 0x1000, 2));
    }
    const auto result = compare_faults(host, guest);
    CHECK(result.too_different);
    CHECK(result.diverges());
    CHECK(result.lonely.size() == 2);
}
