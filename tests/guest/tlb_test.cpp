// The counts of whole guests: sums that must agree, reaches that must show, the same result on any TLB, two
// runs alike.
#include "mmu/presets.h"

#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using nlohmann::json;
using test::guest_path;
using test::kBusybox;
using test::statistics_of;
using test::Words;

namespace {

long count(const json& report, const char* group, const char* name) {
    return report.at(group).at(name).get<long>();
}

/// What must hold of every report, whatever the guest and the TLB.
void check_sums(const json& r) {
    CHECK(count(r, "l1_dtlb", "load_hits") + count(r, "l1_dtlb", "load_misses") ==
          count(r, "l1_dtlb", "loads"));
    CHECK(count(r, "l1_itlb", "fetches") >= count(r, "program", "instructions"));
    long l2_misses = count(r, "kernel_tlb", "l2_misses");
    for (const char* kind : {"load", "store", "fetch"}) {
        const std::string l1 = std::string(kind) == "fetch" ? "l1_itlb" : "l1_dtlb";
        const std::string misses = std::string(kind) + "_misses", hits = std::string(kind) + "_hits";
        CHECK(count(r, "l2_tlb", hits.c_str()) + count(r, "l2_tlb", misses.c_str()) ==
              count(r, l1.c_str(), misses.c_str()));
        l2_misses += count(r, "l2_tlb", misses.c_str());
    }
    const long walks = count(r, "walks", "started");
    CHECK(walks == l2_misses + count(r, "walks", "dirty_assists") + count(r, "walks", "permission_rewalks"));
    CHECK(walks == count(r, "walks", "completed_4k") + count(r, "walks", "completed_2m") +
                       count(r, "walks", "completed_1g") + count(r, "walks", "faulted"));
    long kinds = 0;
    for (const char* kind : {"anonymous_zero", "anonymous", "file_read", "file_cow", "file_shared",
                             "cow_copy", "cow_reuse", "swap", "spurious", "anonymous_huge", "anonymous_huge_zero"})
        kinds += count(r, "page_faults", kind);
    CHECK(kinds == count(r, "page_faults", "minor") + count(r, "page_faults", "major"));
    CHECK(count(r, "page_faults", "total") == count(r, "page_faults", "minor") +
                                                  count(r, "page_faults", "major") +
                                                  count(r, "page_faults", "signalled"));
}

}  // namespace

TEST_CASE("Whole guests: on every preset the output is the same and the counts add up") {
    const test::ProcessResult native = test::run({guest_path("brk_grow_shrink.glibc")});
    for (const mmu::TlbConfig& preset : mmu::presets()) {
        INFO("preset " << preset.name);
        const Words tlb = {"--tlb", preset.name};
        check_sums(statistics_of({guest_path("random_reach.glibc"), "600", "5000"}, tlb));
        const test::ProcessResult result =
            test::emulate({"run", "--tlb", preset.name}, {guest_path("brk_grow_shrink.glibc")});
        CHECK(result.out == native.out);
    }
}

TEST_CASE("Whole guests: --verify finds no difference to the brute-force model") {
    for (const char* tlb : {"skylake-sp", "golden-cove", "zen4"}) {
        INFO("preset " << tlb);
        for (const char* guest :
             {"hello.glibc", "brk_grow_shrink.glibc", "segv_handler.glibc", "self_modifying.glibc"})
            test::check_as_native({guest_path(guest)}, {}, {"run", "--verify", "--tlb", tlb});
    }
}

TEST_CASE("Whole guests: a walk over more pages than a level holds misses each time, over fewer never") {
    const auto misses = [](const char* pages, const char* group, const char* name) {
        const json some = statistics_of({guest_path("stride_reach.glibc"), pages, "100"});
        const json more = statistics_of({guest_path("stride_reach.glibc"), pages, "300"});
        return static_cast<double>(count(more, group, name) - count(some, group, name)) / 200 /
               std::stod(pages);
    };
    // Skylake-SP: L1 dTLB 64 entries, 4-way, tree-PLRU; STLB 1536 entries.
    CHECK(misses("32", "l1_dtlb", "load_misses") < 0.05);
    CHECK(misses("256", "l1_dtlb", "load_misses") > 0.9);
    CHECK(misses("256", "l2_tlb", "load_misses") < 0.05);
    CHECK(misses("6000", "l2_tlb", "load_misses") > 0.9);
}

TEST_CASE("Whole guests: two runs end in the same state with the same statistics") {
    for (const Words& guest : {Words{guest_path("hello.glibc")},
                               {guest_path("brk_grow_shrink.glibc")},
                               {guest_path("float_print.glibc")},
                               {kBusybox, "sha256sum", guest_path("hello.glibc")}}) {
        json runs[2];
        for (json& report : runs) {
            report = statistics_of(guest, {"--state-hash", "--seed", "5"});
            check_sums(report);
            report.erase("host_seconds");
            report.erase("host_mips");
            report.erase("decode_seconds");
        }
        CHECK(runs[0].at("state_hash").get<std::string>().size() >= 16);
        CHECK(runs[0] == runs[1]);
    }
}

TEST_CASE("Whole guests: the seed changes what is random and the state, not the output") {
    const Words guest = {guest_path("hello.glibc")};
    const auto hash = [&](const Words& options) {
        Words all = {"--state-hash"};
        all.insert(all.end(), options.begin(), options.end());
        return statistics_of(guest, all).at("state_hash").get<std::string>();
    };
    CHECK(hash({"--seed", "1"}) != hash({"--seed", "2"}));
    CHECK(hash({"--randomize", "--seed", "1"}) != hash({"--seed", "1"}));
    CHECK(hash({"--randomize", "--seed", "1"}) == hash({"--randomize", "--seed", "1"}));
    test::check_as_native(guest, {}, {"run", "--randomize", "--seed", "3"});
}

TEST_CASE("Whole guests: 5-level page tables make walks longer and nothing else different") {
    const Words guest = {guest_path("brk_grow_shrink.glibc")};
    test::check_as_native(guest, {}, {"run", "--la57"});
    const json four = statistics_of(guest), five = statistics_of(guest, {"--la57"});
    check_sums(five);
    CHECK(count(five, "walks", "memory_references") > count(four, "walks", "memory_references"));
    CHECK(five.at("page_faults") == four.at("page_faults"));
}
