// CPUID leaves of the modelled CPU; see cpu_model.h.
#include "emu/cpu/cpu_model.h"

#include <cstring>
#include <initializer_list>

namespace emu {
namespace {

using mmu::CacheConfig;

constexpr u32 bits(std::initializer_list<unsigned> positions) {
    u32 word = 0;
    for (const unsigned position : positions) word |= u32{1} << position;
    return word;
}

u32 word_of(const std::string& text, usize at) {
    char bytes[4] = {};
    for (usize n = 0; n < 4 && at + n < text.size(); ++n) bytes[n] = text[at + n];
    u32 word;
    std::memcpy(&word, bytes, 4);
    return word;
}

constexpr u32 kFeatures = u32{1} << static_cast<u8>(Feature::kSse3) |
                          u32{1} << static_cast<u8>(Feature::kCmpxchg16b) |
                          u32{1} << static_cast<u8>(Feature::kInvpcid);

/// Largest basic leaf: enough for the cache and TLB leaves, and below 0Dh, so that nobody asks for XSAVE's.
constexpr u32 kMaxBasic = 7, kMaxBasicWithTlbLeaf = 0x18;
constexpr u32 kMaxExtendedIntel = 0x80000008, kMaxExtendedAmd = 0x8000001d;

/// Leaf 1 EAX. Families of 15 and over, and models of 16 and over, go into the extended fields.
u32 signature(const mmu::CpuIdentity& cpu) {
    const u32 family = cpu.family < 15 ? cpu.family : 15;
    return (cpu.stepping & 15) | (cpu.model & 15) << 4 | family << 8 | (cpu.model >> 4 & 15) << 16 |
           ((cpu.family - family) & 255) << 20;
}

/// Leaf 1 EDX: FPU PSE TSC PAE CX8 PGE CMOV PSE36 CLFSH MMX FXSR SSE SSE2.
constexpr u32 kLeaf1Edx = bits({0, 3, 4, 6, 8, 13, 15, 17, 19, 23, 24, 25, 26});
/// Leaf 8000_0001h EDX of AMD repeats these of leaf 1.
constexpr u32 kRepeatedByAmd = bits({0, 3, 4, 6, 8, 13, 15, 17, 23, 24});

/// Leaves 4 and 8000_001Dh: the cache parameters of subleaf `n`; type 0 behind the last.
CpuidResult cache_leaf(const std::vector<CacheConfig>& caches, u32 n) {
    if (n >= caches.size()) return {};
    const CacheConfig& cache = caches[n];
    constexpr u32 kSelfInitializing = 1u << 8;
    return {static_cast<u32>(cache.type) | cache.level << 5 | kSelfInitializing,
            (cache.line - 1) | (cache.ways - 1) << 22, static_cast<u32>(cache.sets() - 1), 0};
}

/// Leaf 2: AL = 1, then descriptor bytes from AH on.
CpuidResult descriptors(const std::vector<u8>& list) {
    u8 bytes[16] = {1};
    for (usize n = 0; n < list.size() && n < 15; ++n) bytes[n + 1] = list[n];
    CpuidResult result;
    std::memcpy(&result.eax, bytes, 4);
    std::memcpy(&result.ebx, bytes + 4, 4);
    std::memcpy(&result.ecx, bytes + 8, 4);
    std::memcpy(&result.edx, bytes + 12, 4);
    return result;
}

const CacheConfig* find_cache(const std::vector<CacheConfig>& caches, u32 level, CacheConfig::Type type) {
    for (const CacheConfig& cache : caches)
        if (cache.level == level && cache.type == type) return &cache;
    return nullptr;
}

/// AMD's four-bit code of an L2 or L3 associativity (APM Vol. 3 table E-4); 9: see leaf 8000_001Dh.
u32 amd_associativity(u32 ways) {
    switch (ways) {
        case 1:
            return 1;
        case 2:
            return 2;
        case 4:
            return 4;
        case 8:
            return 6;
        case 16:
            return 8;
        case 32:
            return 10;
        case 48:
            return 11;
        case 64:
            return 12;
        case 96:
            return 13;
        case 128:
            return 14;
        default:
            return 9;
    }
}

/// Leaf 8000_0005h ECX and EDX.
u32 amd_l1(const CacheConfig* cache) {
    if (!cache) return 0;
    return static_cast<u32>(cache->bytes >> 10) << 24 | (cache->ways & 255) << 16 | 1u << 8 | cache->line;
}

/// Leaf 8000_0006h ECX (in KiB) and EDX (in units of 512 KiB).
u32 amd_outer(const CacheConfig* cache, unsigned unit_shift, unsigned size_at) {
    if (!cache) return 0;
    return static_cast<u32>(cache->bytes >> unit_shift) << size_at | amd_associativity(cache->ways) << 12 |
           1u << 8 | cache->line;
}

}  // namespace

CpuModel::CpuModel(const mmu::TlbConfig& tlb) : tlb_(tlb), features_(kFeatures) {}

CpuidResult CpuModel::cpuid(u32 leaf, u32 subleaf) const {
    const u32 max_basic = basic(0, 0).eax, max_extended = extended(0x80000000, 0).eax;
    if (leaf <= max_basic) return basic(leaf, subleaf);
    if (leaf >= 0x80000000 && leaf <= max_extended) return extended(leaf, subleaf);
    return is_amd() ? CpuidResult{} : basic(max_basic, subleaf);
}

CpuidResult CpuModel::basic(u32 leaf, u32 subleaf) const {
    const mmu::CpuIdentity& cpu = tlb_.cpu;
    switch (leaf) {
        case 0:
            return {cpu.leaf18 ? kMaxBasicWithTlbLeaf : kMaxBasic, word_of(cpu.vendor, 0),
                    word_of(cpu.vendor, 8), word_of(cpu.vendor, 4)};
        case 1: {
            constexpr u32 kClflushSize = 8u << 8, kOneLogicalProcessor = 1u << 16;
            constexpr u32 kSse3Cx16Pcid = bits({0, 13, 17});
            return {signature(cpu), kClflushSize | kOneLogicalProcessor, kSse3Cx16Pcid, kLeaf1Edx};
        }
        case 2:
            return is_amd() ? CpuidResult{} : descriptors(cpu.leaf2_descriptors);
        case 4:
            return is_amd() ? CpuidResult{} : cache_leaf(cpu.caches, subleaf);
        case 7: {
            constexpr u32 kSmepInvpcidSmap = bits({7, 10, 20}), kUmip = bits({2}), kLa57 = bits({16});
            if (subleaf != 0) return {};
            return {0, kSmepInvpcidSmap, kUmip | (cpu.la57() ? kLa57 : 0), 0};
        }
        default:
            return {};
    }
}

CpuidResult CpuModel::extended(u32 leaf, u32 subleaf) const {
    const mmu::CpuIdentity& cpu = tlb_.cpu;
    const bool amd = is_amd();
    switch (leaf) {
        case 0x80000000:
            if (!amd) return {kMaxExtendedIntel, 0, 0, 0};
            return {kMaxExtendedAmd, word_of(cpu.vendor, 0), word_of(cpu.vendor, 8), word_of(cpu.vendor, 4)};
        case 0x80000001: {
            constexpr u32 kLahfPrefetchw = bits({0, 8}), kSyscallNxLm = bits({11, 20, 29}),
                          kPage1g = bits({26});
            return {amd ? signature(cpu) : 0, 0, kLahfPrefetchw,
                    kSyscallNxLm | (cpu.page_1g ? kPage1g : 0) | (amd ? kLeaf1Edx & kRepeatedByAmd : 0)};
        }
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const usize at = (leaf - 0x80000002) * 16;
            return {word_of(cpu.brand, at), word_of(cpu.brand, at + 4), word_of(cpu.brand, at + 8),
                    word_of(cpu.brand, at + 12)};
        }
        case 0x80000005:
            if (!amd) return {};
            return {0, 0, amd_l1(find_cache(cpu.caches, 1, CacheConfig::Type::kData)),
                    amd_l1(find_cache(cpu.caches, 1, CacheConfig::Type::kInstruction))};
        case 0x80000006: {
            const u32 l2 = amd_outer(find_cache(cpu.caches, 2, CacheConfig::Type::kUnified), 10, 16);
            const u32 l3 = amd_outer(find_cache(cpu.caches, 3, CacheConfig::Type::kUnified), 19, 18);
            return {0, 0, l2, amd ? l3 : 0};
        }
        case 0x80000007:
            return {0, 0, 0, bits({8})};  // the time-stamp counter runs at a constant rate
        case 0x80000008:
            return {cpu.physical_bits | cpu.virtual_bits << 8, 0, 0, 0};
        case 0x8000001d:
            return amd ? cache_leaf(cpu.caches, subleaf) : CpuidResult{};
        default:
            return {};
    }
}

}  // namespace emu
