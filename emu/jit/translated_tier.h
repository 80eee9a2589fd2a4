// The translated tier: hot blocks become host code. What it promises is that nothing but the speed changes.
#pragma once

#include <memory>

#include "emu/cpu/block_tier.h"
#include "mmu/base/ints.h"

namespace emu {

struct TierConfig {
    mmu::u32 heat = 50;  ///< a block is translated when it is entered this often; at least 1
    /// False: translate whatever can be, for tests. True: only where it is likely to pay.
    bool selective = true;
    mmu::usize code_bytes = mmu::usize{32} << 20;  ///< when they are full, all translations are dropped
};

struct TierStats {
    mmu::u64 translated = 0;  ///< blocks, each time anew
    mmu::u64 dropped = 0;     ///< times that all translations went because memory was full
    mmu::u64 linked = 0;      ///< branches that lead from translation to translation
};

class TranslatedTier : public BlockTier {
  public:
    virtual const TierStats& stats() const = 0;
};

/// Whether this host can run translated code at all.
bool host_can_translate();

/// Null where it cannot be had (a log line says why if the host could). The tier serves `cpu`, and outlives
/// the Interpreter that is told of it.
std::unique_ptr<TranslatedTier> make_translated_tier(Cpu& cpu, const TierConfig& config = {});

}  // namespace emu
