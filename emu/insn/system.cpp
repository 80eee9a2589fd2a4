// SYSCALL CPUID RDTSC fences, prefetches, NOPs, and what user code may not do. SDM Vol. 2. Everything runs at
// CPL 3: a privileged instruction is #GP(0), whatever it would do.
#include "emu/cpu/cpu_model.h"
#include "emu/insn/chapters.h"
#include "emu/insn/operands.h"
#include "emu/insn/user_flags.h"
#include "emu/insn/warn.h"

namespace emu::insn {
namespace {

using mmu::Vector;

Exit nop(Cpu& c, const Insn* i) {
    return next(c, i);
}
Exit privileged(Cpu& c, const Insn* i) {
    return raise(c, i, Vector::kGeneralProtection);
}

/// SGDT SIDT SLDT STR SMSW under CR4.UMIP.
Exit prevented(Cpu& c, const Insn* i) {
    warn_once(c, Warning::kUmip);
    return raise(c, i, Vector::kGeneralProtection);
}

/// No SYSENTER entry point: #UD on AMD's CPUs in long mode, #GP from an empty IA32_SYSENTER_CS on Intel's.
Exit sysenter(Cpu& c, const Insn* i) {
    return raise(c, i, c.model.is_amd() ? Vector::kInvalidOpcode : Vector::kGeneralProtection);
}

/// The kernel's side (IA32_LSTAR, IA32_FMASK) is the machine's.
Exit syscall(Cpu& c, const Insn* i) {
    const u64 after = c.regs.rip + i->offset + i->length;
    c.regs.gpr[mmu::kRcx] = after;
    c.regs.gpr[mmu::kR11] = pushed_flags(c);
    c.regs.rip = after;
    return Exit::kSyscall;
}

Exit cpuid(Cpu& c, const Insn* i) {
    const CpuidResult result = c.model.cpuid(c.reg<u32>(mmu::kRax * 8), c.reg<u32>(mmu::kRcx * 8));
    c.regs.gpr[mmu::kRax] = result.eax;
    c.regs.gpr[mmu::kRbx] = result.ebx;
    c.regs.gpr[mmu::kRcx] = result.ecx;
    c.regs.gpr[mmu::kRdx] = result.edx;
    return next(c, i);
}

/// Time is the number of instructions retired, and what the guest slept.
Exit rdtsc(Cpu& c, const Insn* i) {
    const u64 now = c.instructions_retired() + c.model.tsc_offset;
    c.regs.gpr[mmu::kRax] = static_cast<u32>(now);
    c.regs.gpr[mmu::kRdx] = now >> 32;
    return next(c, i);
}
Exit rdtscp(Cpu& c, const Insn* i) {
    c.regs.gpr[mmu::kRcx] = 0;  // IA32_TSC_AUX: CPU 0 of node 0
    return rdtsc(c, i);
}

/// Treated as a load of a byte: permissions, segmentation and accessed bits.
Exit clflush(Cpu& c, const Insn* i) {
    if (!c.read(AnyAddress::address(c, i), 1)) [[unlikely]]
        return fault_exit(c, i, 1, 0);
    return next(c, i);
}

template <Handler handler>
bool simple(const Fields&, Insn& out) {
    out.run = handler;
    return true;
}
/// For handlers after which the flow does not go on.
template <Handler handler>
bool ending(const Fields&, Insn& out) {
    out.run = handler;
    end_block(out);
    return true;
}

/// CR0, CR2, CR3, CR4 and CR8 exist; the others are #UD.
bool control_register(const Fields& f, Insn& out) {
    const bool exists = f.reg == 0 || f.reg == 2 || f.reg == 3 || f.reg == 4 || f.reg == 8;
    return exists && ending<privileged>(f, out);
}
bool debug_register(const Fields& f, Insn& out) {
    return f.reg < 8 && ending<privileged>(f, out);
}

bool invpcid(const Fields& f, Insn& out) {
    return f.memory() && ending<privileged>(f, out);
}

bool build_clflush(const Fields& f, Insn& out) {
    add_cost(out, 1, 0);
    return simple<clflush>(f, out);
}

constexpr OpcodeRow privileged_row(const char* name, Map map, u8 opcode, u8 count = 1, i8 extension = -1,
                                   Operand operand = Operand::kAny) {
    return {name, map, opcode, ending<privileged>, count, extension, Prefix::kAny, operand};
}
constexpr OpcodeRow prevented_row(const char* name, u8 opcode, i8 extension,
                                  Operand operand = Operand::kAny) {
    return {name, Map::k0F, opcode, ending<prevented>, 1, extension, Prefix::kAny, operand};
}

/// An instruction that is one ModRM byte of 0F 01.
constexpr OpcodeRow group_0f01(const char* name, i8 extension, i8 rm, Build build, bool alone = false) {
    return {.name = name,
            .map = Map::k0F,
            .opcode = 0x01,
            .build = build,
            .extension = extension,
            .alone = alone,
            .rm = rm};
}

}  // namespace

Rows system() {
    constexpr Prefix kAny = Prefix::kAny, kNone = Prefix::kNone;
    constexpr Operand kMemory = Operand::kMemory, kRegister = Operand::kRegister;
    constexpr Encoding kLegacy = Encoding::kLegacy;
    static constexpr OpcodeRow kRows[] = {
        {"syscall", Map::k0F, 0x05, ending<syscall>},
        {"sysenter", Map::k0F, 0x34, ending<sysenter>},
        {"cpuid", Map::k0F, 0xa2, simple<cpuid>},
        {"rdtsc", Map::k0F, 0x31, simple<rdtsc>, 1, -1, kAny, Operand::kAny, false, kLegacy, true},
        group_0f01("swapgs", 7, 0, ending<privileged>),
        needs(Feature::kRdtscp, group_0f01("rdtscp", 7, 1, simple<rdtscp>, true)),

        // Hints: reserved NOPs with ModRM, which make no reference. ENDBR64 and RDSSP are among them.
        {"prefetchw", Map::k0F, 0x0d, simple<nop>},
        {"nop", Map::k0F, 0x18, simple<nop>, 8},
        {"lfence", Map::k0F, 0xae, simple<nop>, 1, 5, kNone, kRegister},
        {"mfence", Map::k0F, 0xae, simple<nop>, 1, 6, kNone, kRegister},
        {"sfence", Map::k0F, 0xae, simple<nop>, 1, 7, kNone, kRegister},
        {"clflush", Map::k0F, 0xae, build_clflush, 1, 7, kNone, kMemory},
        needs(Feature::kClflushopt,
              {"clflushopt", Map::k0F, 0xae, build_clflush, 1, 7, Prefix::k66, kMemory}),
        needs(Feature::kClwb, {"clwb", Map::k0F, 0xae, build_clflush, 1, 6, Prefix::k66, kMemory}),

        privileged_row("ins", Map::kOne, 0x6c, 2),
        privileged_row("outs", Map::kOne, 0x6e, 2),
        privileged_row("in", Map::kOne, 0xe4, 2),
        privileged_row("out", Map::kOne, 0xe6, 2),
        privileged_row("in", Map::kOne, 0xec, 2),
        privileged_row("out", Map::kOne, 0xee, 2),
        privileged_row("hlt", Map::kOne, 0xf4),
        privileged_row("cli", Map::kOne, 0xfa),
        privileged_row("sti", Map::kOne, 0xfb),
        privileged_row("clts", Map::k0F, 0x06),
        privileged_row("sysret", Map::k0F, 0x07),
        privileged_row("invd", Map::k0F, 0x08),
        privileged_row("wbinvd", Map::k0F, 0x09),
        privileged_row("wrmsr", Map::k0F, 0x30),
        privileged_row("rdmsr", Map::k0F, 0x32),
        privileged_row("rdpmc", Map::k0F, 0x33),
        privileged_row("sysexit", Map::k0F, 0x35),
        privileged_row("lldt", Map::k0F, 0x00, 1, 2),
        privileged_row("ltr", Map::k0F, 0x00, 1, 3),
        privileged_row("lgdt", Map::k0F, 0x01, 1, 2, kMemory),
        privileged_row("lidt", Map::k0F, 0x01, 1, 3, kMemory),
        privileged_row("lmsw", Map::k0F, 0x01, 1, 6),
        privileged_row("invlpg", Map::k0F, 0x01, 1, 7, kMemory),
        {"mov cr", Map::k0F, 0x20, control_register},
        {"mov cr", Map::k0F, 0x22, control_register},
        {"mov dr", Map::k0F, 0x21, debug_register},
        {"mov dr", Map::k0F, 0x23, debug_register},
        needs(Feature::kInvpcid, {"invpcid", Map::k0F38, 0x82, invpcid, 1, -1, Prefix::k66}),

        prevented_row("sldt", 0x00, 0),
        prevented_row("str", 0x00, 1),
        prevented_row("sgdt", 0x01, 0, kMemory),
        prevented_row("sidt", 0x01, 1, kMemory),
        prevented_row("smsw", 0x01, 4),
    };
    return kRows;
}

}  // namespace emu::insn
