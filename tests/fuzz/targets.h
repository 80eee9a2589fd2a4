// What a fuzzer calls with arbitrary bytes. Each answers with an empty text, or with what is wrong; both also
// serve the suite, driven by a seeded generator. A crash or a hang is found by who calls.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "mmu/base/ints.h"

namespace tests {

using mmu::u32, mmu::u64, mmu::u8, mmu::usize;

/// The bytes as code: each instruction is as long as Capstone says and is called as Capstone calls it, or is
/// refused; a block made of them holds together.
class DecodeTarget {
  public:
    DecodeTarget();
    ~DecodeTarget();
    std::string check(std::span<const u8> bytes);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The bytes as a program of at most a few hundred instructions in a small machine: run in blocks and one by
/// one it ends in the same state.
class RunTarget {
  public:
    RunTarget();
    ~RunTarget();
    std::string check(std::span<const u8> bytes);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tests
