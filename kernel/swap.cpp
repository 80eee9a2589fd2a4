// Purpose: handing out slots. See swap.h.
#include "kernel/swap.h"

#include <sys/mman.h>

#include "mmu/base/check.h"

namespace kernel {

SwapArea::~SwapArea() {
    if (data_) ::munmap(data_, counts_.size() << mmu::kPageShift);
}

void SwapArea::enable(u64 bytes) {
    const u64 pages = bytes >> mmu::kPageShift;
    CHECK(!data_ && pages > 0 && pages <= kMaxSlots, bytes);
    counts_.resize(pages + 1);
    cache_.resize(pages + 1);
    free_ = pages;
    void* mapping = ::mmap(nullptr, (pages + 1) << mmu::kPageShift, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(mapping != MAP_FAILED, bytes);
    data_ = static_cast<u8*>(mapping);
}

std::optional<SwapSlot> SwapArea::get_swap_page(PageIndex page) {
    if (!free_) return std::nullopt;
    SwapSlot slot = frontier_;
    if (released_.empty()) {
        ++frontier_;
    } else {
        slot = released_.back();
        released_.pop_back();
    }
    --free_;
    cache_[slot] = page;
    return slot;
}

void SwapArea::release(SwapSlot slot) {
    ++free_;
    released_.push_back(slot);
}

void SwapArea::put(SwapSlot slot) {
    CHECK(slot < counts_.size() && counts_[slot] > 0, slot);
    if (--counts_[slot] == 0 && !cache_[slot]) release(slot);
}

void SwapArea::set_cached(SwapSlot slot, PageIndex page) {
    cache_[slot] = page;
    if (!page && counts_[slot] == 0) release(slot);
}

}  // namespace kernel
