// x87 control instructions: the control and status words, the environment and the whole state in memory. SDM
// Vol. 1 8.1.10 (formats), Vol. 2. The FN* forms do not look for pending exceptions; FLDCW, FLDENV, FRSTOR
// and FWAIT do.
#include "emu/insn/x87_control.h"

#include <algorithm>
#include <cstring>

#include "emu/insn/x87.h"

namespace emu::insn {
namespace {

using mmu::X87State;

/// Bit 6 of the control word is always set, bit 7 and the upper three never.
constexpr u16 control_word(u16 value) {
    return static_cast<u16>((value & 0x1f3f) | 0x40);
}

u16 status_word(const X87State& s) {
    return static_cast<u16>(s.status | s.top << 11);
}

void set_status_word(X87State& s, u16 value) {
    s.status = value & static_cast<u16>(~X87Bits::kTop);
    s.top = value >> 11 & 7;
}

/// Two bits a register: valid, zero, special, empty (SDM Vol. 1 8.1.7).
u16 full_tags(const X87State& s) {
    unsigned tags = 0;
    for (unsigned n = 0; n < 8; ++n) {
        const mmu::Float80& value = s.physical[n];
        const unsigned exponent = value.sign_exponent & 0x7fff;
        unsigned tag = 0;
        if (!(s.valid >> n & 1))
            tag = 3;
        else if (exponent == 0 && value.significand == 0)
            tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(value.significand >> 63))
            tag = 2;
        tags |= tag << 2 * n;
    }
    return static_cast<u16>(tags);
}

void set_full_tags(X87State& s, u16 tags) {
    s.valid = 0;
    for (unsigned n = 0; n < 8; ++n)
        if ((tags >> 2 * n & 3) != 3) s.valid |= static_cast<u8>(1u << n);
}

/// The environment has seven fields of 4 bytes, or of 2 with an operand-size prefix; registers follow it in
/// 10 bytes each.
struct Format {
    bool wide;
    u32 environment() const { return wide ? 28 : 14; }
    u32 whole() const { return environment() + 80; }
};

void put_environment(const X87State& s, Format format, u8* to) {
    const u16 words[3] = {s.control, status_word(s), full_tags(s)};
    if (format.wide) {
        for (unsigned n = 0; n < 3; ++n) put<u32>(to + 4 * n, 0xffff0000u | words[n]);
        put<u32>(to + 12, static_cast<u32>(s.instruction));
        put<u32>(to + 16, static_cast<u32>(s.opcode & 0x7ff) << 16);
        put<u32>(to + 20, static_cast<u32>(s.operand));
        put<u32>(to + 24, 0xffff0000u);
    } else {
        for (unsigned n = 0; n < 3; ++n) put<u16>(to + 2 * n, words[n]);
        put<u16>(to + 6, static_cast<u16>(s.instruction));
        put<u16>(to + 8, 0);
        put<u16>(to + 10, static_cast<u16>(s.operand));
        put<u16>(to + 12, 0);
    }
}

void get_environment(X87State& s, Format format, const u8* from) {
    const unsigned step = format.wide ? 4 : 2;
    s.control = control_word(get<u16>(from));
    set_status_word(s, get<u16>(from + step));
    set_full_tags(s, get<u16>(from + 2 * step));
    s.instruction = format.wide ? get<u32>(from + 12) : get<u16>(from + 6);
    s.opcode = format.wide ? get<u16>(from + 18) & 0x7ff : 0;
    s.operand = format.wide ? get<u32>(from + 20) : get<u16>(from + 10);
    x87_update_summary(s);
}

/// Instructions reach at most this much of memory at a time.
constexpr u32 kPiece = 64;

struct Fldcw {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return x87_raise(c, i);
        const u8* p = c.read(AnyAddress::address(c, i), 2);
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        c.regs.x87.control = control_word(get<u16>(p));
        x87_update_summary(c.regs.x87);
        return next(c, i);
    }
};

template <bool status>
struct StoreWord {
    static Exit run(Cpu& c, const Insn* i) {
        const u16 value = status ? status_word(c.regs.x87) : c.regs.x87.control;
        if (!c.store<u16>(AnyAddress::address(c, i), value)) [[unlikely]]
            return fault_exit(c, i, 0, 1);
        return next(c, i);
    }
};

struct FnstswAx {
    static Exit run(Cpu& c, const Insn* i) {
        c.set_reg<u16>(0, status_word(c.regs.x87));
        return next(c, i);
    }
};

struct Fnclex {
    static Exit run(Cpu& c, const Insn* i) {
        c.regs.x87.status &= X87Bits::kConditions;
        return next(c, i);
    }
};

/// Marks registers empty and leaves what is in them.
void initialise(X87State& s) {
    const auto physical = s.physical;
    s = X87State{};
    s.physical = physical;
}

struct Fninit {
    static Exit run(Cpu& c, const Insn* i) {
        initialise(c.regs.x87);
        return next(c, i);
    }
};

