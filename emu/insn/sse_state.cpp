// LDMXCSR STMXCSR FXSAVE FXRSTOR. SDM Vol. 2A, "FXSAVE" has the layout of its area.
#include "emu/insn/chapters.h"
#include "emu/insn/fx_area.h"
#include "emu/insn/vector_forms.h"

namespace emu::insn {
namespace {

struct Ldmxcsr {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), 4);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        const u32 value = get<u32>(p);
        if (value & ~Mxcsr::kWritable) [[unlikely]]
            return fault_after(c, i, mmu::Vector::kGeneralProtection, 1, 0);
        load_mxcsr(c, value);
        return next(c, i);
    }
};

struct Stmxcsr {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        if (!c.store<u32>(Address::address(c, i), merged_mxcsr(c))) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        return next(c, i);
    }
};

template <bool wide>
struct Fxsave {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if (address % 16) return raise(c, i, mmu::Vector::kGeneralProtection);
        // An area in two pages: both are tried before anything is written, the second for the reserved end
        // too.
        const u64 second = (address + FxArea::kWhole - 1) & ~mmu::kPageOffsetMask;
        if (second > address) {
            if (!c.open_store(address, 16)) return fault_exit(c, i, 0, 1);
            if (!c.open_store(second, 16)) return fault_exit(c, i, 0, 2);
            c.references += u64{2} << 32;
        }
        const FxArea area = fx_area(c, wide);
        for (u32 n = 0; n < FxArea::kPieces; ++n) {
            const u32 size = FxArea::piece_size(n);
            u8* p = c.open_store(address + n * FxArea::kPiece, size);
            if (!p) return fault_exit(c, i, 0, n + 1);
            __builtin_memcpy(p, area.bytes.data() + n * FxArea::kPiece, size);
            c.close(p);
        }
        return next(c, i);
    }
};

template <bool wide>
struct Fxrstor {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if (address % 16) return raise(c, i, mmu::Vector::kGeneralProtection);
        // The reserved end may lie in a page of its own.
        const u64 last = address + FxArea::kWhole - 16;
        if ((last & mmu::kPageOffsetMask) < FxArea::kWhole - FxArea::kSize) {
            if (!c.read(address, 16)) return fault_exit(c, i, 1, 0);
            if (!c.read(last, 16)) return fault_exit(c, i, 2, 0);
            c.references += 2;
        }
        const u32 loads = restore(c, address);
        if (loads < FxArea::kPieces) return fault_exit(c, i, loads + 1, 0);
        if (loads > FxArea::kPieces)
            return fault_after(c, i, mmu::Vector::kGeneralProtection, FxArea::kPieces, 0);
        return next(c, i);
    }
    /// References that succeeded; more than there are for a reserved bit in MXCSR. In a frame of its own, so
    /// that run() leaves by a jump.
    [[gnu::noinline]] static u32 restore(Cpu& c, u64 address) {
        FxArea area;
        for (u32 n = 0; n < FxArea::kPieces; ++n) {
            const u32 size = FxArea::piece_size(n);
            const u8* p = c.read(address + n * FxArea::kPiece, size);
            if (!p) return n;
            __builtin_memcpy(area.bytes.data() + n * FxArea::kPiece, p, size);
        }
        if (area.at<u32>(FxArea::kMxcsr) & ~Mxcsr::kWritable) return FxArea::kPieces + 1;
        restore_x87(c, area, wide);
        load_mxcsr(c, area.at<u32>(FxArea::kMxcsr));
        restore_xmm(c, area);
        return FxArea::kPieces;
    }
};

template <class Form, unsigned loads, unsigned stores>
bool memory_only(const Fields&, Insn& out) {
    out.run = &Form::template run<AnyAddress>;
    add_cost(out, loads, stores);
    return true;
}

template <template <bool> class Form, unsigned loads, unsigned stores>
bool fx(const Fields& f, Insn& out) {
    return f.rex_w() ? memory_only<Form<true>, loads, stores>(f, out)
                     : memory_only<Form<false>, loads, stores>(f, out);
}

constexpr OpcodeRow group15(const char* name, i8 extension, Build build) {
    return row(name, Prefix::kNone, 0xae, build, Operand::kMemory, extension);
}

}  // namespace

bool ldmxcsr(const Fields& f, Insn& out) {
    return memory_only<Ldmxcsr, 1, 0>(f, out);
}
bool stmxcsr(const Fields& f, Insn& out) {
    return memory_only<Stmxcsr, 0, 1>(f, out);
}

Rows sse_state() {
    static_assert(FxArea::kPieces <= Cost::kLoadMask / Cost::kLoad);
    static constexpr OpcodeRow kRows[] = {
        group15("fxsave", 0, fx<Fxsave, 0, FxArea::kPieces>),
        group15("fxrstor", 1, fx<Fxrstor, FxArea::kPieces, 0>),
        group15("ldmxcsr", 2, ldmxcsr),
        group15("stmxcsr", 3, stmxcsr),
    };
    return kRows;
}

}  // namespace emu::insn
