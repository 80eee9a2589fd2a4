// The emulator with the same face and the same memory map as tests::HostCpu, so that one case can be run on
// both.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "mmu/arch/fault.h"
#include "mmu/arch/registers.h"

namespace emu {
struct Cpu;
}

namespace tests {

using mmu::u32, mmu::u64, mmu::u8;

class EmulatedCpu {
  public:
    /// `translated`: everything that can be runs as translated code, from the first time on.
    explicit EmulatedCpu(bool translated = false);
    ~EmulatedCpu();

    struct Outcome {
        mmu::Registers registers;
        bool executed = false;  ///< false: `fault` was raised
        mmu::Fault fault{};
    };
    Outcome run(std::span<const u8> bytes, const mmu::Registers& before);

    /// The data window, kDataSize bytes.
    u8* data();
    emu::Cpu& cpu();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tests
