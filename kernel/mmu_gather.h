// Flushing: the verbs that memory management uses to take translations out of the TLB, and MmuGather, which
// owns the frames of a removed range until the flush has happened ("flush before free" by construction).
// Linux: include/asm-generic/tlb.h, mm/mmu_gather.c, arch/x86/mm/tlb.c flush_tlb_mm_range().
#pragma once

#include "kernel/mm.h"

namespace kernel {

inline constexpr u64 kTlbSinglePageFlushCeiling = 33;  ///< pages; above it the whole PCID goes

/// Invalidates what the TLB holds of [start, end): page by page, or all of the address space if it is large.
void flush_tlb_range(MemorySystem& system, MmStruct& mm, u64 start, u64 end);
/// flush_pmd_tlb_range() of one huge page: one INVLPG.
void flush_tlb_huge_page(MemorySystem& system, MmStruct& mm, u64 haddr);
void flush_tlb_mm(MemorySystem& system, MmStruct& mm);
inline void flush_tlb_page(MemorySystem& system, MmStruct& mm, u64 address) {
    const u64 page = mmu::align_down(address, mmu::kPageSize);
    flush_tlb_range(system, mm, page, page + mmu::kPageSize);
}

/// Collects what a range loses. The destructor, or flush(), flushes first and frees then.
class MmuGather {
  public:
    MmuGather(MemorySystem& system, MmStruct& mm) : system_(system), mm_(mm) {}
    MmuGather(const MmuGather&) = delete;
    MmuGather& operator=(const MmuGather&) = delete;
    ~MmuGather() { flush(); }

    MemorySystem& system() { return system_; }
    /// tlb_remove_tlb_entry(): the PTE of `address` was present and is no more, or lost a right.
    void remove_tlb_entry(u64 address) {
        start_ = std::min(start_, address);
        end_ = std::max(end_, address + mmu::kPageSize);
        small_ = true;
    }
    /// tlb_remove_pmd_tlb_entry(): the same for a huge page.
    void remove_huge_tlb_entry(u64 haddr, u64 size = u64{mmu::kPageSize} << 9) {
        start_ = std::min(start_, haddr);
        end_ = std::max(end_, haddr + size);
        huge_size_ = huge_size_ ? std::min(huge_size_, size) : size;
    }
    /// tlb_remove_page(): one reference to the frame is given up, after the flush.
    void remove_page(Pfn pfn);
    /// A page table that nothing refers to any more; it served `address`.
    void remove_table(Pfn pfn, u64 address);
    /// tlb_flush_mmu()
    void flush();

  private:
    MemorySystem& system_;
    MmStruct& mm_;
    u64 start_ = ~u64{0}, end_ = 0;
    bool small_ = false;  ///< page sizes in the range: what one INVLPG advances by
    u64 huge_size_ = 0;
    PageIndex doomed_ = 0;               ///< frames to free, linked through Page::next
};

}  // namespace kernel
