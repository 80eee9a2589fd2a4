// The L0 front by itself.
#include "mmu/l0.h"

#include <catch2/catch.hpp>
#include <memory>

#include "mmu/base/rng.h"

using mmu::kPageSize, mmu::L0, mmu::u64, mmu::u8;

TEST_CASE("L0: neighbouring pages never share a slot") {
    for (u64 page = 1; page < u64{1} << 20; ++page)
        REQUIRE(L0::index(page * kPageSize) != L0::index((page - 1) * kPageSize));
    mmu::Rng rng(1);
    for (unsigned n = 0; n < 100'000; ++n) {
        const u64 boundary = rng.next() & ~mmu::mask(20, 0);  // where more than the lowest bits change
        REQUIRE(L0::index(boundary) != L0::index(boundary - 1));
    }
}

TEST_CASE("L0: an access that crosses a page is a miss, though both pages have slots") {
    const auto l0 = std::make_unique<L0>();
    static u8 bytes[2 * kPageSize];
    u64 stamp = 0;
    for (const u64 boundary : {u64{0x2000'0000}, u64{0x7fff'0000}, u64{0x40'0000'0000}}) {
        L0::fill(l0->load, mmu::VirtAddr{boundary - kPageSize}, bytes, &stamp);
        L0::fill(l0->load, mmu::VirtAddr{boundary}, bytes + kPageSize, &stamp);
        CHECK(l0->hit(l0->load, boundary - 8, 8) == bytes + kPageSize - 8);
        CHECK(l0->hit(l0->load, boundary, 8) == bytes + kPageSize);
        CHECK(l0->hit(l0->load, boundary - 1, 2) == nullptr);
        CHECK(l0->hit(l0->load, boundary - 7, 8) == nullptr);
        l0->load[L0::index(boundary - 1)].tag = L0::impossible_tag(L0::index(boundary - 1));
        CHECK(l0->hit(l0->load, boundary - 1, 2) == nullptr);
    }
}
