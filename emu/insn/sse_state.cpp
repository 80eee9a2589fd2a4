// LDMXCSR STMXCSR FXSAVE FXRSTOR. SDM Vol. 2A, "FXSAVE" has the layout of its area.
#include <array>

#include "emu/insn/chapters.h"
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

/// The part of the 512-byte area that is written and read. The rest is reserved or free for software, which
/// Linux uses.
struct FxArea {
    static constexpr u32 kSize = 416, kWhole = 512;
    static constexpr u32 kStacked = 32,
                         kXmm = 160;  ///< offsets of ST0 and XMM0, each register taking 16 bytes
    /// It is referenced in pieces of what Cpu::read() takes at most, the last one being shorter.
    static constexpr u32 kPiece = 64, kPieces = (kSize + kPiece - 1) / kPiece;
    static constexpr u32 piece_size(u32 piece) {
        return piece + 1 < kPieces ? kPiece : kSize - piece * kPiece;
    }

    alignas(16) std::array<u8, kSize> bytes{};

    template <class T>
    void set(u32 offset, T value) {
        put<T>(bytes.data() + offset, value);
    }
    template <class T>
    T at(u32 offset) const {
        return get<T>(bytes.data() + offset);
    }
};

constexpr u16 kTopMask = 7u << 11;
constexpr u16 kExceptions = 0x3f, kSummaryAndBusy = 0x8080;

/// Without REX.W the instruction and operand pointers are 32 bits and a selector, which is 0 here.
template <bool wide>
FxArea save(Cpu& c) {
    FxArea area;
    const mmu::X87State& x87 = c.regs.x87;
    area.set<u16>(0, x87.control);
    area.set<u16>(2, static_cast<u16>((x87.status & ~kTopMask) | x87.top << 11));
    area.set<u8>(4, x87.valid);
    area.set<u16>(6, x87.opcode);
    area.set<u64>(8, wide ? x87.instruction : static_cast<u32>(x87.instruction));
    area.set<u64>(16, wide ? x87.operand : static_cast<u32>(x87.operand));
    area.set<u32>(24, merged_mxcsr(c));
    area.set<u32>(28, Mxcsr::kWritable);
    for (u32 n = 0; n < 8; ++n) {
        const mmu::Float80& value = x87.physical[(x87.top + n) & 7];
        area.set<u64>(FxArea::kStacked + 16 * n, value.significand);
        area.set<u16>(FxArea::kStacked + 16 * n + 8, value.sign_exponent);
    }
    for (u8 n = 0; n < 16; ++n) __builtin_memcpy(area.bytes.data() + FxArea::kXmm + 16 * n, c.vector(n), 16);
    return area;
}

template <bool wide>
void restore(Cpu& c, const FxArea& area) {
    mmu::X87State& x87 = c.regs.x87;
    const u16 status = area.at<u16>(2);
    x87.control = static_cast<u16>((area.at<u16>(0) & 0x1f3f) | 0x40);  // as FLDCW has it
    // ES and B follow from the exceptions and their masks, whatever the area says.
    const bool pending = status & ~x87.control & kExceptions;
    x87.status = static_cast<u16>((status & ~(kTopMask | kSummaryAndBusy)) | (pending ? kSummaryAndBusy : 0));
    x87.top = (status & kTopMask) >> 11;
    x87.valid = area.at<u8>(4);
    x87.opcode = area.at<u16>(6) & 0x7ff;
    x87.instruction = wide ? area.at<u64>(8) : area.at<u32>(8);
    x87.operand = wide ? area.at<u64>(16) : area.at<u32>(16);
    load_mxcsr(c, area.at<u32>(24));
    for (u32 n = 0; n < 8; ++n)
        x87.physical[(x87.top + n) & 7] = {
            area.at<u64>(FxArea::kStacked + 16 * n), area.at<u16>(FxArea::kStacked + 16 * n + 8), {}};
    for (u8 n = 0; n < 16; ++n) __builtin_memcpy(c.vector(n), area.bytes.data() + FxArea::kXmm + 16 * n, 16);
}

template <bool wide>
struct Fxsave {
    template <class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = Address::address(c, i);
        if (address % 16) return raise(c, i, mmu::Vector::kGeneralProtection);
        // An area in two pages: both are tried before anything is written, the second for the reserved end too.
        const u64 second = (address + FxArea::kWhole - 1) & ~mmu::kPageOffsetMask;
        if (second > address) {
            if (!c.open_store(address, 16)) return fault_exit(c, i, 0, 1);
            if (!c.open_store(second, 16)) return fault_exit(c, i, 0, 2);
            c.references += u64{2} << 32;
        }
        const FxArea area = save<wide>(c);
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
        FxArea area;
        for (u32 n = 0; n < FxArea::kPieces; ++n) {
            const u32 size = FxArea::piece_size(n);
            const u8* p = c.read(address + n * FxArea::kPiece, size);
            if (!p) return fault_exit(c, i, n + 1, 0);
            __builtin_memcpy(area.bytes.data() + n * FxArea::kPiece, p, size);
        }
        if (area.template at<u32>(24) & ~Mxcsr::kWritable)
            return fault_after(c, i, mmu::Vector::kGeneralProtection, FxArea::kPieces, 0);
        restore<wide>(c, area);
        return next(c, i);
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

Rows sse_state() {
    static_assert(FxArea::kPieces <= Cost::kLoadMask / Cost::kLoad);
    static constexpr OpcodeRow kRows[] = {
        group15("fxsave", 0, fx<Fxsave, 0, FxArea::kPieces>),
        group15("fxrstor", 1, fx<Fxrstor, FxArea::kPieces, 0>),
        group15("ldmxcsr", 2, memory_only<Ldmxcsr, 1, 0>),
        group15("stmxcsr", 3, memory_only<Stmxcsr, 0, 1>),
    };
    return kRows;
}

}  // namespace emu::insn
