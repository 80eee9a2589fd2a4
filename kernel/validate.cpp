// Purpose: what must hold of an address space after every call, recounted from nothing. See validate_mm() in
// mm.h. Linux: mm/vma.c validate_mm(), kernel/fork.c check_mm().
#include "kernel/huge_memory.h"
#include "kernel/mm_internal.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

void validate_areas(const MemorySystem& system, const MmStruct& mm) {
    MmStruct sums;
    u64 locked = 0;
    const VmAreaStruct* previous = nullptr;
    for (const auto& [end, vma] : mm.mm_mt) {
        CHECK(end == vma.vm_end && vma.vm_start < vma.vm_end, vma.vm_start, vma.vm_end);
        CHECK(!page_offset(vma.vm_start) && !page_offset(vma.vm_end), vma.vm_start, vma.vm_end);
        CHECK(vma.vm_end <= mm.task_size, vma.vm_end);
        CHECK(vma.vm_page_prot == vma_page_prot(system, vma), vma.vm_page_prot, vma.vm_flags);
        if (previous) CHECK(previous->vm_end <= vma.vm_start, previous->vm_end, vma.vm_start);
        vm_stat_account(sums, vma.vm_flags, static_cast<i64>(vma.pages()));
        if (vma.vm_flags & VM_LOCKED) locked += vma.pages();
        previous = &vma;
    }
    CHECK(sums.total_vm == mm.total_vm, sums.total_vm, mm.total_vm);
    CHECK(sums.data_vm == mm.data_vm, sums.data_vm, mm.data_vm);
    CHECK(sums.stack_vm == mm.stack_vm, sums.stack_vm, mm.stack_vm);
    CHECK(sums.exec_vm == mm.exec_vm, sums.exec_vm, mm.exec_vm);
    CHECK(locked == mm.locked_vm, locked, mm.locked_vm);
}

struct Recount {
    u64 tables = 0, huge_pmds = 0, hugetlb = 0;
    std::array<u64, kRssKinds> rss{};
};

/// A page of a hugetlb pool, which the entry of a table of `level` maps.
void recount_hugetlb(MemorySystem& system, const VmAreaStruct& vma, Pte entry, unsigned level, u64 address,
                     Recount& count) {
    const Page& page = system.mem_map[entry.pfn()];
    CHECK(address + entry_size(level) <= vma.vm_end && address >= vma.vm_start, address, entry.raw);
    CHECK(page.is(Page::kHugetlb) && page.order == 9 * (level - 1), address, entry.raw, page.order);
    CHECK(page.refcount > 0 && page.mapcount > 0, address, page.refcount, page.mapcount);
    CHECK(!entry.writable() || (vma.vm_flags & VM_WRITE), address, entry.raw, vma.vm_flags);
    count.hugetlb += u64{1} << page.order;
}

void recount_huge_page(MemorySystem& system, MmStruct& mm, Pte entry, u64 address, Recount& count) {
    const VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
    CHECK(vma && vma->is_anonymous() && address + kPmdSize <= vma->vm_end && pte_present(entry), address,
          entry.raw);
    CHECK(!entry.writable() || (vma->vm_flags & VM_WRITE), address, entry.raw, vma->vm_flags);
    CHECK(entry.pfn().value % kHpagePmdNr == 0, address, entry.raw);
    count.huge_pmds++;
    count.tables++;  // the one set aside for a split
    if (entry.special()) return;
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        const Page& page = system.mem_map[entry.pfn() + i];
        CHECK(page.refcount > 0 && page.mapcount > 0 && page.is(Page::kAnon), address, i, page.refcount);
    }
    count.rss[MM_ANONPAGES] += kHpagePmdNr;
}

void recount_table(MemorySystem& system, MmStruct& mm, Pfn table, unsigned level, u64 base, Recount& count) {
    const u64* words = table_words(system, table);
    const unsigned entries = level == mm.levels ? 256 : 512;  // the user's half
    for (unsigned i = 0; i < entries; ++i) {
        const Pte entry{words[i]};
        if (pte_none(entry)) continue;
        const u64 address = base + i * entry_size(level);
        if (level > 1 && entry.large()) {
            const VmAreaStruct* area = mm.mm_mt.vma_lookup(address);
            if (area && (area->vm_flags & VM_HUGETLB)) {
                recount_hugetlb(system, *area, entry, level, address, count);
                continue;
            }
        }
        if (level == 2 && pmd_trans_huge(entry.raw)) {
            recount_huge_page(system, mm, entry, address, count);
            continue;
        }
        if (level > 1) {
            count.tables++;
            CHECK(system.mem_map[entry.pfn()].is(Page::kTable), address, entry.raw);
            recount_table(system, mm, entry.pfn(), level - 1, address, count);
            continue;
        }
        const VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
        CHECK(vma, address, entry.raw);
        if (!pte_present(entry)) {
            CHECK(system.swap.users(pte_to_swp_entry(entry)) > 0, address, entry.raw);
            count.rss[MM_SWAPENTS]++;
            continue;
        }
        CHECK(!entry.writable() || (vma->vm_flags & VM_WRITE), address, entry.raw, vma->vm_flags);
        const Page* page = vm_normal_page(system, entry);
        if (!page) continue;
        CHECK(page->refcount > 0 && page->mapcount > 0 && !page->is(Page::kBuddy | Page::kTable), address,
              entry.raw, page->refcount);
        count.rss[mm_counter(*page)]++;
    }
}

}  // namespace

void validate_mm(MemorySystem& system, MmStruct& mm, Validate depth) {
    validate_areas(system, mm);
    if (depth == Validate::kAreas) return;
    Recount count;
    recount_table(system, mm, mm.pgd, mm.levels, 0, count);
    CHECK(count.tables * mmu::kPageSize == mm.pgtables_bytes, count.tables, mm.pgtables_bytes);
    CHECK(count.huge_pmds == mm.huge_pmds, count.huge_pmds, mm.huge_pmds);
    CHECK(count.hugetlb == mm.hugetlb_usage, count.hugetlb, mm.hugetlb_usage);
    for (unsigned kind = 0; kind < kRssKinds; ++kind)
        CHECK(count.rss[kind] == mm.rss_stat[kind], kind, count.rss[kind], mm.rss_stat[kind]);
}

}  // namespace kernel
