// MOVS CMPS STOS LODS SCAS with REP, REPE, REPNE. SDM Vol. 2.
//
// A repeated instruction commits after each element: a fault leaves RCX, RSI and RDI where the element that
// raised it begins, and running it again goes on from there. The flags of CMPS and SCAS change only at the
// end.
//
// While both pages have their L0 slots, the elements up to the end of either page go as one chunk. That is
// exact: every reference would have been a hit, and all that alternate hits to two resident pages leave
// behind is the order of their last stamps, which one hit of each gives.
#include <algorithm>
#include <cstring>

#include "emu/insn/chapters.h"
#include "emu/insn/host_flags.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

enum class Repeat : u8 { kEqual, kNotEqual };  ///< what goes on: REPE, REPNE; MOVS, STOS and LODS do not look

/// RSI, RDI or RCX as the address size has them.
u64 pointer(const Cpu& c, const Insn* i, mmu::Gpr number) {
    const u64 value = c.regs.gpr[number];
    return i->address32 ? static_cast<u32>(value) : value;
}
void set_pointer(Cpu& c, const Insn* i, mmu::Gpr number, u64 value) {
    c.regs.gpr[number] = i->address32 ? static_cast<u32>(value) : value;
}
u64 source_address(const Cpu& c, const Insn* i) {
    return pointer(c, i, mmu::kRsi) + c.slot(i->segment);
}

bool backward(const Cpu& c) {
    return c.regs.rflags & mmu::Rflags::kDf;
}

/// Bytes from one element to the next, as a wrapping number.
template <class T>
u64 step(const Cpu& c) {
    return backward(c) ? u64{0} - sizeof(T) : sizeof(T);
}
template <class T>
void advance(Cpu& c, const Insn* i, mmu::Gpr number, u64 elements) {
    set_pointer(c, i, number, pointer(c, i, number) + step<T>(c) * elements);
}

/// Whole elements from `address` to the end of its page in the direction of DF.
template <class T>
u64 elements_in_page(u64 address, bool down) {
    const u64 offset = address & mmu::kPageOffsetMask;
    if (!down) return (mmu::kPageSize - offset) / sizeof(T);
    return offset + sizeof(T) <= mmu::kPageSize ? offset / sizeof(T) + 1 : 0;
}

/// What a chunk did: how many elements, and whether one of them ended the repetition.
struct Done {
    u64 elements = 0;
    bool ended = false;
};

// Each instruction has
//   element<T>()  one element; 0, or the number (from 1) of the reference that faulted. Moves no pointer.
//   chunk<T>()    up to `count` elements if they are in resident pages; 0 elements if not. Counts its
//   references. move<T>()     moves the pointers.

struct Movs {
    static constexpr u32 kLoads = 1, kStores = 1;
    static constexpr bool kCompares = false;

    template <class T>
    static unsigned element(Cpu& c, const Insn* i, Flags&) {
        const u8* p = c.read(source_address(c, i), sizeof(T));
        if (!p) return 1;
        return c.store<T>(pointer(c, i, mmu::kRdi), get<T>(p)) ? 0 : 2;
    }

    template <class T>
    static Done chunk(Cpu& c, const Insn* i, u64 count, Repeat, Flags&) {
        const bool down = backward(c);
        const u64 from = source_address(c, i), to = pointer(c, i, mmu::kRdi);
        const u64 n = std::min({count, elements_in_page<T>(from, down), elements_in_page<T>(to, down)});
        const u8* s = c.l0.probe(c.l0.load, from, sizeof(T));
        u8* d = c.l0.probe(c.l0.store, to, sizeof(T));
        if (n == 0 || !s || !d) return {};
        c.l0.hit(c.l0.load, from, sizeof(T));
        c.l0.hit(c.l0.store, to, sizeof(T));
        c.counters.loads += n;
        c.counters.stores += n;
        // Upwards and not into bytes that are still to be read (host pages decide, two mappings may share
        // one): a plain copy. Otherwise element by element, which repeats a pattern as the CPU does.
        const u64 distance = reinterpret_cast<u64>(d) - reinterpret_cast<u64>(s);
        if (!down && distance >= n * sizeof(T)) {
            std::memmove(d, s, n * sizeof(T));
        } else {
            const i64 by = down ? -static_cast<i64>(sizeof(T)) : static_cast<i64>(sizeof(T));
            for (i64 k = 0, end = static_cast<i64>(n) * by; k != end; k += by) put<T>(d + k, get<T>(s + k));
        }
        return {n, false};
    }

    template <class T>
    static void move(Cpu& c, const Insn* i, u64 elements) {
        advance<T>(c, i, mmu::kRsi, elements);
        advance<T>(c, i, mmu::kRdi, elements);
    }
};

struct Stos {
    static constexpr u32 kLoads = 0, kStores = 1;
    static constexpr bool kCompares = false;

