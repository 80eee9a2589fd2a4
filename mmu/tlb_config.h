// The shape of one CPU's TLBs as a plain value: which arrays there are, how they are indexed and replaced,
// how the levels relate, and where each fact was found. Presets are rows of these values (presets.cpp); a
// user's own comes from a TOML file (emu/cli/tlb_file). It knows nothing of contents.
#pragma once

#include <string>
#include <vector>

#include "mmu/arch/addr.h"
#include "mmu/base/expected.h"

namespace mmu {

/// Where a figure comes from, and whether it is a guess where nothing is published.
struct Provenance {
    std::string source{};
    bool assumed = false;

    friend bool operator==(const Provenance&, const Provenance&) = default;
};

/// A set of page sizes.
struct PageSizes {
    bool k4 = false, m2 = false, g1 = false;

    constexpr bool holds(PageSize size) const {
        return size == PageSize::k4K ? k4 : size == PageSize::k2M ? m2 : g1;
    }
    constexpr bool any() const { return k4 || m2 || g1; }
    friend constexpr bool operator==(PageSizes, PageSizes) = default;
};

/// How a page number becomes a set number (sets = 2^n).
enum class SetIndex : u8 {
    kLinear,  ///< its low n bits
    kXor,     ///< its low n bits XOR the next n (Intel's STLB: "XOR-7" with 128 sets)
};

/// One array of a TLB. Fully associative: sets = 1. Direct-mapped: ways = 1.
struct TlbArrayConfig {
    std::string name{};  ///< as reports show it, "L1D 4K"
    PageSizes sizes{};
    u32 sets = 1;  ///< a power of two
    u32 ways = 1;
    SetIndex index = SetIndex::kLinear;
    std::string policy = "lru";  ///< a name from replacement.h
    u32 reported_entries = 0;    ///< what CPUID says where it differs from sets * ways; else 0
    u32 reported_ways = 0;       ///< the same for ways
    u32 reported_ways_2m = 0;    ///< and for 2M pages in an array that reports them apart
    Provenance provenance{};

    constexpr u32 entries() const { return sets * ways; }
    friend bool operator==(const TlbArrayConfig&, const TlbArrayConfig&) = default;
};

/// How the second level relates to the first.
enum class HierarchyRule : u8 {
    kNonInclusive,  ///< a walk fills both; an L2 hit re-inserts in L1; an L1 hit does not touch L2; no write
                    ///< back
    kInclusive,     ///< the same, and what leaves L2 leaves the L1s it serves
    kExclusive,     ///< a walk fills L1; what L1 evicts goes to L2; an L2 hit moves the entry to L1
};

/// Entries of the paging-structure caches, each fully associative with LRU; 0 = none.
struct WalkCacheConfig {
    u32 pml5e = 2, pml4e = 4, pdpte = 4, pde = 32;
    Provenance provenance{};
    friend bool operator==(const WalkCacheConfig&, const WalkCacheConfig&) = default;
};

/// Cycles, for reports only: they change no count.
struct TlbPenalties {
    u32 l2_hit = 7;           ///< L1 miss that hits L2
    u32 walk_reference = 10;  ///< each paging-structure entry that a walk reads
    Provenance provenance{};
    friend bool operator==(const TlbPenalties&, const TlbPenalties&) = default;
};

/// A data or instruction cache, only for CPUID: C libraries size their memcpy by it.
struct CacheConfig {
    enum class Type : u8 { kData = 1, kInstruction = 2, kUnified = 3 };
    u32 level = 1;
    Type type = Type::kData;
    u64 bytes = 0;
    u32 ways = 8;
    u32 line = 64;  ///< bytes

    constexpr u64 sets() const { return bytes / (u64{ways} * line); }
    friend bool operator==(const CacheConfig&, const CacheConfig&) = default;
};

/// What CPUID says of the CPU itself.
struct CpuIdentity {
    std::string vendor = "GenuineIntel";  ///< 12 characters
    std::string brand{};                  ///< up to 47 characters
    u32 family = 6, model = 0, stepping = 0;
    u32 virtual_bits = 48;   ///< 48, or 57 with LA57
    u32 physical_bits = 46;  ///< MAXPHYADDR
    bool page_1g = true;
    std::vector<u8>
        leaf2_descriptors{};  ///< Intel, SDM Vol. 2A table 3-12; FEh = see leaf 18h, FFh = see leaf 4
    bool leaf18 = false;      ///< Intel, Ice Lake and later: TLBs are told by leaf 18h
    std::vector<CacheConfig> caches{};

    bool la57() const { return virtual_bits >= 57; }
    friend bool operator==(const CpuIdentity&, const CpuIdentity&) = default;
};

struct TlbConfig {
    std::string name{};         ///< "skylake-sp"
    std::string description{};  ///< one line
    CpuIdentity cpu{};

    /// Arrays of the first level. Where several arrays of a list hold one page size, the page-number bits
    /// above the set index choose among them. A page of a size that a list does not hold is cached there in
    /// pieces.
    std::vector<TlbArrayConfig> l1_instruction{};
    std::vector<TlbArrayConfig> l1_load{};   ///< loads, and stores too where l1_store is empty
    std::vector<TlbArrayConfig> l1_store{};  ///< empty: loads and stores share
    /// Arrays of the second level; all may be empty. A page of a size that they do not hold is not cached
    /// there, or in pieces with `l2_pieces`.
    std::vector<TlbArrayConfig> l2{};  ///< data, and instructions too where l2_instruction is empty
    std::vector<TlbArrayConfig> l2_instruction{};  ///< empty: shared
    HierarchyRule rule = HierarchyRule::kNonInclusive;
    bool l2_pieces = false;
    Provenance hierarchy{};

    WalkCacheConfig walk_caches{};
    TlbPenalties penalties{};

    /// Every field is in range and they fit together; else one sentence that names the field.
    Expected<void, Error> validate() const;

    /// The seed of the generator of array `number` (in the order of the lists above).
    static constexpr u64 seed_of_array(u64 seed, u64 number) { return seed + number * 0x9e3779b97f4a7c15; }

    friend bool operator==(const TlbConfig&, const TlbConfig&) = default;
};

const char* name_of(SetIndex index);
const char* name_of(HierarchyRule rule);
/// "4K+2M"
std::string name_of(PageSizes sizes);

}  // namespace mmu
