// A native process under ptrace, stopped at its first instruction, that is stepped and whose registers and
// memory are read and written. It knows nothing of the emulator. ptrace(2).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "mmu/arch/registers.h"

namespace tests {

using mmu::u64, mmu::u8, mmu::usize;

class Tracee {
  public:
    /// Without address-space randomisation, with an 8 MiB stack.
    Tracee(const std::string& path, const std::vector<std::string>& arguments,
           const std::vector<std::string>& environment);
    ~Tracee();
    Tracee(const Tracee&) = delete;
    Tracee& operator=(const Tracee&) = delete;

    /// Empty, or why it could not be started.
    const std::string& error() const { return error_; }

    /// What stopped it: 0 for a step that was made, a signal (which it does not see), or kEnded.
    static constexpr int kEnded = -1;
    int step();
    /// Runs to the instruction at `address`; its byte there is replaced for so long.
    int run_to(u64 address);

    /// General registers, RIP, RFLAGS and the segment bases; the rest of `registers` stays.
    void read_general(mmu::Registers& registers) const;
    void write_general(const mmu::Registers& registers);
    /// x87, MXCSR and vectors.
    void read_vectors(mmu::Registers& registers) const;
    void write_vectors(const mmu::Registers& registers);

    /// Bytes that were read or written, from the first on.
    usize read(u64 address, void* to, usize size) const;
    usize write(u64 address, const void* from, usize size);

    /// Makes it execute a system call; RIP is at a SYSCALL instruction. Its registers are as before
    /// afterwards.
    mmu::i64 system_call(long number, const std::vector<u64>& arguments);

    /// Takes away [vdso] and [vvar], as system_call() does.
    void unmap_special_areas();

  private:
    int wait();

    pid_t pid_ = -1;
    int memory_ = -1;
    bool ended_ = false;
    std::string error_;
};

}  // namespace tests
