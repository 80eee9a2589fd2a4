// The run loop: finds or builds the block at RIP and lets it run; blocks find their successors by themselves
// as long as they can. It owns the decoded blocks and knows no kernel.
#pragma once

#include <string>

#include "emu/cpu/cpu.h"
#include "emu/decode/block_builder.h"
#include "emu/decode/block_cache.h"
#include "emu/decode/decoder.h"
#include "emu/interp/decode_clock.h"

namespace emu {

class Interpreter {
  public:
    explicit Interpreter(Cpu& cpu);
    ~Interpreter();

    /// Runs until something needs the caller, for `max_instructions` retired ones at the most (exactly that
    /// many when the answer is kBudget and no stop was asked for).
    Exit run(u64 max_instructions);

    /// The instruction at regs.rip as bytes and text, read without any effect.
    std::string describe_current() const;

    /// Exactly one instruction, whatever breakpoints say: kBudget when it has retired.
    Exit step();

    /// To be called when cpu.debug or what it asks for has changed.
    void debug_changed() { forget_blocks(); }

    const DecodeStats& decode_stats() const { return decoder_.stats(); }
    u64 blocks_built() const { return blocks_built_; }
    /// Host time that decoding took; differs from run to run.
    double decode_seconds() const { return decode_clock_.seconds(); }

    /// `tier` may run blocks its own way from now on; it outlives the interpreter. To be told before run().
    void set_tier(BlockTier* tier);

  private:
    Exit run_slice(i64 instructions, u32 instructions_per_block);
    const u8* fetch_at_rip();
    const u8* second_page();
    Block* block_at_rip();
    Block* single_step_block();
    bool decode(const u8* host, u32 max_instructions, mmu::Pfn& second_frame);
    Block header_for(const u8* host) const;
    u64 physical_of(const u8* host) const;
    void forget_blocks();

    Cpu& cpu_;
    Decoder decoder_;
    HugePages pages_;
    BlockBuilder builder_;
    BlockCache cache_;
    struct {
        Block header;
        Insn code[8];  // one instruction with its pseudo-operations and Links
    } step_;
    u64 blocks_built_ = 0;
    bool granular_ = false;  ///< the MMU's, which changes between runs alone
    DecodeClock decode_clock_;
};

}  // namespace emu
