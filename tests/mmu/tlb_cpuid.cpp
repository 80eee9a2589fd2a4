// The TLB and cache leaves, decoded back as a guest decodes them.
#include "mmu/tlb_cpuid.h"

#include <algorithm>
#include <set>

#include "mmu/presets.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

CpuidLeaf leaf_of(const TlbConfig& config, u32 leaf, u32 subleaf = 0) {
    for (const CpuidLeaf& each : cpuid_tlb_leaves(config))
        if (each.leaf == leaf && each.subleaf == subleaf) return each;
    return {};
}

bool is_amd(const TlbConfig& config) {
    return config.cpu.vendor == "AuthenticAMD";
}

/// Entries that a list reports for a page size.
u32 entries(const std::vector<TlbArrayConfig>& list, PageSize size) {
    u32 sum = 0;
    for (const TlbArrayConfig& array : list)
        if (array.sizes.holds(size)) sum += array.reported_entries ? array.reported_entries : array.entries();
    return sum;
}

/// Leaf 2 as intel_init_cacheinfo of glibc reads it: bytes of the registers whose bit 31 is clear, without
/// AL.
std::multiset<u32> descriptors(const CpuidLeaf& leaf) {
    std::multiset<u32> result;
    const u32 registers[] = {leaf.eax & ~0xffu, leaf.ebx, leaf.ecx, leaf.edx};
    for (u32 word : registers)
        if (!(word >> 31))
            for (unsigned shift = 0; shift < 32; shift += 8)
                if (u32 byte = word >> shift & 0xff) result.insert(byte);
    return result;
}

}  // namespace

TEST_CASE("cpuid_tlb_leaves: leaf 2 gives the descriptors once, none hidden by bit 31") {
    for (const TlbConfig& config : presets()) {
        if (is_amd(config)) continue;
        INFO(config.name);
        const CpuidLeaf leaf = leaf_of(config, 2);
        CHECK((leaf.eax & 0xff) == 1);
        const auto& wanted = config.cpu.leaf2_descriptors;
        CHECK(descriptors(leaf) == std::multiset<u32>(wanted.begin(), wanted.end()));
    }
    CHECK(leaf_of(*find_preset("skylake-sp"), 2).eax == 0x76036301);
}

TEST_CASE("cpuid_tlb_leaves: leaf 4 and 8000_001D give the caches back") {
    for (const TlbConfig& config : presets()) {
        INFO(config.name);
        for (u32 i = 0; i < config.cpu.caches.size(); ++i) {
            const CacheConfig& cache = config.cpu.caches[i];
            const CpuidLeaf leaf = leaf_of(config, is_amd(config) ? 0x8000001d : 4, i);
            CHECK((leaf.eax & 31) == static_cast<u32>(cache.type));
            CHECK((leaf.eax >> 5 & 7) == cache.level);
            const u64 ways = (leaf.ebx >> 22) + 1, line = (leaf.ebx & 0xfff) + 1, sets = u64{leaf.ecx} + 1;
            CHECK(ways * line * sets == cache.bytes);
        }
    }
}

TEST_CASE("cpuid_tlb_leaves: leaf 18h gives each array back with its sizes, type, level and entries") {
    for (const TlbConfig& config : presets()) {
        if (!config.cpu.leaf18) continue;
        INFO(config.name);
        u32 found[3][3][4] = {};  // [size][level][data or load, store, instruction, unified]
        const u32 last = leaf_of(config, 0x18).eax;
        CHECK((leaf_of(config, 0x18).edx & 31) == 0);
        for (u32 i = 1; i <= last; ++i) {
            const CpuidLeaf leaf = leaf_of(config, 0x18, i);
            const u32 type = leaf.edx & 31, level = leaf.edx >> 5 & 7, ways = leaf.ebx >> 16;
            REQUIRE(type >= 1);
            REQUIRE(type <= 5);
            CHECK((leaf.edx >> 8 & 1) == (leaf.ecx == 1));
            const u32 role = type == 1 || type == 4 ? 0 : type == 5 ? 1 : type == 2 ? 2 : 3;
            const u32 size_bits[] = {1, 2, 8};
            for (unsigned size = 0; size < 3; ++size)
                if (leaf.ebx & size_bits[size]) found[size][level][role] += ways * leaf.ecx;
        }
        for (PageSize size : kPageSizes) {
            const auto& at = found[index_of(size)];
            CHECK(at[1][0] == entries(config.l1_load, size));
            CHECK(at[1][1] == entries(config.l1_store, size));
            CHECK(at[1][2] == entries(config.l1_instruction, size));
            CHECK(at[2][3] == entries(config.l2, size));
        }
    }
    const TlbConfig golden = *find_preset("golden-cove");
    CHECK(leaf_of(golden, 0x18, 3).ebx >> 16 == 4);  // 64 x 4 ways, as Sapphire Rapids itself says
    CHECK(leaf_of(golden, 0x18, 3).ecx == 16);
}

