#include "emu/decode/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "mmu/base/bits.h"
#include "mmu/base/check.h"

namespace emu {
namespace {

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14

}  // namespace

HugePages::~HugePages() {
    for (const auto& pages : mapped_) munmap(pages.data(), pages.size());
}

void* HugePages::take(mmu::usize bytes) {
    if (left_.size() < bytes) begin(bytes);
    mmu::u8* const taken = left_.data();
    left_ = left_.subspan(bytes);
    return taken;
}

std::span<mmu::u8> HugePages::take_rest(mmu::usize least) {
    CHECK(least <= kSize, least);
    if (left_.size() < least) begin(kSize);
    return std::exchange(left_, {});
}

void HugePages::begin(mmu::usize bytes) {
    // One page more than asked for has them on a boundary.
    const mmu::usize size = mmu::align_up(bytes, kSize), reserved = size + kSize;
    void* const memory =
        mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED, bytes);
    auto* const start = static_cast<mmu::u8*>(memory);
    const mmu::usize before = -reinterpret_cast<mmu::u64>(start) & (kSize - 1);
    if (before) munmap(start, before);
    munmap(start + before + size, kSize - before);
    left_ = {start + before, size};
    mapped_.push_back(left_);
    // Advice: a host that does not take it gives page by page.
    madvise(left_.data(), size, MADV_HUGEPAGE);
    madvise(left_.data(), std::min(size, kSize), kPopulateWrite);
}

}  // namespace emu
