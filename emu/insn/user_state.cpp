// What newer CPUs let user code read and write of the system's state: FS and GS bases, protection keys, the
// processor's number, random numbers. SDM Vol. 2.
//
// Deviation: RDRAND and RDSEED never fail, and their numbers are a function of the seed and of the number of
// instructions retired, so that a run can be repeated.
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"
#include "mmu/base/rng.h"
#include "mmu/mmu.h"

namespace emu::insn {
namespace {

using mmu::Vector;

/// The base is the slot in `src`.
template <class T>
Exit read_base(Cpu& c, const Insn* i) {
    c.set_reg(i->dst, c.reg<T>(i->src));
    return next(c, i);
}
/// The base is the slot in `dst`; a 32-bit source is zero-extended.
template <class T>
Exit write_base(Cpu& c, const Insn* i) {
    const u64 base = c.reg<T>(i->src);
    if (!c.is_canonical(base)) return raise(c, i, Vector::kGeneralProtection);
    c.set_reg(i->dst, base);
    return next(c, i);
}

template <u8 slot, bool write>
bool base(const Fields& f, Insn& out) {
    const u8 general = Slot::of(f.rm);
    out.dst = write ? slot : general;
    out.src = write ? general : slot;
    if (write)
        out.run = f.rex_w() ? write_base<u64> : write_base<u32>;
    else
        out.run = f.rex_w() ? read_base<u64> : read_base<u32>;
    return true;
}

Exit rdpkru(Cpu& c, const Insn* i) {
    if (!c.mmu.control().pke()) return raise(c, i, Vector::kInvalidOpcode);
    if (c.reg<u32>(Slot::of(mmu::kRcx)) != 0) return raise(c, i, Vector::kGeneralProtection);
    c.regs.gpr[mmu::kRax] = c.mmu.control().pkru;
    c.regs.gpr[mmu::kRdx] = 0;
    return next(c, i);
}
Exit wrpkru(Cpu& c, const Insn* i) {
    if (!c.mmu.control().pke()) return raise(c, i, Vector::kInvalidOpcode);
    if (c.reg<u32>(Slot::of(mmu::kRcx)) != 0 || c.reg<u32>(Slot::of(mmu::kRdx)) != 0)
        return raise(c, i, Vector::kGeneralProtection);
    c.mmu.write_pkru(c.reg<u32>(Slot::of(mmu::kRax)));
    return next(c, i);
}

/// IA32_TSC_AUX: CPU 0 of node 0.
Exit rdpid(Cpu& c, const Insn* i) {
    c.set_reg<u64>(i->dst, 0);
    return next(c, i);
}

/// The finalizer of SplitMix64: without the step that Rng makes first.
u64 mixed(u64 x) {
    return mmu::Rng(x - 0x9e3779b97f4a7c15).next();
}

template <u64 stream>
struct RandomNumber {
    template <class T>
    static Exit run(Cpu& c, const Insn* i) {
        const u64 number = mixed(mixed(c.random_seed + stream) + c.instructions_retired());
        c.set_reg(i->dst, static_cast<T>(number));
        c.flags = FlagBits::kAlwaysOne | FlagBits::kCf;
        return next(c, i);
    }
};

template <u64 stream>
bool random_number(const Fields& f, Insn& out) {
    out.dst = Slot::of(f.rm);
    out.run = pick<RandomNumber<stream>>(f.width());
    return true;
}

template <Handler handler>
bool to_rm(const Fields& f, Insn& out) {
    out.dst = Slot::of(f.rm);
    out.run = handler;
    return true;
}

constexpr OpcodeRow base_row(const char* name, i8 extension, Build build) {
    return needs(Feature::kFsgsbase,
                 {name, Map::k0F, 0xae, build, 1, extension, Prefix::kF3, Operand::kRegister});
}
constexpr OpcodeRow random_row(Feature feature, const char* name, Prefix prefix, i8 extension, Build build) {
    return {.name = name,
            .map = Map::k0F,
            .opcode = 0xc7,
            .build = build,
            .extension = extension,
            .prefix = prefix,
            .operand = Operand::kRegister,
            .alone = true,
            .feature = feature};
}
constexpr OpcodeRow key_row(const char* name, i8 rm, Build build) {
    return {.name = name,
            .map = Map::k0F,
            .opcode = 0x01,
            .build = build,
            .extension = 5,
            .prefix = Prefix::kNone,
            .feature = Feature::kOspke,
            .rm = rm};
}

}  // namespace

Rows user_state() {
    constexpr auto kNone = Prefix::kNone, k66 = Prefix::k66;
    static constexpr OpcodeRow kRows[] = {
        base_row("rdfsbase", 0, base<Slot::kFs, false>),
        base_row("rdgsbase", 1, base<Slot::kGs, false>),
        base_row("wrfsbase", 2, base<Slot::kFs, true>),
        base_row("wrgsbase", 3, base<Slot::kGs, true>),
        key_row("rdpkru", 6, to_rm<rdpkru>),
        key_row("wrpkru", 7, to_rm<wrpkru>),
        needs(Feature::kRdpid,
              {"rdpid", Map::k0F, 0xc7, to_rm<rdpid>, 1, 7, Prefix::kF3, Operand::kRegister}),
        random_row(Feature::kRdrand, "rdrand", kNone, 6, random_number<1>),
        random_row(Feature::kRdrand, "rdrand", k66, 6, random_number<1>),
        random_row(Feature::kRdseed, "rdseed", kNone, 7, random_number<2>),
        random_row(Feature::kRdseed, "rdseed", k66, 7, random_number<2>),
    };
    return kRows;
}

}  // namespace emu::insn
