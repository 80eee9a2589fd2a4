// Memory of decoded blocks and of what is known about instructions, from the host's huge pages. Given page by
// page, at the first touch of each, the same bytes cost the host five times as much: under a hypervisor a
// page fault takes longer than the page's zeroing.
#pragma once

#include <span>
#include <vector>

#include "mmu/base/ints.h"

namespace emu {

class HugePages {
  public:
    static constexpr mmu::usize kSize = mmu::usize{1} << 21;

    HugePages() = default;
    ~HugePages();
    HugePages(const HugePages&) = delete;
    HugePages& operator=(const HugePages&) = delete;

    /// Zeros, until this object's end; at a cache line's beginning if whole lines are all that is ever taken.
    void* take(mmu::usize bytes);
    /// All that is left of the page begun, or a whole one when that is less than `least` bytes (a page at
    /// most).
    std::span<mmu::u8> take_rest(mmu::usize least);

  private:
    void begin(mmu::usize bytes);

    std::vector<std::span<mmu::u8>> mapped_;
    std::span<mmu::u8> left_;  ///< of the last one
};

}  // namespace emu
