#include "emu/decode/block_cache.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "emu/cpu/block_tier.h"
#include "mmu/base/bits.h"
#include "mmu/base/check.h"

namespace emu {

BlockCache::BlockCache(mmu::PhysicalMemory& memory, HugePages& pages, Handler stale)
    : memory_(memory),
      pages_(pages),
      stale_(stale),
      of_frame_(static_cast<Block**>(std::calloc(memory.frames(), sizeof(Block*)))) {
    CHECK(of_frame_ != nullptr, memory.frames());
    grave_.physical = ~u64{0};
    memory_.set_code_observer(this);
}

BlockCache::~BlockCache() {
    clear();
    memory_.set_code_observer(nullptr);
}

void BlockCache::clear() {
    if (tier_) tier_->clearing();
    for (const mmu::Pfn frame : code_frames_) {
        memory_.unmark_code(frame);
        of_frame_[frame.value] = nullptr;
    }
    for (const auto& [frame, blocks] : reaching_frame_) memory_.unmark_code(mmu::Pfn{frame});
    code_frames_.clear();
    reaching_frame_.clear();
    std::fill_n(table_, mask_ + 1, nullptr);
    left_ = {};
    occupied_ = used_ = chunks_begun_ = 0;
}

/// Where the block at `physical` is, or where one may be put: null or a grave there.
Block*& BlockCache::place_for(u64 physical) {
    Block** grave = nullptr;
    for (usize n = hash(physical);; n = (n + 1) & mask_) {
        Block*& block = table_[n];
        if (!block) return grave ? *grave : block;
        if (block->physical == physical) return block;
        if (block == &grave_ && !grave) grave = &block;
    }
}

void BlockCache::grow() {
    const usize size = mask_ + 1, larger = std::max(kFirstSize, 4 * size);
    Block** const old = std::exchange(table_, static_cast<Block**>(pages_.take(larger * sizeof(Block*))));
    mask_ = larger - 1;
    occupied_ = 0;
    for (usize n = 0; n < size; ++n)
        if (old[n] && old[n] != &grave_) {
            place_for(old[n]->physical) = old[n];
            ++occupied_;
        }
}

void BlockCache::begin_chunk() {
    if (chunks_begun_ == chunks_.size()) chunks_.push_back(pages_.take_rest(kLeastChunk));
    left_ = chunks_[chunks_begun_++];
    used_ += left_.size();
}

void* BlockCache::allocate(usize bytes) {
    CHECK(bytes <= kLeastChunk, bytes);
    if (left_.size() < bytes) begin_chunk();
    void* const memory = left_.data();
    left_ = left_.subspan(bytes);
    return memory;
}

Block* BlockCache::insert(const Block& header, const Insn* code, mmu::Pfn second_frame) {
    if (2 * (occupied_ + 1) > mask_ + 1) grow();
    const usize bytes = sizeof(Block) + header.insns * sizeof(Insn) + sizeof(Links);
    auto* block = new (allocate(mmu::align_up(bytes, alignof(Block)))) Block(header);
    std::memcpy(static_cast<void*>(block->code()), code, header.insns * sizeof(Insn));
    new (block->code() + header.insns) Links;

    Block*& place = place_for(header.physical);
    if (!place) ++occupied_;
    if (place && place != &grave_) kill(place);
    place = block;

    const mmu::Pfn frame = mmu::PhysAddr{header.physical}.pfn();
    Block*& head = of_frame_[frame.value];
    if (!head) code_frames_.push_back(frame);
    links(block).next_in_frame = head;
    head = block;
    if (second_frame != frame) reaching_frame_[second_frame.value].push_back(block);
    if (tier_) tier_->inserted(*block);
    return block;
}

void BlockCache::kill(Block* block) {
    block->host_page = 0;
    for (u32 n = 0; n < block->insns; ++n) block->code()[n].run = stale_;
    if (tier_) tier_->killed(*block);
}

/// Kills a block and takes it out of the table, unless another one has its place.
void BlockCache::drop(Block* block) {
    kill(block);
    Block*& place = place_for(block->physical);
    if (place == block) place = &grave_;
}

void BlockCache::code_frame_written(mmu::Pfn frame) {
    for (Block* block = of_frame_[frame.value]; block; block = links(block).next_in_frame) drop(block);
    of_frame_[frame.value] = nullptr;
    if (const auto found = reaching_frame_.find(frame.value); found != reaching_frame_.end()) {
        for (Block* block : found->second) drop(block);
        reaching_frame_.erase(found);
    }
    memory_.unmark_code(frame);
}

}  // namespace emu
