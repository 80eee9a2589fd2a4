// Straight runs of instructions against the host CPU: there one by one, here in one block. What a block does
// with its instructions together (fused pairs, flags, faults half way) has to come out the same.
#pragma once

#include <string>
#include <vector>

#include "emu/decode/decoder.h"
#include "tests/oracle/emulated_cpu.h"
#include "tests/oracle/random_case.h"
#include "tests/support/host_cpu.h"

namespace tests {

class Sequences {
  public:
    explicit Sequences(u64 seed, bool translated = false) : rng_(seed), emulated_(translated) {}

    /// One random run; its differences, or an empty text.
    std::string run_one();

  private:
    RandomCase first_case();
    const emu::OpcodeRow& random_row(bool integer);
    std::vector<u8> instruction(const mmu::Registers& now, u64 offset, bool integer);

    mmu::Rng rng_;
    HostCpu host_;
    EmulatedCpu emulated_;
    emu::Decoder decoder_;
    std::vector<std::span<const emu::OpcodeRow>> chapters_ = emu::all_chapters();
    std::vector<u8> usual_ = usual_memory();
};

}  // namespace tests
