// Legacy-encoded integer instructions that came after x86-64-v1: POPCNT LZCNT TZCNT MOVBE CRC32 ADCX ADOX.
// SDM Vol. 2. All are plain C++ but CRC32, which is the host's where it has one. Flags that the manual leaves
// undefined are cleared.
#include <bit>

#include "emu/insn/chapters.h"
#include "emu/insn/crc32c.h"
#include "emu/insn/source_forms.h"

namespace emu::insn {
namespace {

struct Popcnt {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        c.flags = static_cast<Flags>(FlagBits::kAlwaysOne | (source == 0 ? FlagBits::kZf : 0));
        c.set_reg(i->dst, static_cast<T>(std::popcount(source)));
    }
};

/// TZCNT and LZCNT: CF for a source of 0, ZF for a count of 0.
template <bool forward>
struct CountZeros {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const auto count = static_cast<T>(forward ? std::countr_zero(source) : std::countl_zero(source));
        c.flags = static_cast<Flags>(FlagBits::kAlwaysOne | (source == 0 ? FlagBits::kCf : 0) |
                                     (count == 0 ? FlagBits::kZf : 0));
        c.set_reg(i->dst, count);
    }
};

template <class T>
[[gnu::always_inline]] inline T swapped(T value) {
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    return value;
}

struct MovbeLoad {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        c.set_reg(i->dst, swapped(source));
    }
};
struct MovbeStore {
    template <class T, class Address>
    static Exit run(Cpu& c, const Insn* i) {
        return with_store<T, Address>(
            c, i, [](Cpu& cpu, const Insn* insn, u8* p, u64) { put<T>(p, swapped(cpu.reg<T>(insn->src))); });
    }
};

/// A 64-bit destination is zero-extended like a 32-bit one.
template <bool host>
struct Crc32 {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        const u32 crc = c.reg<u32>(i->dst);
        c.set_reg<u32>(i->dst, host ? host_crc32c(crc, source) : portable_crc32c(crc, source));
    }
};

/// ADCX and ADOX: an addition with the carry in one flag, the others left alone.
template <Flags carry_flag>
struct AddWithFlag {
    template <class T>
    [[gnu::always_inline]] static void apply(Cpu& c, const Insn* i, T source) {
        T sum;
        const bool first = __builtin_add_overflow(c.reg<T>(i->dst), source, &sum);
        const bool second = __builtin_add_overflow(sum, static_cast<T>(c.flags & carry_flag ? 1 : 0), &sum);
        c.flags = static_cast<Flags>((c.flags & ~carry_flag) | (first | second ? carry_flag : 0));
        c.set_reg(i->dst, sum);
    }
};

template <class Body>
bool reg_rm(const Fields& f, Insn& out) {
    out.dst = reg_operand(f, f.width());
    return source_operand<Body>(f, out, f.width());
}

/// For a mandatory 66 that does not mean 16 bits.
template <class Body>
bool reg_rm_wide(const Fields& f, Insn& out) {
    const unsigned width = f.rex_w() ? 8 : 4;
    out.dst = reg_operand(f, width);
    return source_operand<Body>(f, out, width);
}

bool movbe_store(const Fields& f, Insn& out) {
    out.src = reg_operand(f, f.width());
    out.run = pick_memory<MovbeStore>(f.width(), out);
    add_cost(out, 0, 1);
    return true;
}

bool crc32(const Fields& f, Insn& out) {
    const unsigned width = width_by_opcode(f);
    out.dst = reg_operand(f, 4);
    return host_features().has(Feature::kSse42) ? source_operand<Crc32<true>>(f, out, width)
                                                : source_operand<Crc32<false>>(f, out, width);
}

constexpr OpcodeRow row38(const char* name, Prefix prefix, u8 opcode, Build build, u8 count = 1,
                          Operand operand = Operand::kAny) {
    return {name, Map::k0F38, opcode, build, count, -1, prefix, operand};
}
constexpr OpcodeRow row_f3(const char* name, u8 opcode, Build build) {
    return {name, Map::k0F, opcode, build, 1, -1, Prefix::kF3};
}

}  // namespace

Rows integer_extensions() {
    constexpr auto kMemory = Operand::kMemory;
    static constexpr OpcodeRow kRows[] = {
        needs(Feature::kPopcnt, row_f3("popcnt", 0xb8, reg_rm<Popcnt>)),
        needs(Feature::kBmi1, row_f3("tzcnt", 0xbc, reg_rm<CountZeros<true>>)),
        needs(Feature::kLzcnt, row_f3("lzcnt", 0xbd, reg_rm<CountZeros<false>>)),
        needs(Feature::kMovbe, row38("movbe", Prefix::kNone, 0xf0, reg_rm<MovbeLoad>, 1, kMemory)),
        needs(Feature::kMovbe, row38("movbe", Prefix::k66, 0xf0, reg_rm<MovbeLoad>, 1, kMemory)),
        needs(Feature::kMovbe, row38("movbe", Prefix::kNone, 0xf1, movbe_store, 1, kMemory)),
        needs(Feature::kMovbe, row38("movbe", Prefix::k66, 0xf1, movbe_store, 1, kMemory)),
        needs(Feature::kSse42, row38("crc32", Prefix::kF2, 0xf0, crc32, 2)),
        needs(Feature::kAdx, row38("adcx", Prefix::k66, 0xf6, reg_rm_wide<AddWithFlag<FlagBits::kCf>>)),
        needs(Feature::kAdx, row38("adox", Prefix::kF3, 0xf6, reg_rm_wide<AddWithFlag<FlagBits::kOf>>)),
    };
    return kRows;
}

void add_integer_extension_flags(FlagTable& table) {
    add_source_flags<Popcnt, CountZeros<true>, CountZeros<false>>(table, FlagTable::Effect::kOverwrites);
    add_source_flags<Crc32<true>, Crc32<false>>(table, FlagTable::Effect::kNeutral);
}

}  // namespace emu::insn
