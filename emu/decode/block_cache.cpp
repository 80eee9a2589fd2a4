#include "emu/decode/block_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "emu/cpu/block_tier.h"
#include "mmu/base/bits.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14

}  // namespace

BlockCache::BlockCache(mmu::PhysicalMemory& memory, Handler stale)
    : memory_(memory), stale_(stale), table_(make_table(kFirstSize)), of_frame_(make_table(memory.frames())) {
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
    std::fill_n(table_.get(), mask_ + 1, nullptr);
    chunks_.clear();
    occupied_ = used_ = chunk_left_ = 0;
}

BlockCache::Table BlockCache::make_table(usize size) {
    Table table(static_cast<Block**>(std::calloc(size, sizeof(Block*))));
    CHECK(table != nullptr, size);
    return table;
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
    const usize size = mask_ + 1;
    const Table old = std::exchange(table_, make_table(4 * size));
    mask_ = 4 * size - 1;
    occupied_ = 0;
    for (usize n = 0; n < size; ++n)
        if (old[n] && old[n] != &grave_) {
            place_for(old[n]->physical) = old[n];
            ++occupied_;
        }
}

void* BlockCache::allocate(usize bytes) {
    if (chunk_left_ < bytes) {
        // All pages at once cost the host a quarter of one by one, and a huge one a fraction of that. It is
        // advice: a host that does not take it gives page by page.
        CHECK(bytes <= kChunk, bytes);
        chunks_.emplace_back(static_cast<u8*>(std::aligned_alloc(kChunk, kChunk)));
        CHECK(chunks_.back() != nullptr, bytes);
        madvise(chunks_.back().get(), kChunk, MADV_HUGEPAGE);
        madvise(chunks_.back().get(), kChunk, kPopulateWrite);
        chunk_next_ = chunks_.back().get();
        chunk_left_ = kChunk;
        used_ += kChunk;
    }
    void* const memory = chunk_next_;
    chunk_next_ += bytes;
    chunk_left_ -= bytes;
    return memory;
}

Block* BlockCache::insert(const Block& header, const Insn* code, mmu::Pfn second_frame) {
    const usize bytes = sizeof(Block) + header.insns * sizeof(Insn) + sizeof(Links);
    auto* block = new (allocate(mmu::align_up(bytes, alignof(Block)))) Block(header);
    std::memcpy(static_cast<void*>(block->code()), code, header.insns * sizeof(Insn));
    new (block->code() + header.insns) Links;

    if (2 * (occupied_ + 1) > mask_ + 1) grow();
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
