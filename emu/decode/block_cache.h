// Decoded blocks, found by the guest-physical address of their first byte and dropped when a page they were
// decoded from is written. Their memory serves again only when all are dropped at once, so that a link or a
// running block may still see a dead block: each operation of a dead block leaves it (stale_block).
#pragma once

#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

#include "emu/cpu/insn.h"
#include "emu/decode/huge_pages.h"
#include "mmu/physical_memory.h"

namespace emu {

class BlockTier;

class BlockCache final : public mmu::CodeObserver {
  public:
    /// `stale` becomes the handler of dead blocks' operations.
    BlockCache(mmu::PhysicalMemory& memory, HugePages& pages, Handler stale);
    ~BlockCache() override;
    BlockCache(const BlockCache&) = delete;
    BlockCache& operator=(const BlockCache&) = delete;

    Block* find(u64 physical) const {
        for (usize n = hash(physical);; n = (n + 1) & mask_) {
            Block* const block = table_[n];
            if (!block || block->physical == physical) return block;
        }
    }

    /// True when the next insert() would exceed the memory set aside for blocks: clear() first, outside of
    /// any block.
    bool full() const { return used_ > kMaxBytes; }
    void clear();

    /// Copies a block with its Insns and empty Links in, replacing one at the same address. `second_frame` is
    /// the frame that its only instruction reaches into, or the first one again.
    Block* insert(const Block& header, const Insn* code, mmu::Pfn second_frame);

    usize bytes() const { return used_; }

    /// `tier` hears of every block from now on; null: nobody.
    void set_tier(BlockTier* tier) { tier_ = tier; }

    void code_frame_written(mmu::Pfn frame) override;

  private:
    static constexpr usize kFirstSize = 16384;
    static constexpr usize kLeastChunk = usize{1} << 16;
    static constexpr usize kMaxBytes = usize{256} << 20;
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };

    static Links& links(Block* block) { return *reinterpret_cast<Links*>(block->code() + block->insns); }
    usize hash(u64 physical) const { return (physical * 0x9e3779b97f4a7c15 >> 20) & mask_; }
    Block*& place_for(u64 physical);
    void grow();
    void begin_chunk();
    void kill(Block* block);
    void drop(Block* block);
    void* allocate(usize bytes);

    mmu::PhysicalMemory& memory_;
    HugePages& pages_;
    Handler stale_;
    BlockTier* tier_ = nullptr;
    Block grave_;                 ///< in the places of blocks that died; at no address
    Block* no_block_ = nullptr;   ///< the table before the first block
    Block** table_ = &no_block_;  ///< open addressing by physical address, at most half full
    usize mask_ = 0, occupied_ = 0;
    /// By frame, the head of the list of blocks that begin in it. The host gives no memory for what is not
    /// touched.
    std::unique_ptr<Block*[], Free> of_frame_;
    std::vector<mmu::Pfn> code_frames_;                            ///< whose list was ever begun
    std::unordered_map<u64, std::vector<Block*>> reaching_frame_;  ///< blocks that begin in the frame before
    std::vector<std::span<u8>> chunks_;
    usize chunks_begun_ = 0, used_ = 0;
    std::span<u8> left_;  ///< of the chunk begun last
};

}  // namespace emu
