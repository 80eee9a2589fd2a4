// BT BTS BTR BTC BSF BSR. SDM Vol. 2. Flags that the manual leaves undefined are those of AMD's Zen: BT and
// its kin keep them; BSF and BSR clear CF, AF, SF and OF and give the parity of the result.
//
// With F3h, BSF and BSR are TZCNT and LZCNT where the CPU has BMI1 and LZCNT (integer_extensions.cpp, whose
// rows come first); another CPU ignores the prefix.
#include <bit>

#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"

namespace emu::insn {
namespace {

/// In the order of their encodings.
enum class Bit : u8 { kTest, kSet, kReset, kComplement };

template <Bit op, class T>
[[gnu::always_inline]] inline T bit_operation(T value, unsigned position, Flags& flags) {
    const T bit = static_cast<T>(T{1} << position);
    const Flags carry = value & bit ? FlagBits::kCf : 0;
    flags = static_cast<Flags>((flags & ~FlagBits::kCf) | carry);
    if constexpr (op == Bit::kSet) return static_cast<T>(value | bit);
    if constexpr (op == Bit::kReset) return static_cast<T>(value & ~bit);
    if constexpr (op == Bit::kComplement) return static_cast<T>(value ^ bit);
    return value;
}

template <class T>
constexpr unsigned kPositionMask = sizeof(T) * 8 - 1;

/// The position is a register's or an immediate's low bits.
template <Bit op, bool immediate>
struct BitReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const unsigned position = (immediate ? i->aux : c.reg<u8>(i->src)) & kPositionMask<T>;
        const T result = bit_operation<op>(c.reg<T>(i->dst), position, c.flags);
        if constexpr (op != Bit::kTest) c.set_reg(i->dst, result);
        return next(c, i);
    }
};

template <Bit op, class T>
Exit bit_at(Cpu& c, const Insn* i, u64 address, unsigned position) {
    if constexpr (op == Bit::kTest) {
        const u8* p = c.read(address, sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        bit_operation<op>(get<T>(p), position, c.flags);
    } else {
        u8* p = c.open_modify(address, sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        put<T>(p, bit_operation<op>(get<T>(p), position, c.flags));
        c.close(p);
    }
    return next(c, i);
}

template <Bit op>
struct BitMemImm {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return bit_at<op, T>(c, i, Address::address(c, i), i->aux & kPositionMask<T>);
    }
};

/// A register's position is signed and reaches beyond the operand: the word that holds the bit is accessed.
template <Bit op>
struct BitMemReg {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        constexpr unsigned kShift = std::countr_zero(sizeof(T) * 8);
        const i64 position = static_cast<std::make_signed_t<T>>(c.reg<T>(i->src));
        u64 offset = Address::offset(c, i) + static_cast<u64>(position >> kShift) * sizeof(T);
        if (i->address32) offset = static_cast<u32>(offset);
        return bit_at<op, T>(c, i, offset + c.slot(i->segment),
                             static_cast<unsigned>(position) & kPositionMask<T>);
    }
};

template <Bit op>
bool by_register(const Fields& f, Insn& out) {
    const unsigned width = f.width();
    out.src = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, op != Bit::kTest);
        out.run = pick_any_memory<BitMemReg<op>>(width);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<BitReg<op, false>>(width);
    }
    return true;
}

template <Bit op>
bool by_immediate(const Fields& f, Insn& out) {
    const unsigned width = f.width();
    out.aux = static_cast<u8>(f.immediate());
    if (f.memory()) {
        add_cost(out, 1, op != Bit::kTest);
        out.run = pick_any_memory<BitMemImm<op>>(width);
    } else {
        out.dst = rm_operand(f, width);
        out.run = pick<BitReg<op, true>>(width);
    }
    return true;
}

/// A source of 0 leaves the destination as it is, its upper half too.
template <bool forward, class T>
[[gnu::always_inline]] inline void scan(Cpu& c, const Insn* i, T source) {
    if (source == 0) {
        c.flags = FlagBits::kAlwaysOne | FlagBits::kZf | FlagBits::kPf;
        return;
    }
    constexpr u64 kEvenParity = 0x9669699669969669;  // bit n: the number n has an even number of ones
    const int found = forward ? std::countr_zero(source) : std::bit_width(source) - 1;
    c.flags = static_cast<Flags>(FlagBits::kAlwaysOne | (kEvenParity >> found & 1 ? FlagBits::kPf : 0));
    c.set_reg(i->dst, static_cast<T>(found));
}

template <bool forward>
struct ScanReg {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        scan<forward>(c, i, c.reg<T>(i->src));
        return next(c, i);
    }
};
template <bool forward>
struct ScanMem {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        const u8* p = c.read(Address::address(c, i), sizeof(T));
        if (!p) [[unlikely]]
            return fault_exit(c, i, 1, 0);
        scan<forward>(c, i, get<T>(p));
        return next(c, i);
    }
};

template <bool forward>
bool build_scan(const Fields& f, Insn& out) {
    const unsigned width = f.width();
    out.dst = reg_operand(f, width);
    if (f.memory()) {
        add_cost(out, 1, 0);
        out.run = pick_any_memory<ScanMem<forward>>(width);
    } else {
        out.src = rm_operand(f, width);
        out.run = pick<ScanReg<forward>>(width);
    }
    return true;
}

}  // namespace

Rows bits() {
    static constexpr OpcodeRow kRows[] = {
        {"bt", Map::k0F, 0xa3, by_register<Bit::kTest>},
        {"bts", Map::k0F, 0xab, by_register<Bit::kSet>, 1, -1, Prefix::kAny, Operand::kAny, true},
        {"btr", Map::k0F, 0xb3, by_register<Bit::kReset>, 1, -1, Prefix::kAny, Operand::kAny, true},
        {"btc", Map::k0F, 0xbb, by_register<Bit::kComplement>, 1, -1, Prefix::kAny, Operand::kAny, true},
        {"bt", Map::k0F, 0xba, by_immediate<Bit::kTest>, 1, 4},
        {"bts", Map::k0F, 0xba, by_immediate<Bit::kSet>, 1, 5, Prefix::kAny, Operand::kAny, true},
        {"btr", Map::k0F, 0xba, by_immediate<Bit::kReset>, 1, 6, Prefix::kAny, Operand::kAny, true},
        {"btc", Map::k0F, 0xba, by_immediate<Bit::kComplement>, 1, 7, Prefix::kAny, Operand::kAny, true},
        {"bsf", Map::k0F, 0xbc, build_scan<true>},
        {"bsr", Map::k0F, 0xbd, build_scan<false>},
    };
    return kRows;
}

}  // namespace emu::insn
