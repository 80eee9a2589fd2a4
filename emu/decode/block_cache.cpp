#include "emu/decode/block_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "emu/cpu/block_tier.h"
#include "mmu/base/bits.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14

}  // namespace

BlockCache::BlockCache(mmu::PhysicalMemory& memory, Handler stale)
    : memory_(memory),
      stale_(stale),
      table_(kFirstSize),
      mask_(kFirstSize - 1),
      of_frame_(static_cast<Block**>(std::calloc(memory.frames(), sizeof(Block*)))) {
    CHECK(of_frame_ != nullptr, memory.frames());
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
    std::fill(table_.begin(), table_.end(), Entry{});
    chunks_.clear();
    occupied_ = used_ = chunk_left_ = 0;
}

BlockCache::Entry& BlockCache::entry_for(u64 physical) {
    usize n = hash(physical);
    while (table_[n].physical != physical && table_[n].physical != kEmpty) n = (n + 1) & mask_;
    return table_[n];
}

void BlockCache::grow() {
    std::vector<Entry> old(table_.size() * 4);
    old.swap(table_);
    mask_ = table_.size() - 1;
    occupied_ = 0;
    for (const Entry& entry : old)
        if (entry.block) {
            entry_for(entry.physical) = entry;
            ++occupied_;
        }
}

void* BlockCache::allocate(usize bytes) {
    if (chunk_left_ < bytes) {
        // All pages at once cost the host a quarter of one by one, and a huge one a fraction of that. It is
        // advice: a host that does not take it gives page by page.
        const usize size = chunks_.empty() ? kFirstChunk : kChunk;
        CHECK(bytes <= size, bytes);
        chunks_.emplace_back(static_cast<u8*>(std::aligned_alloc(size, size)));
        CHECK(chunks_.back() != nullptr, size);
        madvise(chunks_.back().get(), size, MADV_HUGEPAGE);
        madvise(chunks_.back().get(), size, kPopulateWrite);
        chunk_next_ = chunks_.back().get();
        chunk_left_ = size;
        used_ += size;
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

    if (2 * (occupied_ + 1) > table_.size()) grow();
    Entry& entry = entry_for(header.physical);
    if (entry.physical == kEmpty) ++occupied_;
    if (entry.block) kill(entry.block);
    entry = {header.physical, block};

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
    Entry& entry = entry_for(block->physical);
    if (entry.block == block) entry.block = nullptr;
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
