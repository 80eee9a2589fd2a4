// Inputs for the fuzz targets without a fuzzer: runs of random instructions of the opcode table, bent here
// and there, and plain noise.
#pragma once

#include <vector>

#include "mmu/base/rng.h"
#include "tests/oracle/random_case.h"

namespace tests {

class InputGenerator {
  public:
    explicit InputGenerator(mmu::u64 seed) : rng_(seed) {}
    std::vector<mmu::u8> next();

  private:
    std::vector<mmu::u8> instruction();
    mmu::Rng rng_;
    std::vector<std::span<const emu::OpcodeRow>> chapters_ = emu::all_chapters();
};

}  // namespace tests
