// Purpose: flushing. See mmu_gather.h.
#include "kernel/mmu_gather.h"

#include "kernel/page_table.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

/// Is `mm` the address space that CR3 names?
bool loaded(const MemorySystem& system, const MmStruct& mm) {
    return mm.ctx_id && system.tlb_state.loaded_ctx_id == mm.ctx_id;
}

/// inc_mm_tlb_gen(): whoever has not flushed since must do so before the space is used again.
void inc_mm_tlb_gen(MemorySystem& system, MmStruct& mm) {
    ++mm.tlb_gen;
    if (loaded(system, mm)) system.tlb_state.ctxs[system.tlb_state.loaded_mm_asid].tlb_gen = mm.tlb_gen;
}

}  // namespace

void flush_tlb_mm(MemorySystem& system, MmStruct& mm) {
    if (system.skip_flushes || system.inject.fails(InjectSite::kFlush)) [[unlikely]]
        return;
    inc_mm_tlb_gen(system, mm);
    if (!loaded(system, mm)) return;  // the switch to it will flush
    const u64 cr3 = system.hw.control().cr3;
    system.notify({.kind = EventKind::kFlush, .start = 0, .end = mm.task_size, .text = "cr3"});
    // Bit 63 clear: all entries of this PCID go, global ones stay.
    CHECK(system.hw.load_cr3(cr3).has_value(), cr3);
}

namespace {

/// flush_tlb_mm_range(): one INVLPG for each `stride` bytes, or all of the PCID if they are too many.
void flush_tlb_strides(MemorySystem& system, MmStruct& mm, u64 start, u64 end, u64 stride) {
    const u64 count = (end - start) / stride;
    if (count > kTlbSinglePageFlushCeiling || !loaded(system, mm)) return flush_tlb_mm(system, mm);
    if (system.skip_flushes || system.inject.fails(InjectSite::kFlush)) [[unlikely]]
        return;
    inc_mm_tlb_gen(system, mm);
    system.notify({.kind = EventKind::kFlush, .after = count, .start = start, .end = end, .text = "invlpg"});
    for (u64 address = start; address < end; address += stride) system.hw.invlpg(mmu::VirtAddr{address});
}

}  // namespace

void flush_tlb_range(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    flush_tlb_strides(system, mm, start, end, mmu::kPageSize);
}

void flush_tlb_huge_page(MemorySystem& system, MmStruct& mm, u64 haddr) {
    flush_tlb_strides(system, mm, haddr, haddr + kPmdSize, kPmdSize);
}

void MmuGather::remove_page(Pfn pfn) {
    Page& page = system_.mem_map[pfn];
    CHECK(page.refcount > 0, pfn.value);
    if (page.refcount > 1) {  // somebody else keeps the frame from being reused
        --page.refcount;
        return;
    }
    if (page.is(Page::kLru)) system_.lru.remove(static_cast<PageIndex>(pfn.value));  // it needs the links
    page.next = doomed_;
    doomed_ = static_cast<PageIndex>(pfn.value);
}

void MmuGather::remove_table(Pfn pfn, u64 address) {
    // The paging-structure caches may know the table: INVLPG of any address drops them.
    remove_tlb_entry(address);
    remove_page(pfn);
}

void MmuGather::flush() {
    if (start_ < end_)
        flush_tlb_strides(system_, mm_, start_, end_, huge_size_ && !small_ ? huge_size_ : mmu::kPageSize);
    start_ = ~u64{0};
    end_ = 0;
    small_ = false;
    huge_size_ = 0;
    while (doomed_) {
        const Pfn pfn{doomed_};
        doomed_ = system_.mem_map[pfn].next;
        system_.mem_map[pfn].next = 0;
        system_.put_page(pfn);
    }
}

}  // namespace kernel