TEST_CASE("cpuid_tlb_leaves: leaves 8000_0005, 6 and 19h give AMD's TLBs back") {
    for (const TlbConfig& config : presets()) {
        if (!is_amd(config)) continue;
        INFO(config.name);
        const u32 scale = leaf_of(config, 0x80000021).eax >> 14 & 1 ? 32 : 1;
        CHECK((scale == 32) == (config.name == "zen5"));
        const CpuidLeaf l1 = leaf_of(config, 0x80000005), l2 = leaf_of(config, 0x80000006),
                        huge = leaf_of(config, 0x80000019);
        CHECK((l1.ebx >> 16 & 0xff) == entries(config.l1_load, PageSize::k4K));
        CHECK((l1.ebx & 0xff) == entries(config.l1_instruction, PageSize::k4K));
        CHECK((l1.eax >> 16 & 0xff) == entries(config.l1_load, PageSize::k2M));
        CHECK(l1.ebx >> 24 == 0xff);
        CHECK((l2.ebx >> 16 & 0xfff) * scale == entries(config.l2, PageSize::k4K));
        CHECK((l2.ebx & 0xfff) * scale == entries(config.l2_instruction, PageSize::k4K));
        CHECK((l2.eax >> 16 & 0xfff) * scale == entries(config.l2, PageSize::k2M));
        CHECK(l2.ebx >> 28 == 6);  // 8 ways for 4K pages
        CHECK((huge.eax >> 16 & 0xfff) == entries(config.l1_load, PageSize::k1G));
        CHECK((huge.ebx >> 16 & 0xfff) * scale == entries(config.l2, PageSize::k1G));
        CHECK(u64{l1.ecx >> 24} << 10 == config.cpu.caches[0].bytes);
        CHECK(u64{l2.ecx >> 16} << 10 == config.cpu.caches[2].bytes);
        CHECK(u64{l2.edx >> 18} << 19 == config.cpu.caches[3].bytes);
    }
    // EPYC 7742: 64 entries each, fully associative; 2048 x 8 ways and 1024 x 8 ways of 4K pages.
    CHECK(leaf_of(*find_preset("zen2"), 0x80000005).ebx == 0xff40ff40);
    CHECK(leaf_of(*find_preset("zen2"), 0x80000006).ebx == 0x68006400);
    CHECK(leaf_of(*find_preset("zen2"), 0x80000006).eax == 0x48006400);
}

TEST_CASE("cpuid_tlb_leaves: leaf 8000_0008 gives the address widths; leaf 1 the signature") {
    for (const TlbConfig& config : presets()) {
        const CpuidLeaf leaf = leaf_of(config, 0x80000008);
        CHECK((leaf.eax & 0xff) == config.cpu.physical_bits);
        CHECK((leaf.eax >> 8 & 0xff) == config.cpu.virtual_bits);
    }
    CHECK(cpuid_signature(find_preset("skylake-sp")->cpu) == 0x50654);
    CHECK(cpuid_signature(find_preset("ice-lake")->cpu) == 0x606a6);
    CHECK(cpuid_signature(find_preset("golden-cove")->cpu) == 0x806f8);
    CHECK(cpuid_signature(find_preset("zen2")->cpu) == 0x830f10);
    CHECK(cpuid_signature(find_preset("zen5")->cpu) == 0xb00f21);
}