    template <class T>
    static unsigned element(Cpu& c, const Insn* i, Flags&) {
        return c.store<T>(pointer(c, i, mmu::kRdi), c.reg<T>(0)) ? 0 : 1;
    }

    template <class T>
    static Done chunk(Cpu& c, const Insn* i, u64 count, Repeat, Flags&) {
        const bool down = backward(c);
        const u64 to = pointer(c, i, mmu::kRdi);
        const u64 n = std::min(count, elements_in_page<T>(to, down));
        u8* d = n == 0 ? nullptr : c.l0.hit(c.l0.store, to, sizeof(T));
        if (!d) return {};
        c.counters.stores += n;
        if (down) d -= (n - 1) * sizeof(T);
        const T value = c.reg<T>(0);
        if (value == static_cast<T>((value & 0xff) * static_cast<T>(0x0101010101010101))) {
            std::memset(d, static_cast<u8>(value), n * sizeof(T));
        } else {
            for (u64 k = 0; k < n; ++k) put<T>(d + k * sizeof(T), value);
        }
        return {n, false};
    }

    template <class T>
    static void move(Cpu& c, const Insn* i, u64 elements) {
        advance<T>(c, i, mmu::kRdi, elements);
    }
};

struct Lods {
    static constexpr u32 kLoads = 1, kStores = 0;
    static constexpr bool kCompares = false;

    template <class T>
    static unsigned element(Cpu& c, const Insn* i, Flags&) {
        const u8* p = c.read(source_address(c, i), sizeof(T));
        if (!p) return 1;
        c.set_reg(0, get<T>(p));
        return 0;
    }

    /// Only the last element remains.
    template <class T>
    static Done chunk(Cpu& c, const Insn* i, u64 count, Repeat, Flags&) {
        const u64 from = source_address(c, i);
        const u64 n = std::min(count, elements_in_page<T>(from, backward(c)));
        const u8* s = n == 0 ? nullptr : c.l0.hit(c.l0.load, from, sizeof(T));
        if (!s) return {};
        c.counters.loads += n;
        const u64 last = (n - 1) * sizeof(T);
        c.set_reg(0, get<T>(backward(c) ? s - last : s + last));
        return {n, false};
    }

    template <class T>
    static void move(Cpu& c, const Insn* i, u64 elements) {
        advance<T>(c, i, mmu::kRsi, elements);
    }
};

bool goes_on(Repeat repeat, bool equal) {
    return equal == (repeat == Repeat::kEqual);
}

struct Scas {
    static constexpr u32 kLoads = 1, kStores = 0;
    static constexpr bool kCompares = true;

    template <class T>
    static unsigned element(Cpu& c, const Insn* i, Flags& flags) {
        const u8* p = c.read(pointer(c, i, mmu::kRdi), sizeof(T));
        if (!p) return 1;
        alu<Alu::kCmp>(c.reg<T>(0), get<T>(p), flags);
        return 0;
    }

    template <class T>
    static Done chunk(Cpu& c, const Insn* i, u64 count, Repeat repeat, Flags& flags) {
        const u64 from = pointer(c, i, mmu::kRdi);
        const u64 n = std::min(count, elements_in_page<T>(from, backward(c)));
        const u8* s = n == 0 ? nullptr : c.l0.hit(c.l0.load, from, sizeof(T));
        if (!s) return {};
        const i64 by = static_cast<i64>(step<T>(c));
        const T wanted = c.reg<T>(0);
        Done done;
        T found{};
        do {
            found = get<T>(s + static_cast<i64>(done.elements) * by);
            ++done.elements;
            done.ended = !goes_on(repeat, found == wanted);
        } while (!done.ended && done.elements < n);
        c.counters.loads += done.elements;
        alu<Alu::kCmp>(wanted, found, flags);
        return done;
    }

    template <class T>
    static void move(Cpu& c, const Insn* i, u64 elements) {
        advance<T>(c, i, mmu::kRdi, elements);
    }
};

/// [RSI] - [RDI].
struct Cmps {
    static constexpr u32 kLoads = 2, kStores = 0;
    static constexpr bool kCompares = true;

    template <class T>
    static unsigned element(Cpu& c, const Insn* i, Flags& flags) {
        const u8* p = c.read(source_address(c, i), sizeof(T));
        if (!p) return 1;
        const T first = get<T>(p);
        p = c.read(pointer(c, i, mmu::kRdi), sizeof(T));
        if (!p) return 2;
        alu<Alu::kCmp>(first, get<T>(p), flags);
        return 0;
    }

