// Where things are: which host register holds which guest register in generated code, and where in Cpu the
// rest is. RAX and R14 are scratch; RSP is the host's.
#pragma once

#include "emu/cpu/cpu.h"
#include "emu/jit/x86_64/assembler.h"

namespace emu::jit {

constexpr Reg kA = kRax, kB = kR14, kClock = kR13, kCpu = kR15;

/// By guest number; the five that compilers use least stay in memory.
constexpr Reg kPinned[16] = {kR10, kRcx, kRdx,   kRbx,   kR11, kRbp,   kRsi,   kRdi,
                             kR8,  kR9,  kNoReg, kNoReg, kR12, kNoReg, kNoReg, kNoReg};

constexpr bool is_pinned(u8 guest) {
    return kPinned[guest] != kNoReg;
}

/// Displacements from kCpu.
struct Layout {
    explicit Layout(const Cpu& cpu)
        : clock(of(cpu, &cpu.l0.clock)),
          load(of(cpu, cpu.l0.load)),
          store(of(cpu, cpu.l0.store)),
          fetch(of(cpu, cpu.l0.fetch)),
          budget(of(cpu, &cpu.budget)),
          references(of(cpu, &cpu.references)),
          flags(of(cpu, &cpu.flags)),
          rip(of(cpu, &cpu.regs.rip)),
          mxcsr(of(cpu, &cpu.regs.mxcsr)),
          vector(of(cpu, cpu.regs.vector.data())),
          jump_cache(of(cpu, cpu.jump_cache)) {}

    i32 clock, load, store, fetch, budget, references, flags, rip, mxcsr, vector, jump_cache;
    static constexpr i32 kTag = offsetof(mmu::L0::Slot, tag), kStamp = offsetof(mmu::L0::Slot, stamp),
                         kHost = offsetof(mmu::L0::Slot, host), kAddend = offsetof(mmu::L0::Slot, addend);

    static Place gpr(u8 guest) { return Place::at(kCpu, guest * 8); }
    Place xmm(u8 number) const {
        return Place::at(kCpu, vector + number * static_cast<i32>(sizeof(mmu::Vector256)));
    }

  private:
    static i32 of(const Cpu& cpu, const void* member) {
        return static_cast<i32>(static_cast<const u8*>(member) - reinterpret_cast<const u8*>(&cpu));
    }
};

}  // namespace emu::jit
