// Loads and stores of the elements that a mask selects: VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ, and
// the gathers. SDM Vol. 2B VMASKMOV, VPMASKMOV, Vol. 2C VPGATHER*, VGATHER*.
//
// What is not selected is not referenced. A masked load or store is one reference, from the first to the last
// element that is selected. A gather is one for each element, in their order; when one of them faults those
// before it are in the destination and out of the mask, so that the instruction goes on from there.
#include "emu/insn/vex_forms.h"

namespace emu::insn {
namespace {

/// Bit n: element n of register `number` is negative.
template <class T>
u32 selected_elements(const Cpu& c, u8 number, u32 bytes) {
    const u8* const mask = c.regs.vector[number].bytes.data();
    u32 selected = 0;
    for (u32 n = 0; n < bytes / sizeof(T); ++n) selected |= u32{mask[(n + 1) * sizeof(T) - 1]} >> 7 << n;
    return selected;
}

/// The elements from the first to the last selected one; `selected` is not 0.
template <class T>
struct Range {
    explicit Range(u32 selected)
        : first(static_cast<u32>(__builtin_ctz(selected))),
          count(32 - static_cast<u32>(__builtin_clz(selected)) - first) {}
    u32 offset() const { return first * sizeof(T); }
    u32 size() const { return count * sizeof(T); }
    u32 first, count;
};

/// The fault of a reference that goes on into a second page is at the first byte there that is selected.
template <class T>
[[gnu::cold, gnu::noinline]] Exit masked_fault(Cpu& c, const Insn* i, u32 selected) {
    const u64 start = AnyAddress::address(c, i);
    u64& at = c.fault.address.value;
    const u64 beyond = at - start;
    if (c.fault.vector == mmu::Vector::kPageFault && beyond < 32)
        for (u32 n = 0; n < 32 / sizeof(T); ++n) {
            if (!(selected >> n & 1) || (n + 1) * sizeof(T) <= beyond) continue;
            if (n * sizeof(T) > beyond) at = start + n * sizeof(T);
            break;
        }
    return fault_exit(c, i, 1, 0);
}

template <class T, u32 bytes>
struct MaskedLoad {
    static Exit run(Cpu& c, const Insn* i) {
        const u32 selected = selected_elements<T>(c, i->aux, bytes);
        if (selected == 0) {
            c.references -= 1;  // was charged, is not made
            c.regs.vector[i->dst] = {};
            return next(c, i);
        }
        const Range<T> range(selected);
        const u8* p = c.read(AnyAddress::address(c, i) + range.offset(), range.size());
        if (!p) [[unlikely]]
            return masked_fault<T>(c, i, selected);
        mmu::Vector256& result = c.regs.vector[i->dst];
        result = {};
        for (u32 n = 0; n < range.count; ++n)
            if (selected >> range.first >> n & 1)
                put<T>(result.bytes.data() + range.offset() + n * sizeof(T), get<T>(p + n * sizeof(T)));
        return next(c, i);
    }
};

template <class T, u32 bytes>
struct MaskedStore {
    static Exit run(Cpu& c, const Insn* i) {
        const u32 selected = selected_elements<T>(c, i->aux, bytes);
        if (selected == 0) {
            c.references -= u64{1} << 32 | 1;
            return next(c, i);
        }
        const Range<T> range(selected);
        u8* p = c.open_modify(AnyAddress::address(c, i) + range.offset(), range.size());
        if (!p) [[unlikely]]
            return masked_fault<T>(c, i, selected);
        const u8* const source = c.vector(i->dst) + range.offset();
        for (u32 n = 0; n < range.count; ++n)
            if (selected >> range.first >> n & 1) put<T>(p + n * sizeof(T), get<T>(source + n * sizeof(T)));
        c.close(p);
        return next(c, i);
    }
};

template <template <class, u32> class Form, class T, bool stores>
bool masked(const Fields& f, Insn& out) {
    out.dst = f.reg;
    out.aux = f.vex_vvvv;
    out.run = f.vex_l ? &Form<T, 32>::run : &Form<T, 16>::run;
    add_cost(out, 1, stores ? 1 : 0);
    return true;
}

template <template <class, u32> class Form, bool stores>
bool masked_integers(const Fields& f, Insn& out) {
    return f.rex_w() ? masked<Form, u64, stores>(f, out) : masked<Form, u32, stores>(f, out);
}

// --- gathers: Insn::src is the index register, Insn::aux the mask ---

u64 element_address(const Cpu& c, const Insn* i, i64 index) {
    const u64 offset =
        c.slot(i->base) + (static_cast<u64>(index) << i->scale) + static_cast<u64>(static_cast<i64>(i->disp));
    return (i->address32 ? static_cast<u32>(offset) : offset) + c.slot(i->segment);
}

/// False after a fault. `loads`: references made.
template <class T, class Index, u32 count>
[[gnu::noinline]] bool gather(Cpu& c, const Insn* i, u32& loads) {
    u8 *const result = c.vector(i->dst), *const mask = c.vector(i->aux);
    for (u32 n = 0; n < count; ++n) {
        if (mask[(n + 1) * sizeof(T) - 1] & 0x80) {
            const Index index = get<Index>(c.vector(i->src) + n * sizeof(Index));
            ++loads;
            const u8* p = c.read(element_address(c, i, index), sizeof(T));
            if (!p) return false;
            put<T>(result + n * sizeof(T), get<T>(p));
        }
        put<T>(mask + n * sizeof(T), 0);
    }
    constexpr u32 kUsed = count * sizeof(T);
    __builtin_memset(result + kUsed, 0, 32 - kUsed);
    __builtin_memset(mask, 0, 32);
    return true;
}

template <class T, class Index, u32 bytes>
struct Gather {
    static constexpr u32 kCount = bytes / (sizeof(T) > sizeof(Index) ? sizeof(T) : sizeof(Index));
    static Exit run(Cpu& c, const Insn* i) {
        const u64 outcome = gathered(c, i);
        if (outcome & kFaulted) [[unlikely]]
            return fault_exit(c, i, static_cast<u32>(outcome & ~kFaulted), 0);
        c.references += outcome;
        return next(c, i);
    }
    static constexpr u64 kFaulted = u64{1} << 63;
    [[gnu::noinline]] static u64 gathered(Cpu& c, const Insn* i) {
        u32 loads = 0;
        return gather<T, Index, kCount>(c, i, loads) ? loads : loads | kFaulted;
    }
};

template <class T, class Index>
bool gather_of(const Fields& f, Insn& out) {
    const u8 index = static_cast<u8>((f.sib >> 3 & 7) | (f.rex_x() ? 8 : 0));
    const bool distinct = f.reg != index && f.reg != f.vex_vvvv && index != f.vex_vvvv;
    if (!f.has_sib || !distinct) return false;
    out.dst = f.reg;
    out.src = index;
    out.aux = f.vex_vvvv;
    out.index = Slot::kZero;
    out.scale = f.sib >> 6;
    out.run = f.vex_l ? &Gather<T, Index, 32>::run : &Gather<T, Index, 16>::run;
    return true;
}

template <class Index>
bool gather_by(const Fields& f, Insn& out) {
    return f.rex_w() ? gather_of<u64, Index>(f, out) : gather_of<u32, Index>(f, out);
}

constexpr OpcodeRow row(const char* name, u8 opcode, Build build, VexW w = VexW::kAny) {
    return vex_row(name, Map::k0F38, Prefix::k66, opcode, kThreeOperands.of_w(w), build, Operand::kMemory);
}

}  // namespace

Rows avx_masked() {
    static constexpr auto kRows = need(
        Feature::kAvx, std::to_array<OpcodeRow>({
                           row("vmaskmovps", 0x2c, masked<MaskedLoad, u32, false>, VexW::k0),
                           row("vmaskmovpd", 0x2d, masked<MaskedLoad, u64, false>, VexW::k0),
                           row("vmaskmovps", 0x2e, masked<MaskedStore, u32, true>, VexW::k0),
                           row("vmaskmovpd", 0x2f, masked<MaskedStore, u64, true>, VexW::k0),
                           vex_row("vmaskmovdqu", Map::k0F, Prefix::k66, 0xf7,
                                   kTwoOperands.of_length(VexLength::k128), maskmovdqu, Operand::kRegister),
                       }));
    return kRows;
}

Rows avx2_masked() {
    static constexpr auto kRows =
        need(Feature::kAvx2, std::to_array<OpcodeRow>({
                                 row("vpmaskmovd", 0x8c, masked_integers<MaskedLoad, false>),
                                 row("vpmaskmovd", 0x8e, masked_integers<MaskedStore, true>),
                                 row("vpgatherdd", 0x90, gather_by<i32>),
                                 row("vpgatherqd", 0x91, gather_by<i64>),
                                 row("vgatherdps", 0x92, gather_by<i32>),
                                 row("vgatherqps", 0x93, gather_by<i64>),
                             }));
    return kRows;
}

}  // namespace emu::insn
