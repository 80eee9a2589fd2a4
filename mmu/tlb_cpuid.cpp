// TLBs, caches and address widths as CPUID leaves; see tlb_cpuid.h.
#include "mmu/tlb_cpuid.h"

#include <algorithm>

namespace mmu {
namespace {

using List = std::vector<TlbArrayConfig>;

u32 entries_of(const TlbArrayConfig& array) {
    return array.reported_entries ? array.reported_entries : array.entries();
}
u32 ways_of(const TlbArrayConfig& array, PageSize size) {
    if (size == PageSize::k2M && array.reported_ways_2m) return array.reported_ways_2m;
    return array.reported_ways ? array.reported_ways : array.ways;
}

// ---- Intel

/// Leaf 2: up to fifteen descriptor bytes; AL is 01h, "once is enough"; bit 31 clear = the register is valid.
CpuidLeaf descriptors_leaf(const std::vector<u8>& descriptors) {
    u8 bytes[16] = {0x01};
    // The top byte of a register keeps bit 31 clear: a descriptor above 7Fh moves on to the next place.
    usize place = 1;
    for (u8 descriptor : descriptors) {
        while (place < 16 && place % 4 == 3 && descriptor & 0x80) ++place;
        if (place < 16) bytes[place++] = descriptor;
    }
    const auto word = [&](unsigned i) {
        return u32{bytes[i]} | u32{bytes[i + 1]} << 8 | u32{bytes[i + 2]} << 16 | u32{bytes[i + 3]} << 24;
    };
    return {.leaf = 2, .eax = word(0), .ebx = word(4), .ecx = word(8), .edx = word(12)};
}

/// Leaf 4 and, with the same fields, AMD's 8000_001D. One logical processor, one core.
CpuidLeaf cache_leaf(u32 leaf, u32 subleaf, const CacheConfig& cache) {
    constexpr u32 kSelfInitializing = 1u << 8;
    return {.leaf = leaf,
            .subleaf = subleaf,
            .eax = static_cast<u32>(cache.type) | cache.level << 5 | kSelfInitializing,
            .ebx = (cache.line - 1) | (cache.ways - 1) << 22,
            .ecx = static_cast<u32>(cache.sets() - 1)};
}

enum class Leaf18Type : u32 { kNone = 0, kData = 1, kInstruction = 2, kUnified = 3, kLoad = 4, kStore = 5 };

CpuidLeaf tlb_leaf(u32 subleaf, const TlbArrayConfig& array, Leaf18Type type, u32 level) {
    const u32 ways = ways_of(array, PageSize::k4K);
    const u32 sets = entries_of(array) / ways;
    const u32 sizes = (array.sizes.k4 ? 1u : 0u) | (array.sizes.m2 ? 6u : 0u) | (array.sizes.g1 ? 8u : 0u);
    return {.leaf = 0x18,
            .subleaf = subleaf,
            .ebx = sizes | ways << 16,
            .ecx = sets,
            .edx = static_cast<u32>(type) | level << 5 | (sets == 1 ? 1u << 8 : 0u)};
}

void add_leaf18(std::vector<CpuidLeaf>& leaves, const TlbConfig& config) {
    const usize first = leaves.size();
    leaves.push_back({.leaf = 0x18});
    u32 subleaf = 0;
    const auto add = [&](const List& list, Leaf18Type type, u32 level) {
        for (const TlbArrayConfig& array : list) leaves.push_back(tlb_leaf(++subleaf, array, type, level));
    };
    const bool split = !config.l1_store.empty();
    const bool shared_l2 = config.l2_instruction.empty();
    add(config.l1_instruction, Leaf18Type::kInstruction, 1);
    add(config.l1_load, split ? Leaf18Type::kLoad : Leaf18Type::kData, 1);
    add(config.l1_store, Leaf18Type::kStore, 1);
    add(config.l2, shared_l2 ? Leaf18Type::kUnified : Leaf18Type::kData, 2);
    add(config.l2_instruction, Leaf18Type::kInstruction, 2);
    leaves[first].eax = subleaf;
}

// ---- AMD

/// Four bits for a number of ways (APM Vol. 3, table E-4).
u32 way_code(u32 ways, bool fully_associative) {
    if (fully_associative) return 0xf;
    constexpr struct {
        u32 ways, code;
    } kCodes[] = {{128, 0xe}, {96, 0xd}, {64, 0xc}, {48, 0xb}, {32, 0xa}, {16, 8},
                  {8, 6},     {6, 5},    {4, 4},    {3, 3},    {2, 2},    {1, 1}};
    for (const auto& [most, code] : kCodes)
        if (ways >= most) return code;
    return 0;
}

/// The arrays of a list that hold a size, as CPUID sees them: one of so many entries.
struct Reported {
    u32 entries = 0, ways = 0;
    bool fully_associative = false;
};
Reported reported(const List& list, PageSize size) {
    Reported result;
    for (const TlbArrayConfig& array : list) {
        if (!array.sizes.holds(size)) continue;
        result.entries += entries_of(array);
        result.ways = ways_of(array, size);
        result.fully_associative = array.sets == 1;
    }
    return result;
}

/// {data ways, data entries, instruction ways, instruction entries}, a byte each.
u32 amd_l1_word(const Reported& data, const Reported& code) {
    const auto half = [](const Reported& tlb) {
        const u32 ways = tlb.fully_associative ? 0xff : tlb.ways;
        return std::min(ways, 0xffu) << 8 | std::min(tlb.entries, 0xffu);
    };
    return half(data) << 16 | half(code);
}

/// The same with four bits of ways and twelve of entries, in units of `scale` entries.
u32 amd_l2_word(const Reported& data, const Reported& code, u32 scale) {
    const auto half = [&](const Reported& tlb) {
        return way_code(tlb.ways, tlb.fully_associative) << 12 | std::min(tlb.entries / scale, 0xfffu);
    };
    return half(data) << 16 | half(code);
}

const CacheConfig* cache_of(const CpuIdentity& cpu, u32 level, CacheConfig::Type type) {
    for (const CacheConfig& cache : cpu.caches)
        if (cache.level == level && cache.type == type) return &cache;
    return nullptr;
}

u32 amd_l1_cache_word(const CacheConfig* cache) {
    if (!cache) return 0;
    constexpr u32 kOneLinePerTag = 1u << 8;
    const u32 kib = static_cast<u32>(std::min<u64>(cache->bytes >> 10, 0xff));
    return kib << 24 | std::min(cache->ways, 0xffu) << 16 | kOneLinePerTag | (cache->line & 0xff);
}

u32 l2_cache_word(const CacheConfig* cache) {
    if (!cache) return 0;
    constexpr u32 kOneLinePerTag = 1u << 8;
    const u32 kib = static_cast<u32>(std::min<u64>(cache->bytes >> 10, 0xffff));
    return kib << 16 | way_code(cache->ways, false) << 12 | kOneLinePerTag | (cache->line & 0xff);
}

u32 amd_l3_cache_word(const CacheConfig* cache) {
    if (!cache) return 0;
    constexpr u32 kOneLinePerTag = 1u << 8;
    const u32 units = static_cast<u32>(std::min<u64>(cache->bytes >> 19, 0x3fff));  // of 512 KiB
    return units << 18 | way_code(cache->ways, false) << 12 | kOneLinePerTag | (cache->line & 0xff);
}

void add_amd(std::vector<CpuidLeaf>& leaves, const TlbConfig& config) {
    using Type = CacheConfig::Type;
    const auto word = [](const List& data, const List& code, PageSize size, auto make) {
        return make(reported(data, size), reported(code, size));
    };
    const List& l2_code = config.l2_instruction.empty() ? config.l2 : config.l2_instruction;
    u32 largest = 0;
    for (PageSize size : kPageSizes)
        for (const List* list : {&config.l2, &l2_code})
            largest = std::max(largest, reported(*list, size).entries);
    const u32 scale = largest > 0xfff ? 32 : 1;
    const auto l1 = [&](PageSize size) {
        return word(config.l1_load, config.l1_instruction, size, amd_l1_word);
    };
    const auto l2 = [&](const List& data, const List& code, PageSize size) {
        return word(data, code, size,
                    [&](const Reported& d, const Reported& c) { return amd_l2_word(d, c, scale); });
    };
    const auto l1_in_l2_format = [&](PageSize size) {
        return word(config.l1_load, config.l1_instruction, size,
                    [](const Reported& d, const Reported& c) { return amd_l2_word(d, c, 1); });
    };
    leaves.push_back({.leaf = 0x80000005,
                      .eax = l1(PageSize::k2M),
                      .ebx = l1(PageSize::k4K),
                      .ecx = amd_l1_cache_word(cache_of(config.cpu, 1, Type::kData)),
                      .edx = amd_l1_cache_word(cache_of(config.cpu, 1, Type::kInstruction))});
    leaves.push_back({.leaf = 0x80000006,
                      .eax = l2(config.l2, l2_code, PageSize::k2M),
                      .ebx = l2(config.l2, l2_code, PageSize::k4K),
                      .ecx = l2_cache_word(cache_of(config.cpu, 2, Type::kUnified)),
                      .edx = amd_l3_cache_word(cache_of(config.cpu, 3, Type::kUnified))});
    leaves.push_back({.leaf = 0x80000019,
                      .eax = l1_in_l2_format(PageSize::k1G),
                      .ebx = l2(config.l2, l2_code, PageSize::k1G)});
    for (u32 i = 0; i < config.cpu.caches.size(); ++i)
        leaves.push_back(cache_leaf(0x8000001d, i, config.cpu.caches[i]));
    constexpr u32 kL2TlbSizeX32 = 1u << 14;
    leaves.push_back({.leaf = 0x80000021,
                      .eax = scale == 32 ? kL2TlbSizeX32 : 0,
                      .eax_mask = kL2TlbSizeX32,
                      .ebx_mask = 0,
                      .ecx_mask = 0,
                      .edx_mask = 0});
}

void add_intel(std::vector<CpuidLeaf>& leaves, const TlbConfig& config) {
    leaves.push_back(descriptors_leaf(config.cpu.leaf2_descriptors));
    for (u32 i = 0; i < config.cpu.caches.size(); ++i)
        leaves.push_back(cache_leaf(4, i, config.cpu.caches[i]));
    if (config.cpu.leaf18) add_leaf18(leaves, config);
    leaves.push_back(
        {.leaf = 0x80000006, .ecx = l2_cache_word(cache_of(config.cpu, 2, CacheConfig::Type::kUnified))});
}

}  // namespace

std::vector<CpuidLeaf> cpuid_tlb_leaves(const TlbConfig& config) {
    std::vector<CpuidLeaf> leaves;
    if (config.cpu.vendor == "AuthenticAMD" || config.cpu.vendor == "HygonGenuine")
        add_amd(leaves, config);
    else
        add_intel(leaves, config);
    leaves.push_back({.leaf = 0x80000008,
                      .eax = config.cpu.physical_bits | config.cpu.virtual_bits << 8,
                      .eax_mask = 0xffff,
                      .ebx_mask = 0,
                      .ecx_mask = 0,
                      .edx_mask = 0});
    std::sort(leaves.begin(), leaves.end(), [](const CpuidLeaf& a, const CpuidLeaf& b) {
        return a.leaf != b.leaf ? a.leaf < b.leaf : a.subleaf < b.subleaf;
    });
    return leaves;
}

u32 cpuid_signature(const CpuIdentity& cpu) {
    const u32 base_family = std::min(cpu.family, 0xfu);
    const u32 extended_family = cpu.family - base_family;
    const bool extended_model = base_family == 0xf || base_family == 6;
    return extended_family << 20 | (extended_model ? cpu.model >> 4 : 0) << 16 | base_family << 8 |
           (cpu.model & 0xf) << 4 | cpu.stepping;
}

}  // namespace mmu
