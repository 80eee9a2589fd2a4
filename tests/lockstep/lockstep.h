// One static program natively in single steps and in the emulator side by side. After each instruction all
// registers are compared, and what it stored; at each system call all memory. The emulator's kernel answers
// for both: its results, its memory and its address space are copied to the native side, as are CPUID, the
// clock and other things that no two machines agree on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/decode/decoder.h"
#include "emu/machine/machine.h"
#include "tests/lockstep/native_memory.h"
#include "tests/lockstep/tracee.h"

namespace tests {

struct LockstepResult {
    u64 instructions = 0;  ///< that both executed
    u64 system_calls = 0, copied = 0;
    bool ended = false;      ///< the guest came to its end
    std::string difference;  ///< empty, or the first instruction that differs with both states
};

class Lockstep {
  public:
    Lockstep(emu::Machine& machine, Tracee& tracee)
        : machine_(machine), tracee_(tracee), memory_(machine, tracee) {}

    /// Both are at their first instruction. At most `max` instructions.
    LockstepResult run(u64 max);

  private:
    enum class Kind : u8 { kOrdinary, kRepeated, kSystemCall, kCopied };
    struct Current {
        mmu::Registers before;
        std::vector<u8> bytes;
        emu::Decoder::Result decoded;
        Kind kind = Kind::kOrdinary;
    };

    std::string start();
    std::string one();
    void look(Current& current);
    void emulate(const Current& current);
    std::string follow_trap(int signal);
    std::string compare(const Current& current);
    std::string compare_stores(const Current& current);
    std::string describe(const Current& current) const;

    emu::Machine& machine_;
    Tracee& tracee_;
    NativeMemory memory_;
    emu::Decoder decoder_;
    LockstepResult result_;
    bool trapped_ = false;  ///< the emulator's kernel changed registers: a system call or a signal
    u64 since_vectors_ = 0;
};

}  // namespace tests
