// The host CPU as an oracle: runs one instruction natively from a given register state, against a small
// memory window at a fixed address, and brings back the state after it or the fault that it raised. It knows
// nothing of the emulator.
//
//   kCode   64 KiB, executable, filled with INT3; the instruction is put at registers.rip
//   kData   two pages that the instruction may read and write
//   kGuard  one page, right behind them, that it may not
//
// Not reproduced: RFLAGS.TF, FOP, FIP, FDP (CPUs differ in when they are kept), and where user mode cannot
// load it (loads_fs()) the FS base: the host's thread pointer stays.
#pragma once

#include <csignal>
#include <span>

#include "mmu/arch/registers.h"

namespace tests {

using mmu::u16, mmu::u32, mmu::u64, mmu::u8;

class HostCpu {
  public:
    static constexpr u64 kCode = 0x1000'0000, kCodeSize = 0x1'0000;
    static constexpr u64 kData = 0x2000'0000, kDataSize = 0x2000;
    static constexpr u64 kGuard = kData + kDataSize, kGuardSize = 0x1000;

    /// One at a time: the addresses and the signal handlers are the process's.
    HostCpu();
    ~HostCpu();
    HostCpu(const HostCpu&) = delete;
    HostCpu& operator=(const HostCpu&) = delete;

    struct Outcome {
        mmu::Registers registers;  ///< rip: where the CPU went on, or the faulting instruction
        int signal = 0;   ///< 0: the instruction was executed; else SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP
        int code = 0;     ///< si_code
        u64 trapno = 0;   ///< the exception's vector
        u64 error = 0;    ///< its error code, for a page fault
        u64 address = 0;  ///< CR2, for a page fault
    };

    /// `before.rip` is in the code window, with room for 16 more bytes; it is no branch to itself (that would
    /// not end). A branch into the window ends there, one to elsewhere in SIGSEGV at its target.
    Outcome run(std::span<const u8> bytes, const mmu::Registers& before);

    /// Whether the instruction sees registers.fs_base, and what it leaves in both bases is brought back.
    static bool loads_fs();

    u8* data() { return reinterpret_cast<u8*>(kData); }

  private:
    static constexpr int kSignals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
    struct sigaction old_actions_[std::size(kSignals)];
    stack_t old_stack_;
    u64 gs_base_ = 0;
};

}  // namespace tests
