// --verify must find what is wrong: each kind of planted difference is told in a sentence.
#include "tests/mmu/machine.h"

#include "mmu/verifier.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};

/// A hierarchy with one page in it, and the verifier that has followed it there.
struct Bench {
    explicit Bench(bool dirty = true)
        : memory(std::move(*PhysicalMemory::create(1 << 20))), tlb(small_tlb(), 1), verifier(tlb, memory, 1) {
        tlb.attach(verifier.front());
        entry = {.page_number = kAddress.page_number(), .writable = true, .user = true, .dirty = dirty};
        entry.frame = PhysAddr{0x1000};
        verifier.looked_up(RefKind::kLoad, kAddress, 0, tlb.lookup(RefKind::kLoad, kAddress, 0));
        way = tlb.fill(RefKind::kLoad, kAddress, entry);
        verifier.filled(RefKind::kLoad, kAddress, entry);
    }
    void plant(L0::Slot* slots, VirtAddr page, u64 physical) {
        L0::fill(slots, page.page_base(), memory.host(PhysAddr{physical}),
                 tlb.front_stamp(RefKind::kLoad, way));
    }
    u8* hit(VirtAddr address, Access access) {
        return verifier.try_front(address, access, Privilege::kUser, ControlRegisters{});
    }
    std::string failure() const { return verifier.failure().value_or(""); }

    PhysicalMemory memory;
    TlbHierarchy tlb;
    Verifier verifier;
    TlbEntry entry;
    TlbWay* way = nullptr;
};

}  // namespace

TEST_CASE("Verifier: a run without a difference has no failure") {
    Bench bench;
    bench.plant(bench.verifier.front()->load, kAddress, 0x1000);
    REQUIRE(bench.hit(kAddress, Access::kLoad) == bench.memory.host(PhysAddr{0x1abc}));
    bench.verifier.looked_up(RefKind::kLoad, kAddress, 0, bench.tlb.lookup(RefKind::kLoad, kAddress, 0));
    bench.verifier.invalidated_page(kAddress, 0, bench.tlb.invalidate_page(kAddress, 0));
    REQUIRE(bench.failure() == "");
}

TEST_CASE("Verifier: an L0 slot for a page that is not in the TLB is found") {
    Bench bench;
    bench.plant(bench.verifier.front()->load, VirtAddr{0x5000}, 0x1000);
    bench.hit(VirtAddr{0x5000}, Access::kLoad);
    REQUIRE(bench.failure() != "");
}

TEST_CASE("Verifier: an L0 slot that leads to another byte than its entry is found") {
    Bench bench;
    bench.plant(bench.verifier.front()->load, kAddress, 0x2000);
    bench.hit(kAddress, Access::kLoad);
    REQUIRE(bench.failure().find("another byte") != std::string::npos);
}

TEST_CASE("Verifier: a store slot for a clean page is found") {
    Bench bench(false);
    bench.plant(bench.verifier.front()->store, kAddress, 0x1000);
    bench.hit(kAddress, Access::kStore);
    REQUIRE(bench.failure().find("does not allow") != std::string::npos);
}

TEST_CASE("Verifier: a lookup with another outcome, and a wrong number of dropped entries, are found") {
    Bench lookup;
    lookup.verifier.looked_up(RefKind::kLoad, kAddress, 0, {TlbHierarchy::Level::kMiss, nullptr});
    REQUIRE(lookup.failure() != "");
    Bench flush;
    flush.verifier.invalidated_all(flush.tlb.invalidate_all() + 1);
    REQUIRE(flush.failure().find("dropped") != std::string::npos);
}

TEST_CASE("Verifier: only the first difference is kept") {
    Bench bench;
    bench.plant(bench.verifier.front()->load, kAddress, 0x2000);
    bench.hit(kAddress, Access::kLoad);
    const std::string first = bench.failure();
    bench.verifier.invalidated_all(99);
    REQUIRE(bench.failure() == first);
}
