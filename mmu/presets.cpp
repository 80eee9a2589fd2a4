// Preset rows; see presets.h. Sources, as the rows name them:
//   SOM       Intel 64 and IA-32 Architectures Optimization Reference Manual, the microarchitecture's chapter
//   CPUID     CPUID dumps of the CPU (InstLatx64), leaves 2, 4, 18h, 8000_0005/6/19h
//   tlbdr     github.com/vusec/tlbdr, measurements behind "TLB;DR" (USENIX Security 2022)
//   SOG       AMD Software Optimization Guide of the family
// What nobody has published is marked assumed, and shown so.
#include "mmu/presets.h"

namespace mmu {
namespace {

constexpr PageSizes k4KOnly{.k4 = true}, k2MOnly{.m2 = true}, k1GOnly{.g1 = true},
    k4KAnd2M{.k4 = true, .m2 = true}, k4KAnd1G{.k4 = true, .g1 = true},
    kAnySize{.k4 = true, .m2 = true, .g1 = true};

Provenance from(const char* source) {
    return {source, false};
}
Provenance assumed(const char* source) {
    return {source, true};
}

const char* const kIntelHierarchy =
    "tlbdr tests 1, 2, 6-9: a walk fills both, an STLB hit re-inserts in L1, an L1 hit leaves the STLB "
    "alone, "
    "an L1 eviction writes nothing back";

WalkCacheConfig intel_walk_caches() {
    return {.pml5e = 2, .pml4e = 4, .pdpte = 4, .pde = 32, .provenance = assumed("unpublished")};
}
WalkCacheConfig amd_walk_caches() {
    return {
        .pml5e = 2,
        .pml4e = 32,
        .pdpte = 32,
        .pde = 64,
        .provenance = assumed("SOG: 64-entry page-directory cache for PML4E and PDPTE, PDEs in the L2 TLB; "
                              "the split is a guess")};
}

CacheConfig l1_data(u64 kib, u32 ways) {
    return {1, CacheConfig::Type::kData, kib << 10, ways};
}
CacheConfig l1_code(u64 kib, u32 ways) {
    return {1, CacheConfig::Type::kInstruction, kib << 10, ways};
}
CacheConfig unified(u32 level, u64 kib, u32 ways) {
    return {level, CacheConfig::Type::kUnified, kib << 10, ways};
}

TlbConfig skylake_sp() {
    const SetIndex linear = SetIndex::kLinear;
    return {
        .name = "skylake-sp",
        .description = "Intel Skylake-SP and Cascade Lake (Xeon Gold 6154)",
        .cpu = {.vendor = "GenuineIntel",
                .brand = "Intel(R) Xeon(R) Gold 6154 CPU @ 3.00GHz",
                .family = 6,
                .model = 0x55,
                .stepping = 4,
                .virtual_bits = 48,
                .physical_bits = 46,
                .leaf2_descriptors = {0x63, 0x03, 0x76, 0xff, 0xb5, 0xf0, 0xc3},
                .caches = {l1_data(32, 8), l1_code(32, 8), unified(2, 1024, 16), unified(3, 25344, 11)}},
        .l1_instruction = {{.name = "L1I 4K",
                            .sizes = k4KOnly,
                            .sets = 16,
                            .ways = 8,
                            .index = linear,
                            .policy = "tree-plru",
                            .reported_entries = 64,
                            .provenance = from("SOM; CPUID B5h says 64; index and policy: tlbdr")},
                           {.name = "L1I 2M",
                            .sizes = k2MOnly,
                            .sets = 1,
                            .ways = 8,
                            .policy = "tree-plru",
                            .provenance = from("CPUID 76h, a thread's half; policy assumed")}},
        .l1_load = {{.name = "L1D 4K",
                     .sizes = k4KOnly,
                     .sets = 16,
                     .ways = 4,
                     .index = linear,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 03h; index and policy: tlbdr")},
                    {.name = "L1D 2M",
                     .sizes = k2MOnly,
                     .sets = 8,
                     .ways = 4,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 63h; policy assumed")},
                    {.name = "L1D 1G",
                     .sizes = k1GOnly,
                     .sets = 1,
                     .ways = 4,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 63h; policy assumed")}},
        .l2 = {{.name = "STLB 4K+2M",
                .sizes = k4KAnd2M,
                .sets = 128,
                .ways = 12,
                .index = SetIndex::kXor,
                .policy = "mru3plru4",
                .reported_ways = 6,
                .provenance =
                    from("SOM; CPUID C3h; index and policy: tlbdr, on Skylake and Kaby Lake clients")},
               {.name = "STLB 1G",
                .sizes = k1GOnly,
                .sets = 4,
                .ways = 4,
                .policy = "tree-plru",
                .provenance = from("SOM, CPUID C3h; policy assumed")}},
        .rule = HierarchyRule::kNonInclusive,
        .hierarchy = from(kIntelHierarchy),
        .walk_caches = intel_walk_caches(),
        .penalties = {.l2_hit = 9,
                      .walk_reference = 7,
                      .provenance = assumed("7-9 cycles; 20-30 a cached walk")},
    };
}

/// The second level that Ice Lake brought and Golden Cove kept: two halves, 4K pages in both.
std::vector<TlbArrayConfig> intel_two_half_stlb() {
    return {{.name = "STLB 4K+2M",
             .sizes = k4KAnd2M,
             .sets = 128,
             .ways = 8,
             .policy = "tree-plru",
             .provenance = from("CPUID 18h; index, policy and choice of the half assumed")},
            {.name = "STLB 4K+1G",
             .sizes = k4KAnd1G,
             .sets = 128,
             .ways = 8,
             .policy = "tree-plru",
             .provenance = from("CPUID 18h; index, policy and choice of the half assumed")}};
}

TlbArrayConfig intel_store_dtlb() {
    return {.name = "L1D store",
            .sizes = kAnySize,
            .sets = 1,
            .ways = 16,
            .policy = "lru",
            .provenance = from("SOM, CPUID 18h; policy assumed")};
}

TlbConfig ice_lake() {
    return {
        .name = "ice-lake",
        .description = "Intel Ice Lake server (Xeon Gold 6330); the client differs in address bits",
        .cpu = {.vendor = "GenuineIntel",
                .brand = "Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz",
                .family = 6,
                .model = 0x6a,
                .stepping = 6,
                .virtual_bits = 57,
                .physical_bits = 46,
                .leaf2_descriptors = {0xfe, 0xff, 0xf0},
                .leaf18 = true,
                .caches = {l1_data(48, 12), l1_code(32, 8), unified(2, 1280, 20), unified(3, 43008, 12)}},
        .l1_instruction = {{.name = "L1I 4K",
                            .sizes = k4KOnly,
                            .sets = 16,
                            .ways = 8,
                            .policy = "tree-plru",
                            .provenance = assumed("as on Skylake; CPUID 18h lists only the 2M one")},
                           {.name = "L1I 2M",
                            .sizes = k2MOnly,
                            .sets = 1,
                            .ways = 8,
                            .policy = "tree-plru",
                            .provenance = from("CPUID 18h; policy assumed")}},
        .l1_load = {{.name = "L1D load 4K",
                     .sizes = k4KOnly,
                     .sets = 16,
                     .ways = 4,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 18h; policy as on Skylake")},
                    {.name = "L1D load 2M",
                     .sizes = k2MOnly,
                     .sets = 8,
                     .ways = 4,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 18h; policy assumed")},
                    {.name = "L1D load 1G",
                     .sizes = k1GOnly,
                     .sets = 1,
                     .ways = 8,
                     .policy = "tree-plru",
                     .provenance = from("SOM, CPUID 18h; policy assumed")}},
        .l1_store = {intel_store_dtlb()},
        .l2 = intel_two_half_stlb(),
        .rule = HierarchyRule::kNonInclusive,
        .hierarchy = from("as tlbdr measured on Skylake; assumed to hold"),
        .walk_caches = intel_walk_caches(),
        .penalties = {.l2_hit = 7, .walk_reference = 7, .provenance = assumed("about 7 cycles")},
    };
}

TlbConfig golden_cove() {
    return {
        .name = "golden-cove",
        .description =
            "Intel Golden Cove: Sapphire Rapids (Xeon Platinum 8480+); Alder Lake differs in address bits",
        .cpu = {.vendor = "GenuineIntel",
                .brand = "Intel(R) Xeon(R) Platinum 8480+",
                .family = 6,
                .model = 0x8f,
                .stepping = 8,
                .virtual_bits = 57,
                .physical_bits = 52,
                .leaf2_descriptors = {0xfe, 0xff, 0xf0},
                .leaf18 = true,
                .caches = {l1_data(48, 12), l1_code(32, 8), unified(2, 2048, 16), unified(3, 107520, 15)}},
        .l1_instruction = {{.name = "L1I 4K",
                            .sizes = k4KOnly,
                            .sets = 32,
                            .ways = 8,
                            .policy = "tree-plru",
                            .provenance = from("CPUID 18h; policy assumed")},
                           {.name = "L1I 2M",
                            .sizes = k2MOnly,
                            .sets = 4,
                            .ways = 8,
                            .policy = "tree-plru",
                            .provenance = from("CPUID 18h; policy assumed")}},
        .l1_load = {{.name = "L1D load 4K",
                     .sizes = k4KOnly,
                     .sets = 16,
                     .ways = 6,
                     .policy = "lru",
                     .reported_entries = 64,
                     .reported_ways = 4,
                     .provenance = from("96 x 6 ways: CPUID of Granite Rapids, measurements of Golden Cove; "
                                        "its own CPUID 18h still says 64 x 4; policy assumed")},
                    {.name = "L1D load 2M",
                     .sizes = k2MOnly,
                     .sets = 8,
                     .ways = 4,
                     .policy = "tree-plru",
                     .provenance = from("CPUID 18h; policy assumed")},
                    {.name = "L1D load 1G",
                     .sizes = k1GOnly,
                     .sets = 1,
                     .ways = 8,
                     .policy = "tree-plru",
                     .provenance = from("CPUID 18h; policy assumed")}},
        .l1_store = {intel_store_dtlb()},
        .l2 = intel_two_half_stlb(),
        .rule = HierarchyRule::kNonInclusive,
        .hierarchy = from("as tlbdr measured on Skylake; assumed to hold"),
        .walk_caches = intel_walk_caches(),
        .penalties = {.l2_hit = 7, .walk_reference = 7, .provenance = assumed("about 7 cycles")},
    };
}

/// What all Zen cores share: fully associative L1s of all sizes, L2s of their own for data and instructions.
TlbConfig zen(u32 l1_data_entries) {
    const Provenance l1 = from("CPUID 8000_0005, 8000_0019; policy assumed");
    return {
        .cpu = {.vendor = "AuthenticAMD", .virtual_bits = 48, .physical_bits = 48},
        .l1_instruction =
            {{.name = "L1I", .sizes = kAnySize, .sets = 1, .ways = 64, .policy = "lru", .provenance = l1}},
        .l1_load = {{.name = "L1D",
                     .sizes = kAnySize,
                     .sets = 1,
                     .ways = l1_data_entries,
                     .policy = "lru",
                     .provenance = l1}},
        .rule = HierarchyRule::kNonInclusive,
        .hierarchy = assumed("unpublished"),
        .walk_caches = amd_walk_caches(),
        .penalties = {.l2_hit = 7, .walk_reference = 8, .provenance = assumed("7-8 cycles")},
    };
}

TlbArrayConfig zen_l2_data(u32 sets, u32 ways, u32 reported_ways_2m) {
    return {.name = "L2D 4K+2M",
            .sizes = k4KAnd2M,
            .sets = sets,
            .ways = ways,
            .policy = "lru",
            .reported_ways = 8,
            .reported_ways_2m = reported_ways_2m,
            .provenance = assumed("size: CPUID 8000_0006, which gives the ways of each page size of a skewed "
                                  "array; modelled unskewed; index and policy assumed")};
}

TlbArrayConfig zen_l2_code(u32 sets, u32 ways, u32 reported_ways, u32 reported_ways_2m) {
    return {.name = "L2I 4K+2M",
            .sizes = k4KAnd2M,
            .sets = sets,
            .ways = ways,
            .policy = "lru",
            .reported_ways = reported_ways,
            .reported_ways_2m = reported_ways_2m,
            .provenance = from("CPUID 8000_0006; index and policy assumed")};
}

TlbArrayConfig zen_l2_1g(u32 sets, u32 ways) {
    return {.name = "L2D 1G",
            .sizes = k1GOnly,
            .sets = sets,
            .ways = ways,
            .policy = "lru",
            .provenance = from("CPUID 8000_0019; policy assumed")};
}

void identify(TlbConfig& config, const char* brand, u32 family, u32 model, u32 stepping) {
    config.cpu.brand = brand;
    config.cpu.family = family;
    config.cpu.model = model;
    config.cpu.stepping = stepping;
}

TlbConfig zen2() {
    TlbConfig config = zen(64);
    config.name = "zen2";
    config.description = "AMD Zen 2 (EPYC 7742)";
    identify(config, "AMD EPYC 7742 64-Core Processor", 0x17, 0x31, 0);
    config.cpu.caches = {l1_data(32, 8), l1_code(32, 8), unified(2, 512, 8), unified(3, 16384, 16)};
    config.l2 = {zen_l2_data(256, 8, 4)};
    config.l2_instruction = {zen_l2_code(128, 8, 0, 0)};
    config.l2_pieces = true;  // SOG: 1 GiB pages are smashed into 2 MiB ones in the L2
    return config;
}

TlbConfig zen3() {
    TlbConfig config = zen(64);
    config.name = "zen3";
    config.description = "AMD Zen 3 (EPYC 7713)";
    identify(config, "AMD EPYC 7713 64-Core Processor", 0x19, 0x01, 1);
    config.cpu.caches = {l1_data(32, 8), l1_code(32, 8), unified(2, 512, 8), unified(3, 32768, 16)};
    config.l2 = {zen_l2_data(256, 8, 4), zen_l2_1g(1, 64)};
    config.l2_instruction = {zen_l2_code(128, 4, 4, 2)};
    return config;
}

TlbConfig zen4() {
    TlbConfig config = zen(72);
    config.name = "zen4";
    config.description = "AMD Zen 4 (EPYC 9654); desktop parts have 48-bit addresses";
    identify(config, "AMD EPYC 9654 96-Core Processor", 0x19, 0x11, 1);
    config.cpu.virtual_bits = 57;
    config.cpu.physical_bits = 52;
    config.cpu.caches = {l1_data(32, 8), l1_code(32, 8), unified(2, 1024, 8), unified(3, 32768, 16)};
    config.l2 = {zen_l2_data(128, 24, 6), zen_l2_1g(1, 64)};
    config.l2_instruction = {zen_l2_code(128, 4, 4, 2)};
    return config;
}

TlbConfig zen5() {
    TlbConfig config = zen(96);
    config.name = "zen5";
    config.description = "AMD Zen 5 (EPYC 9655); desktop parts have 48-bit addresses";
    identify(config, "AMD EPYC 9655 96-Core Processor", 0x1a, 0x02, 1);
    config.cpu.virtual_bits = 57;
    config.cpu.physical_bits = 52;
    config.cpu.caches = {l1_data(48, 12), l1_code(32, 8), unified(2, 1024, 16), unified(3, 32768, 16)};
    config.l2 = {zen_l2_data(256, 16, 4), zen_l2_1g(256, 4)};
    config.l2_instruction = {zen_l2_code(256, 8, 4, 2)};
    return config;
}

TlbConfig lesson(const char* name, const char* description) {
    TlbConfig config;
    config.name = name;
    config.description = description;
    config.cpu.brand = "mmuscope lesson CPU";
    config.cpu.leaf2_descriptors = {0xfe, 0xff};
    config.cpu.leaf18 = true;
    config.cpu.caches = {l1_data(32, 8), l1_code(32, 8), unified(2, 1024, 16), unified(3, 8192, 16)};
    config.hierarchy = from("made for lessons");
    config.walk_caches = {
        .pml5e = 1, .pml4e = 1, .pdpte = 1, .pde = 2, .provenance = from("made for lessons")};
    config.penalties.provenance = from("made for lessons");
    return config;
}

TlbConfig tiny() {
    const Provenance made = from("made for lessons");
    TlbConfig config = lesson("tiny", "for lessons: L1s of 4 entries and an L2 of 16, all true LRU");
    config.l1_instruction = {{.name = "L1I", .sizes = kAnySize, .sets = 1, .ways = 4, .provenance = made}};
    config.l1_load = {{.name = "L1D", .sizes = kAnySize, .sets = 1, .ways = 4, .provenance = made}};
    config.l2 = {{.name = "L2", .sizes = kAnySize, .sets = 4, .ways = 4, .provenance = made}};
    return config;
}

TlbConfig tiny_direct() {
    const Provenance made = from("made for lessons");
    TlbConfig config =
        lesson("tiny-direct", "for lessons: direct-mapped L1s of 8 entries and no L2, full of conflicts");
    config.l1_instruction = {{.name = "L1I", .sizes = kAnySize, .sets = 8, .ways = 1, .provenance = made}};
    config.l1_load = {{.name = "L1D", .sizes = kAnySize, .sets = 8, .ways = 1, .provenance = made}};
    return config;
}

}  // namespace

std::vector<TlbConfig> presets() {
    return {skylake_sp(), ice_lake(), golden_cove(), zen2(), zen3(), zen4(), zen5(), tiny(), tiny_direct()};
}

std::optional<TlbConfig> find_preset(std::string_view name) {
    for (const TlbConfig& config : presets())
        if (config.name == name) return config;
    return std::nullopt;
}

}  // namespace mmu
