// Keeps the native process's address space and memory like the emulated guest's: areas that system calls
// made, moved or took away, and what they wrote.
#pragma once

#include <string>
#include <vector>

#include "emu/machine/machine.h"
#include "tests/lockstep/tracee.h"

namespace tests {

class NativeMemory {
  public:
    NativeMemory(emu::Machine& machine, Tracee& tracee) : machine_(machine), tracee_(tracee) {}

    /// Copies the whole stack, which the two kernels have filled differently.
    void copy_stack();
    /// What is written on the emulated side but otherwise on the native one, as a sentence; empty: nothing.
    std::string first_difference();
    /// After a system call, RIP of the tracee still at it: areas first, then what is in them.
    void follow();
    /// `size` bytes at `address`, as far as the emulated side has them.
    void copy(u64 address, usize size);
    /// As many of `size` bytes as are in memory at `address`, without a reference.
    usize peek(u64 address, u8* to, usize size) const;

  private:
    struct Area {
        u64 start, end;
        int protection;
        bool anonymous, stack, special;
    };
    std::vector<Area> areas() const;
    void follow_areas();
    void fill_new(u64 start, u64 end);
    template <class Visitor>
    void each_page(Visitor visit) const;
    const u8* page(u64 address) const;

    emu::Machine& machine_;
    Tracee& tracee_;
    std::vector<Area> known_;
    bool unmapped_ = false;
};

}  // namespace tests
