// Random programs of several blocks: straight runs with loads and stores around two data pages, loops, calls,
// computed jumps. They run without end, or until an access lands on the guard page.
#pragma once

#include <vector>

#include "mmu/arch/registers.h"
#include "mmu/base/rng.h"

namespace tests {

using mmu::u32, mmu::u64, mmu::u8;

struct Program {
    std::vector<u8> bytes;
    mmu::Registers start;
};

/// `rough`: accesses may fault.
Program random_program(mmu::Rng& rng, bool rough);

}  // namespace tests