    template <class T>
    static Done chunk(Cpu& c, const Insn* i, u64 count, Repeat repeat, Flags& flags) {
        const bool down = backward(c);
        const u64 a_address = source_address(c, i), b_address = pointer(c, i, mmu::kRdi);
        const u64 n =
            std::min({count, elements_in_page<T>(a_address, down), elements_in_page<T>(b_address, down)});
        if (n == 0 || !c.l0.probe(c.l0.load, a_address, sizeof(T)) ||
            !c.l0.probe(c.l0.load, b_address, sizeof(T)))
            return {};
        const u8* a = c.l0.hit(c.l0.load, a_address, sizeof(T));
        const u8* b = c.l0.hit(c.l0.load, b_address, sizeof(T));
        const i64 by = static_cast<i64>(step<T>(c));
        Done done;
        T first{}, second{};
        do {
            const i64 at = static_cast<i64>(done.elements) * by;
            first = get<T>(a + at);
            second = get<T>(b + at);
            ++done.elements;
            done.ended = !goes_on(repeat, first == second);
        } while (!done.ended && done.elements < n);
        c.counters.loads += 2 * done.elements;
        alu<Alu::kCmp>(first, second, flags);
        return done;
    }

    template <class T>
    static void move(Cpu& c, const Insn* i, u64 elements) {
        Movs::move<T>(c, i, elements);
    }
};

/// Reference number `reference` of an element faulted; loads come before stores.
template <class Op>
[[gnu::cold, gnu::noinline]] Exit string_fault(Cpu& c, const Insn* i, unsigned reference) {
    const u32 loads = std::min<u32>(reference, Op::kLoads);
    return fault_exit(c, i, loads, reference - loads);
}

template <class Op>
struct Once {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        if (const unsigned reference = Op::template element<T>(c, i, c.flags)) [[unlikely]]
            return string_fault<Op>(c, i, reference);
        Op::template move<T>(c, i, 1);
        return next(c, i);
    }
};

template <class Op, Repeat repeat>
struct Repeated {
    /// Elements in one go, one at least: a chunk, or a single one through the slow path. `reference` as
    /// element().
    template <class T>
    static Done some(Cpu& c, const Insn* i, u64 count, Flags& flags, unsigned& reference) {
        // With 32-bit addresses a run of elements may wrap inside a page; they are rare enough to go singly.
        if (!i->address32)
            if (const Done done = Op::template chunk<T>(c, i, count, repeat, flags); done.elements != 0)
                return done;
        reference = Op::template element<T>(c, i, flags);
        if (reference != 0) return {};
        c.counters.loads += Op::kLoads;
        c.counters.stores += Op::kStores;
        return {1, Op::kCompares && !goes_on(repeat, flags & FlagBits::kZf)};
    }

    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        {  // a scope that ends before the handler does, or it would not leave by a jump
            Flags flags = c.flags;
            while (const u64 count = pointer(c, i, mmu::kRcx)) {
                unsigned reference = 0;
                const Done done = some<T>(c, i, count, flags, reference);
                if (reference != 0) [[unlikely]]
                    return string_fault<Op>(c, i, reference);
                Op::template move<T>(c, i, done.elements);
                set_pointer(c, i, mmu::kRcx, count - done.elements);
                if (done.ended) break;
                if (count != done.elements && c.stop.load(std::memory_order_relaxed)) [[unlikely]]
                    return leave_before(c, i, Exit::kBudget);  // the registers tell how far it came
            }
            c.flags = flags;
        }
        return next(c, i);
    }
};

/// XLAT: AL = [RBX + AL].
Exit xlat(Cpu& c, const Insn* i) {
    const u64 sum = c.regs.gpr[mmu::kRbx] + c.reg<u8>(0);
    const u8* p = c.read((i->address32 ? static_cast<u32>(sum) : sum) + c.slot(i->segment), 1);
    if (!p) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    c.set_reg<u8>(0, *p);
    return next(c, i);
}

/// The operands that have no ModRM to tell them.
void set_implicit_operand(const Fields& f, Insn& out) {
    out.address32 = f.address32;
    out.segment = f.segment == 0x64 ? Slot::kFs : f.segment == 0x65 ? Slot::kGs : Slot::kZero;
}

template <class Op>
bool build(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    set_implicit_operand(f, out);
    if (f.repeat == 0) {
        add_cost(out, Op::kLoads, Op::kStores);
        out.run = pick<Once<Op>>(width);
    } else if (Op::kCompares && f.repeat == 0xf2) {
        out.run = pick<Repeated<Op, Repeat::kNotEqual>>(width);
    } else {
        out.run = pick<Repeated<Op, Repeat::kEqual>>(width);
    }
    return true;
}

bool build_xlat(const Fields& f, Insn& out) {
    set_implicit_operand(f, out);
    add_cost(out, 1, 0);
    out.run = xlat;
    return true;
}

}  // namespace

Rows strings() {
    static constexpr OpcodeRow kRows[] = {
        {"movs", Map::kOne, 0xa4, build<Movs>, 2}, {"cmps", Map::kOne, 0xa6, build<Cmps>, 2},
        {"stos", Map::kOne, 0xaa, build<Stos>, 2}, {"lods", Map::kOne, 0xac, build<Lods>, 2},
        {"scas", Map::kOne, 0xae, build<Scas>, 2}, {"xlat", Map::kOne, 0xd7, build_xlat},
    };
    return kRows;
}

}  // namespace emu::insn
