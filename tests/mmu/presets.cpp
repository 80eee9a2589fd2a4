// Every preset is a sound configuration under its own name.
#include "mmu/presets.h"

#include <catch2/catch.hpp>

#include "mmu/tlb_hierarchy.h"

using namespace mmu;

TEST_CASE("presets: each validates, is found by its name and gives its arrays a source") {
    for (const TlbConfig& config : presets()) {
        INFO(config.name);
        const auto valid = config.validate();
        if (!valid) FAIL(valid.error().message);
        CHECK(find_preset(config.name) == config);
        for (const auto* list :
             {&config.l1_instruction, &config.l1_load, &config.l1_store, &config.l2, &config.l2_instruction})
            for (const TlbArrayConfig& array : *list) CHECK(!array.provenance.source.empty());
        const TlbHierarchy hierarchy(config, 1);
        CHECK(!hierarchy.granular());
    }
    CHECK(find_preset(kDefaultPreset).has_value());
    CHECK(!find_preset("pentium"));
}

TEST_CASE("presets: a page that was filled hits, first in L1, then in L2 once its L1 set is full") {
    TlbHierarchy tlb(*find_preset("skylake-sp"), 1);
    const VirtAddr page{0x400000};
    CHECK(tlb.lookup(RefKind::kLoad, page, 0).level == TlbHierarchy::Level::kMiss);
    tlb.fill(RefKind::kLoad, page, {.page_number = page.page_number(), .frame = PhysAddr{0x7000}});
    const auto hit = tlb.lookup(RefKind::kLoad, page + 0x123, 0);
    REQUIRE(hit.level == TlbHierarchy::Level::kL1);
    CHECK(tlb.entry(hit.way).translate(page + 0x123) == PhysAddr{0x7123});
    CHECK(tlb.lookup(RefKind::kFetch, page, 0).level == TlbHierarchy::Level::kL2);
    for (u64 i = 1; i <= 4; ++i) {
        const VirtAddr other = page + i * 16 * kPageSize;
        CHECK(tlb.lookup(RefKind::kLoad, other, 0).level == TlbHierarchy::Level::kMiss);
        tlb.fill(RefKind::kLoad, other, {.page_number = other.page_number(), .frame = PhysAddr{0x8000}});
    }
    CHECK(tlb.lookup(RefKind::kLoad, page, 0).level == TlbHierarchy::Level::kL2);
    CHECK(tlb.invalidate_page(page + 0xfff, 0) == 3);
    CHECK(tlb.lookup(RefKind::kFetch, page, 0).level == TlbHierarchy::Level::kMiss);
}
