// CPUID leaves of the modelled CPU; see cpu_model.h.
#include "emu/cpu/cpu_model.h"

#include <cstring>
#include <initializer_list>

namespace emu {
namespace {

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
constexpr u32 kMaxExtendedIntel = 0x80000008, kMaxExtendedAmd = 0x80000021;

/// Leaf 1 EDX: FPU PSE TSC PAE CX8 PGE CMOV PSE36 CLFSH MMX FXSR SSE SSE2.
constexpr u32 kLeaf1Edx = bits({0, 3, 4, 6, 8, 13, 15, 17, 19, 23, 24, 25, 26});
/// Leaf 8000_0001h EDX of AMD repeats these of leaf 1.
constexpr u32 kRepeatedByAmd = bits({0, 3, 4, 6, 8, 13, 15, 17, 23, 24});

}  // namespace

CpuModel::CpuModel(const mmu::TlbConfig& tlb)
    : tlb_(tlb), memory_leaves_(mmu::cpuid_tlb_leaves(tlb)), features_(kFeatures) {}

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
            return {mmu::cpuid_signature(cpu), kClflushSize | kOneLogicalProcessor, kSse3Cx16Pcid, kLeaf1Edx};
        }
        case 7: {
            constexpr u32 kSmepInvpcidSmap = bits({7, 10, 20}), kUmip = bits({2}), kLa57 = bits({16});
            if (subleaf != 0) return {};
            return {0, kSmepInvpcidSmap, kUmip | (cpu.la57() ? kLa57 : 0), 0};
        }
        default:
            return memory_leaf(leaf, subleaf);
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
            return {amd ? mmu::cpuid_signature(cpu) : 0, 0, kLahfPrefetchw,
                    kSyscallNxLm | (cpu.page_1g ? kPage1g : 0) | (amd ? kLeaf1Edx & kRepeatedByAmd : 0)};
        }
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const usize at = (leaf - 0x80000002) * 16;
            return {word_of(cpu.brand, at), word_of(cpu.brand, at + 4), word_of(cpu.brand, at + 8),
                    word_of(cpu.brand, at + 12)};
        }
        case 0x80000007:
            return {0, 0, 0, bits({8})};  // the time-stamp counter runs at a constant rate
        default:
            return memory_leaf(leaf, subleaf);
    }
}

CpuidResult CpuModel::memory_leaf(u32 leaf, u32 subleaf) const {
    // Leaves without subleaves give the same for any.
    const bool has_subleaves = leaf == 4 || leaf == 0x18 || leaf == 0x8000001d;
    for (const mmu::CpuidLeaf& each : memory_leaves_)
        if (each.leaf == leaf && (each.subleaf == subleaf || !has_subleaves))
            return {each.eax, each.ebx, each.ecx, each.edx};
    return {};
}

}  // namespace emu