/// FNENI, FNDISI, FNSETPM: of the 8087 and the 287; later CPUs do nothing.
struct Nothing {
    static Exit run(Cpu& c, const Insn* i) { return next(c, i); }
};

struct Fwait {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return x87_raise(c, i);
        return next(c, i);
    }
};

/// FLDENV and FRSTOR. dst is 1 for the wide format.
template <bool whole>
struct LoadState {
    static Exit run(Cpu& c, const Insn* i) {
        if (x87_pending(c.regs.x87)) [[unlikely]]
            return x87_raise(c, i);
        const u64 address = AnyAddress::address(c, i);
        const Format format{i->dst != 0};
        const u32 size = whole ? format.whole() : format.environment();
        u8 image[128];
        for (u32 at = 0, n = 0; at < size; at += kPiece, ++n) {
            const u32 piece = std::min(kPiece, size - at);
            const u8* p = c.read(address + at, piece);
            if (!p) [[unlikely]]
                return fault_exit(c, i, n + 1, 0);
            std::memcpy(image + at, p, piece);
        }
        X87State& s = c.regs.x87;
        get_environment(s, format, image);
        if (whole) {
            for (unsigned n = 0; n < 8; ++n) {
                const u8* from = image + format.environment() + 10 * n;
                s.physical[(s.top + n) & 7] = {get<u64>(from), get<u16>(from + 8)};
            }
        }
        return next(c, i);
    }
};

/// FNSTENV and FNSAVE. Both pages of an image that crosses are opened before anything is written.
template <bool whole>
struct StoreState {
    static Exit run(Cpu& c, const Insn* i) {
        const u64 address = AnyAddress::address(c, i);
        const Format format{i->dst != 0};
        const u32 size = whole ? format.whole() : format.environment();
        X87State& s = c.regs.x87;
        u8 image[128];
        put_environment(s, format, image);
        if (whole) {
            for (unsigned n = 0; n < 8; ++n) {
                const mmu::Float80& value = s.physical[(s.top + n) & 7];
                put(image + format.environment() + 10 * n, value.significand);
                put(image + format.environment() + 10 * n + 8, value.sign_exponent);
            }
        }
        if (size > kPiece) {
            u32 probes = 0;
            for (u32 at = 0; at < size; at += kPiece, ++probes)
                if (!c.open_store(address + at, std::min(kPiece, size - at))) [[unlikely]]
                    return fault_exit(c, i, 0, probes + 1);
            c.references += u64{probes} << 32;
        }
        for (u32 at = 0; at < size; at += kPiece) {
            const u32 piece = std::min(kPiece, size - at);
            u8* p = c.open_store(address + at, piece);
            if (!p) [[unlikely]]
                return fault_exit(c, i, 0, 1);
            std::memcpy(p, image + at, piece);
            c.close(p);
        }
        if (whole) {
            initialise(s);
        } else {
            s.control |= X87Bits::kExceptions;
            x87_update_summary(s);
        }
        return next(c, i);
    }
};

bool state_form(const Fields& f, Insn& out, Handler handler, bool whole, bool stores) {
    const Format format{!f.operand16 || f.rex_w()};
    out.run = handler;
    out.dst = format.wide;
    const unsigned pieces = whole ? 2 : 1;
    add_cost(out, stores ? 0 : pieces, stores ? pieces : 0);
    return true;
}

}  // namespace

bool fldcw(const Fields&, Insn& out) {
    out.run = &Fldcw::run;
    add_cost(out, 1, 0);
    return true;
}

bool fnstcw(const Fields&, Insn& out) {
    out.run = &StoreWord<false>::run;
    add_cost(out, 0, 1);
    return true;
}

bool fnstsw(const Fields&, Insn& out) {
    out.run = &StoreWord<true>::run;
    add_cost(out, 0, 1);
    return true;
}

bool fnstsw_ax(const Fields& f, Insn& out) {
    out.run = &FnstswAx::run;
    return (f.modrm & 7) == 0;
}

bool fldenv(const Fields& f, Insn& out) {
    return state_form(f, out, &LoadState<false>::run, false, false);
}
bool fnstenv(const Fields& f, Insn& out) {
    return state_form(f, out, &StoreState<false>::run, false, true);
}
bool frstor(const Fields& f, Insn& out) {
    return state_form(f, out, &LoadState<true>::run, true, false);
}
bool fnsave(const Fields& f, Insn& out) {
    return state_form(f, out, &StoreState<true>::run, true, true);
}

bool fnclex_fninit(const Fields& f, Insn& out) {
    switch (f.modrm & 7) {
        case 0:
        case 1:
        case 4:
            out.run = &Nothing::run;
            return true;
        case 2:
            out.run = &Fnclex::run;
            return true;
        case 3:
            out.run = &Fninit::run;
            return true;
        default:
            return false;
    }
}

bool fwait(const Fields&, Insn& out) {
    out.run = &Fwait::run;
    return true;
}

}  // namespace emu::insn
