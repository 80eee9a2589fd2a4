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

/// Largest basic leaf: enough for the cache and TLB leaves, and below 0Dh where there is no XSAVE.
constexpr u32 kMaxBasic = 7, kMaxBasicWithXsave = 0xd, kMaxBasicWithTlbLeaf = 0x18;
constexpr u32 kMaxExtendedIntel = 0x80000008, kMaxExtendedAmd = 0x80000021;

/// Leaf 1 EDX: FPU PSE TSC PAE CX8 PGE CMOV PSE36 CLFSH MMX FXSR SSE SSE2.
constexpr u32 kLeaf1Edx = bits({0, 3, 4, 6, 8, 13, 15, 17, 19, 23, 24, 25, 26});
/// Leaf 8000_0001h EDX of AMD repeats these of leaf 1.
constexpr u32 kRepeatedByAmd = bits({0, 3, 4, 6, 8, 13, 15, 17, 23, 24});

}  // namespace

CpuModel::CpuModel(const mmu::TlbConfig& tlb, FeatureSet features)
    : tlb_(tlb), memory_leaves_(mmu::cpuid_tlb_leaves(tlb)), features_(features) {}

u32 CpuModel::hwcap2() const {
    constexpr u32 kHwcap2Fsgsbase = 1u << 1;
    return has(Feature::kFsgsbase) ? kHwcap2Fsgsbase : 0;
}

u64 CpuModel::xcr0() const {
    if (!has(Feature::kXsave)) return 0;
    return Xcr0::kX87 | Xcr0::kSse | (has(Feature::kAvx) ? Xcr0::kAvx : 0) |
           (has(Feature::kPku) ? Xcr0::kPkru : 0);
}

u32 CpuModel::feature_bits(u32 leaf, CpuidWord word) const {
    u32 set = 0;
    for (const FeatureRow& row : feature_rows())
        if (row.leaf == leaf && row.word == word && has(row.feature)) set |= u32{1} << row.bit;
    return set;
}

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
            return {cpu.leaf18             ? kMaxBasicWithTlbLeaf
                    : has(Feature::kXsave) ? kMaxBasicWithXsave
                                           : kMaxBasic,
                    word_of(cpu.vendor, 0), word_of(cpu.vendor, 8), word_of(cpu.vendor, 4)};
        case 1: {
            constexpr u32 kClflushSize = 8u << 8, kOneLogicalProcessor = 1u << 16;
            return {mmu::cpuid_signature(cpu), kClflushSize | kOneLogicalProcessor,
                    feature_bits(1, CpuidWord::kEcx), kLeaf1Edx};
        }
        case 7: {
            constexpr u32 kSmepSmap = bits({7, 20}), kUmip = bits({2}), kLa57 = bits({16});
            if (subleaf != 0) return {};
            return {0, kSmepSmap | feature_bits(7, CpuidWord::kEbx),
                    kUmip | (cpu.la57() ? kLa57 : 0) | feature_bits(7, CpuidWord::kEcx),
                    feature_bits(7, CpuidWord::kEdx)};
        }
        case 0xd:
            return xsave_leaf(subleaf);
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
            constexpr u32 kLahf = bits({0}), kSyscallNxLm = bits({11, 20, 29}), kPage1g = bits({26});
            return {amd ? mmu::cpuid_signature(cpu) : 0, 0, kLahf | feature_bits(leaf, CpuidWord::kEcx),
                    kSyscallNxLm | (cpu.page_1g ? kPage1g : 0) | (amd ? kLeaf1Edx & kRepeatedByAmd : 0) |
                        feature_bits(leaf, CpuidWord::kEdx)};
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

/// The standard format, with no compaction, no XSAVEOPT and no supervisor state.
CpuidResult CpuModel::xsave_leaf(u32 subleaf) const {
    const u64 enabled = xcr0();
    if (enabled == 0) return {};
    const u32 size = enabled & Xcr0::kPkru  ? XsaveLayout::kPkru + XsaveLayout::kPkruSize
                     : enabled & Xcr0::kAvx ? XsaveLayout::kAvx + XsaveLayout::kAvxSize
                                            : XsaveLayout::kAvx;
    if (subleaf == 0) return {static_cast<u32>(enabled), size, size, 0};
    if (subleaf == 2 && enabled & Xcr0::kAvx) return {XsaveLayout::kAvxSize, XsaveLayout::kAvx, 0, 0};
    if (subleaf == 9 && enabled & Xcr0::kPkru) return {XsaveLayout::kPkruSize, XsaveLayout::kPkru, 0, 0};
    return {};
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
