// Purpose: making and freeing page tables. See page_table.h.
#include "kernel/page_table.h"

#include "kernel/mmu_gather.h"
#include "mmu/base/check.h"

namespace kernel {

using mmu::align_down;
using mmu::VirtAddr;

namespace {

/// _PAGE_TABLE: rights are decided in the leaf.
constexpr u64 kTableFlags = Pte::kPresent | Pte::kWritable | Pte::kUser | Pte::kAccessed | Pte::kDirty;

/// free_pte_range() .. free_p4d_range(): `entry` points to a table of `level`, which covers [addr, end) in
/// part.
void free_table_range(MmuGather& tlb, MmStruct& mm, unsigned level, u64* entry, u64 addr, u64 end, u64 floor,
                      u64 ceiling) {
    const Pfn table = Pte{*entry}.pfn();
    if (level > 1) {
        u64* words = table_words(tlb.system(), table);
        for (u64 at = addr; at < end;) {
            const u64 next = std::min(align_down(at, entry_size(level)) + entry_size(level), end);
            u64* below = &words[VirtAddr{at}.table_index(level)];
            if (Pte{*below}.present()) free_table_range(tlb, mm, level - 1, below, at, next, floor, ceiling);
            at = next;
        }
    }
    const u64 span = entry_size(level + 1);
    const u64 start = align_down(addr, span);
    if (start < floor) return;
    if (ceiling) {
        ceiling = align_down(ceiling, span);
        if (!ceiling) return;
    }
    if (end - 1 > ceiling - 1) return;
    *entry = 0;
    mm.pgtables_bytes -= mmu::kPageSize;
    tlb.system().notify({.kind = EventKind::kTableFree,
                         .level = static_cast<u8>(level),
                         .address = start,
                         .pfn = table.value});
    tlb.remove_table(table, start);
}

}  // namespace

std::optional<Pfn> alloc_table(MemorySystem& system, MmStruct& mm, unsigned level, u64 address) {
    const auto pfn = system.alloc_zeroed_page(GFP_KERNEL);
    if (!pfn) return std::nullopt;
    system.mem_map[*pfn].flags |= Page::kTable;
    mm.pgtables_bytes += mmu::kPageSize;
    mm.peak_pgtables_bytes = std::max(mm.peak_pgtables_bytes, mm.pgtables_bytes);
    system.notify({.kind = EventKind::kTableAlloc,
                   .level = static_cast<u8>(level),
                   .address = address,
                   .pfn = pfn->value});
    return pfn;
}

bool populate_entry(MemorySystem& system, MmStruct& mm, u64& entry, unsigned level, u64 address) {
    const auto table = alloc_table(system, mm, level, address);
    if (!table) return false;
    hang_table(entry, *table);
    return true;
}

void hang_table(u64& entry, Pfn table) {
    entry = Pte{table, kTableFlags}.raw;
}

void free_pgd_range(MmuGather& tlb, MmStruct& mm, u64 addr, u64 end, u64 floor, u64 ceiling) {
    addr = align_down(addr, kPmdSize);
    if (addr < floor) {
        addr += kPmdSize;
        if (!addr) return;
    }
    if (ceiling) {
        ceiling = align_down(ceiling, kPmdSize);
        if (!ceiling) return;
    }
    if (end - 1 > ceiling - 1) end -= kPmdSize;
    if (addr > end - 1) return;
    u64* pgd = table_words(tlb.system(), mm.pgd);
    while (addr < end) {
        const u64 next = std::min(align_down(addr, entry_size(mm.levels)) + entry_size(mm.levels), end);
        u64* entry = &pgd[VirtAddr{addr}.table_index(mm.levels)];
        if (Pte{*entry}.present())
            free_table_range(tlb, mm, mm.levels - 1, entry, addr, next, floor, ceiling);
        addr = next;
    }
}

}  // namespace kernel
