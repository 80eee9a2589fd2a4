// Purpose: transparent huge pages. See huge_memory.h.
// Linux: mm/huge_memory.c do_huge_pmd_anonymous_page(), do_huge_pmd_wp_page(), zap_huge_pmd(),
// change_huge_pmd(), move_huge_pmd(), __split_huge_pmd().
#include "kernel/huge_memory.h"

#include "kernel/khugepaged.h"
#include "mmu/base/check.h"

namespace kernel {

using mmu::align_down;

namespace {

/// The frame that a page-table entry lies in.
Pfn frame_of(const MemorySystem& system, const u64* entry) {
    return Pfn{static_cast<u64>(reinterpret_cast<const u8*>(entry) - system.memory.frame(Pfn{0})) >>
               mmu::kPageShift};
}

/// Calls visit(haddr, pmd) for each huge mapping that [start, end) touches. The mapping may change meanwhile.
template <class System, class Visit>
void for_each_huge_pmd(System& system, const MmStruct& mm, u64 start, u64 end, Visit&& visit) {
    if (!mm.huge_pmds) return;
    for (u64 at = align_down(start, kPmdSize); at < end;) {
        Pfn table = mm.pgd;
        unsigned level = mm.levels;
        for (; level > 2; --level) {
            const Pte entry{table_words(system, table)[mmu::VirtAddr{at}.table_index(level)]};
            if (!entry.present() || entry.large()) break;
            table = entry.pfn();
        }
        auto* const pmd = &table_words(system, table)[mmu::VirtAddr{at}.table_index(2)];
        if (level == 2 && pmd_trans_huge(*pmd)) visit(at, pmd);
        at = align_down(at, entry_size(level)) + entry_size(level);
    }
}

bool is_whole(u64 haddr, u64 start, u64 end) {
    return haddr >= start && haddr + kPmdSize <= end;
}

/// pgtable_trans_huge_deposit(): the page table that a later split needs is set aside now, where `pmd` lies.
void deposit_table(MemorySystem& system, const u64* pmd, Pfn table) {
    Page& directory = system.mem_map[frame_of(system, pmd)];
    system.mem_map[table].next = directory.next;
    directory.next = static_cast<PageIndex>(table.value);
}

/// pgtable_trans_huge_withdraw()
Pfn withdraw_table(MemorySystem& system, const u64* pmd) {
    Page& directory = system.mem_map[frame_of(system, pmd)];
    CHECK(directory.next, *pmd);
    const Pfn table{directory.next};
    directory.next = system.mem_map[table].next;
    system.mem_map[table].next = 0;
    return table;
}

void free_deposited_table(MmuGather& tlb, MmStruct& mm, const u64* pmd, u64 haddr) {
    const Pfn table = withdraw_table(tlb.system(), pmd);
    mm.pgtables_bytes -= mmu::kPageSize;
    tlb.system().notify({.kind = EventKind::kTableFree, .level = 1, .address = haddr, .pfn = table.value});
    tlb.remove_page(table);
}

bool is_anon_thp(u64 pmd) {
    return pmd_trans_huge(pmd) && !Pte{pmd}.special();
}

void set_pmd_at(MemorySystem& system, MmStruct& mm, u64 haddr, u64* pmd, u64 value) {
    mm.huge_pmds += pmd_trans_huge(value);
    mm.huge_pmds -= pmd_trans_huge(*pmd);
    system.thp.anon_thps += is_anon_thp(value);
    system.thp.anon_thps -= is_anon_thp(*pmd);
    set_pte_at(system, haddr, pmd, Pte{value});
}

/// mk_huge_pmd()
Pte mk_huge_pmd(Pfn pfn, u64 page_prot) {
    return mk_pte(pfn, page_prot).with(Pte::kLarge);
}

/// alloc_anon_folio() of order 9, cleared. Nothing: no such block is left.
std::optional<Pfn> alloc_huge_page(MemorySystem& system, Gfp gfp) {
    const auto pfn = system.alloc_pages(kHpagePmdOrder, gfp);
    if (!pfn) return std::nullopt;
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        system.memory.clear_frame(*pfn + i);
        system.mem_map[*pfn + i].refcount = 1;
    }
    return pfn;
}

/// mm_get_huge_zero_folio(): made at the first need and kept.
std::optional<Pfn> huge_zero_page(MemorySystem& system) {
    if (!system.thp.huge_zero_page) {
        system.thp.huge_zero_page = alloc_huge_page(system, GFP_TRANSHUGE_LIGHT);
        if (!system.thp.huge_zero_page) return std::nullopt;
        ++system.thp.stats.zero_page_alloc;
        for (u64 i = 0; i < kHpagePmdNr; ++i)
            system.mem_map[*system.thp.huge_zero_page + i].flags = Page::kReserved;
    }
    return system.thp.huge_zero_page;
}

/// vma_thp_gfp_mask(): may others have to give up pages for this one? Deviation: what wakes kswapd in Linux has
/// no effect; nothing is compacted.
Gfp vma_thp_gfp_mask(const MemorySystem& system, const VmAreaStruct& vma) {
    const bool madvised = vma.vm_flags & VM_HUGEPAGE;
    switch (system.thp.defrag) {
        case ThpDefrag::kAlways:
            return GFP_TRANSHUGE;
        case ThpDefrag::kDeferMadvise:
        case ThpDefrag::kMadvise:
            return madvised ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT;
        default:
            return GFP_TRANSHUGE_LIGHT;
    }
}

u32 fall_back(VmFaultInfo& vmf) {
    ++vmf.system.thp.stats.fault_fallback;
    return VM_FAULT_FALLBACK;
}

/// do_huge_pmd_anonymous_page()
u32 do_huge_pmd_anonymous_page(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    const u64 haddr = align_down(vmf.address, kPmdSize);
    khugepaged_enter_vma(system, vmf.mm, vmf.vma);
    const bool zero = !vmf.write() && system.thp.use_zero_page;
    const auto pfn =
        zero ? huge_zero_page(system) : alloc_huge_page(system, vma_thp_gfp_mask(system, vmf.vma));
    if (!pfn) return fall_back(vmf);
    const auto table = alloc_table(system, vmf.mm, 1, haddr);
    if (!table) {
        if (!zero)
            for (u64 i = 0; i < kHpagePmdNr; ++i) system.put_page(*pfn + i);
        return VM_FAULT_OOM;
    }
    system.notify({.kind = EventKind::kAnonHugePage,
                   .order = kHpagePmdOrder,
                   .address = haddr,
                   .pfn = pfn->value,
                   .text = vmf.write() ? "write" : "read"});
    if (!zero) {
        anon_vma_prepare(vmf);
        install_anon_thp(system, vmf.mm, vmf.vma, haddr, vmf.pmd, *pfn, *table);
        ++system.thp.stats.fault_alloc;
        vmf.kind = &FaultStats::anonymous_huge;
    } else {
        deposit_table(system, vmf.pmd, *table);
        set_pmd_at(system, vmf.mm, haddr, vmf.pmd,
                   mk_huge_pmd(*pfn, vmf.vma.vm_page_prot).with(Pte::kSpecial).raw);
        vmf.kind = &FaultStats::anonymous_huge_zero;
    }
    return 0;
}

/// A huge page that nobody else refers to.
bool is_ours_alone(const MemorySystem& system, Pfn pfn) {
    for (u64 i = 0; i < kHpagePmdNr; ++i)
        if (system.mem_map[pfn + i].refcount != 1) return false;
    return true;
}

/// do_huge_pmd_wp_page(): reuse, or split and let the page table's fault copy one small page.
u32 do_huge_pmd_wp_page(VmFaultInfo& vmf, Pte orig) {
    MemorySystem& system = vmf.system;
    const u64 haddr = align_down(vmf.address, kPmdSize);
    const bool ours = !orig.special() && (system.mem_map[orig.pfn()].is(Page::kAnonExclusive) ||
                                          is_ours_alone(system, orig.pfn()));
    if (!ours) {
        split_huge_pmd(system, vmf.mm, vmf.pmd, haddr);
        return VM_FAULT_FALLBACK;
    }
    for (u64 i = 0; i < kHpagePmdNr; ++i) system.mem_map[orig.pfn() + i].flags |= Page::kAnonExclusive;
    system.notify({.kind = EventKind::kCowReuse, .address = haddr, .pfn = orig.pfn().value});
    set_pmd_at(system, vmf.mm, haddr, vmf.pmd,
               maybe_mkwrite(orig.with(Pte::kAccessed | Pte::kDirty), vmf.vma).raw);
    vmf.kind = &FaultStats::cow_reuse;
    return 0;
}

void zap_huge_pmd(MmuGather& tlb, MmStruct& mm, u64 haddr, u64* pmd) {
    MemorySystem& system = tlb.system();
    const Pte old{*pmd};
    set_pmd_at(system, mm, haddr, pmd, 0);
    tlb.remove_huge_tlb_entry(haddr);
    free_deposited_table(tlb, mm, pmd, haddr);
    if (old.special()) return;
    mm.rss_stat[MM_ANONPAGES] -= kHpagePmdNr;
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        const Pfn pfn = old.pfn() + i;
        --system.mem_map[pfn].mapcount;
        tlb.remove_page(pfn);
    }
}

/// Splits the huge mappings that `start` or `end` cuts, and visits the others.
template <class Visit>
void for_each_whole_pmd(MemorySystem& system, MmStruct& mm, u64 start, u64 end, Visit&& visit) {
    for_each_huge_pmd(system, mm, start, end, [&](u64 haddr, u64* pmd) {
        if (is_whole(haddr, start, end)) {
            visit(haddr, pmd);
        } else {
            split_huge_pmd(system, mm, pmd, haddr);
        }
    });
}

}  // namespace

bool thp_possible(const VmAreaStruct& vma) {
    constexpr u64 kForbidden = VM_NOHUGEPAGE | VM_SHARED | VM_IO | VM_DONTEXPAND;
    return vma.is_anonymous() && !*vma.name && !(vma.vm_flags & kForbidden);
}

bool thp_vma_allowable(const MemorySystem& system, const VmAreaStruct& vma, u64 haddr) {
    if (system.thp.mode == ThpMode::kNever || !thp_possible(vma)) return false;
    if (system.thp.mode == ThpMode::kMadvise && !(vma.vm_flags & VM_HUGEPAGE)) return false;
    return is_whole(haddr, vma.vm_start, vma.vm_end);
}

u32 handle_huge_pmd_fault(VmFaultInfo& vmf) {
    MemorySystem& system = vmf.system;
    const u64 haddr = align_down(vmf.address, kPmdSize);
    if (*vmf.pmd == 0)
        return !vmf.mm.thp_disabled && thp_vma_allowable(system, vmf.vma, haddr)
                   ? do_huge_pmd_anonymous_page(vmf)
                   : u32{VM_FAULT_FALLBACK};
    if (!pmd_trans_huge(*vmf.pmd)) return VM_FAULT_FALLBACK;
    const Pte orig{*vmf.pmd};
    CHECK(orig.present(), vmf.address, orig.raw);
    if (vmf.write() && !orig.writable()) return do_huge_pmd_wp_page(vmf, orig);
    const Pte young = orig.with(Pte::kAccessed | (vmf.write() ? Pte::kDirty : 0));
    if (!(young == orig)) set_pmd_at(system, vmf.mm, haddr, vmf.pmd, young.raw);
    system.notify({.kind = EventKind::kSpurious, .address = vmf.address});
    flush_tlb_page(system, vmf.mm, vmf.address);
    vmf.kind = &FaultStats::spurious;
    return 0;
}

void split_huge_pmd(MemorySystem& system, MmStruct& mm, u64* pmd, u64 address) {
    const u64 haddr = align_down(address, kPmdSize);
    const Pte old{*pmd};
    CHECK(pmd_trans_huge(old.raw), address, old.raw);
    // pmdp_invalidate(): no CPU may hold the large and a small translation of one address at a time.
    set_pmd_at(system, mm, haddr, pmd, 0);
    flush_tlb_huge_page(system, mm, haddr);
    ++system.thp.stats.split_pmd;
    system.notify({.kind = EventKind::kSplitHugePmd, .address = haddr, .pfn = old.pfn().value});
    const Pfn table = withdraw_table(system, pmd);
    u64* const words = table_words(system, table);
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        const Pfn pfn = old.special() ? system.zero_page : old.pfn() + i;
        const u64 flags = old.raw & ~(Pte::kAddressMask | Pte::kLarge);
        set_pte_at(system, haddr + i * mmu::kPageSize, &words[i], Pte{pfn, flags});
    }
    hang_table(*pmd, table);
}

void zap_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 end) {
    for_each_whole_pmd(tlb.system(), mm, start, end,
                       [&](u64 haddr, u64* pmd) { zap_huge_pmd(tlb, mm, haddr, pmd); });
}

void change_huge_pmds(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    for_each_whole_pmd(system, mm, start, end, [&](u64 haddr, u64* pmd) {
        const Pte before{*pmd};
        const Pte after = changed_protection(system, vma, before).with(Pte::kLarge);
        set_pmd_at(system, mm, haddr, pmd, after.raw);
        if (pte_needs_flush(before, after)) tlb.remove_huge_tlb_entry(haddr);
    });
}

bool prepare_huge_move(MemorySystem& system, MmStruct& mm, u64 start, u64 size, u64 target) {
    const bool aligned = (target - start) % kPmdSize == 0;
    bool complete = true;
    for_each_whole_pmd(system, mm, start, start + size, [&](u64 haddr, u64* pmd) {
        const u64* to = aligned ? pmd_alloc_map(system, mm, haddr - start + target) : nullptr;
        if (aligned && !to) complete = false;
        if (!to || *to) split_huge_pmd(system, mm, pmd, haddr);
    });
    return complete;
}

bool copy_huge_pmds(MemorySystem& system, MmStruct& fresh, MmStruct& old, const VmAreaStruct& vma) {
    bool complete = true;
    for_each_huge_pmd(system, old, vma.vm_start, vma.vm_end, [&](u64 haddr, u64* from) {
        u64* const to = complete ? pmd_alloc_map(system, fresh, haddr) : nullptr;
        const auto table = to ? alloc_table(system, fresh, 1, haddr) : std::nullopt;
        if (!table) {
            complete = false;
            return;
        }
        deposit_table(system, to, *table);
        const Pte pmd = Pte{*from}.without(Pte::kWritable);
        if (!pmd.special()) {
            for (u64 i = 0; i < kHpagePmdNr; ++i) {
                Page& page = system.mem_map[pmd.pfn() + i];
                ++page.refcount;
                ++page.mapcount;
                page.flags &= static_cast<u16>(~Page::kAnonExclusive);
                add_mm_rss(fresh, MM_ANONPAGES);
            }
        }
        set_pmd_at(system, old, haddr, from, pmd.raw);
        set_pmd_at(system, fresh, haddr, to, pmd.without(Pte::kAccessed).raw);
    });
    return complete;
}

void install_anon_thp(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 haddr, u64* pmd,
                      Pfn pfn, Pfn table) {
    for (u64 i = 0; i < kHpagePmdNr; ++i) {
        Page& page = system.mem_map[pfn + i];
        page.flags |= Page::kAnon | Page::kAnonExclusive;
        page.refcount = page.mapcount = 1;
        page.index = vma.index_of(haddr) + i;
        system.lru.add(static_cast<PageIndex>(pfn.value + i));
        add_mm_rss(mm, MM_ANONPAGES);
    }
    deposit_table(system, pmd, table);
    set_pmd_at(system, mm, haddr, pmd,
               maybe_mkwrite(mk_huge_pmd(pfn, vma.vm_page_prot).with(Pte::kDirty), vma).raw);
}

void move_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 size, u64 target) {
    MemorySystem& system = tlb.system();
    for_each_huge_pmd(system, mm, start, start + size, [&](u64 haddr, u64* pmd) {
        u64* to = pmd_offset_map(system, mm, haddr - start + target);
        const u64 value = *pmd;
        const Pfn table = withdraw_table(system, pmd);
        set_pmd_at(system, mm, haddr, pmd, 0);
        tlb.remove_huge_tlb_entry(haddr);
        deposit_table(system, to, table);
        set_pmd_at(system, mm, haddr - start + target, to, value);
    });
}

void free_huge_pmds_lazily(MmuGather& tlb, MmStruct& mm, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    for_each_whole_pmd(system, mm, start, end, [&](u64 haddr, u64* pmd) {
        const Pte old{*pmd};
        if (!old.present() || old.special() || !(old.accessed() || old.dirty())) return;
        set_pmd_at(system, mm, haddr, pmd, old.without(Pte::kAccessed | Pte::kDirty).raw);
        tlb.remove_huge_tlb_entry(haddr);
    });
}

std::vector<PageIndex> cold_or_pageout_huge_pmds(MmuGather& tlb, MmStruct& mm, u64 start, u64 end,
                                                 bool make_old) {
    MemorySystem& system = tlb.system();
    std::vector<PageIndex> pages;
    for_each_huge_pmd(system, mm, start, end, [&](u64 haddr, u64* pmd) {
        const Pte old{*pmd};
        if (old.special() || !is_ours_alone(system, old.pfn())) return;
        if (!is_whole(haddr, start, end)) return split_huge_pmd(system, mm, pmd, haddr);
        if (make_old && old.accessed()) {
            set_pmd_at(system, mm, haddr, pmd, old.without(Pte::kAccessed).raw);
            tlb.remove_huge_tlb_entry(haddr);
        }
        for (u64 i = 0; i < kHpagePmdNr; ++i) pages.push_back(static_cast<PageIndex>(old.pfn().value + i));
    });
    return pages;
}

void clear_huge_refs(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    for_each_huge_pmd(system, mm, start, end, [&](u64 haddr, u64* pmd) {
        if (Pte{*pmd}.accessed()) set_pmd_at(system, mm, haddr, pmd, Pte{*pmd}.without(Pte::kAccessed).raw);
    });
}

u64 count_anon_thps(const MemorySystem& system, const MmStruct& mm, u64 start, u64 end) {
    u64 count = 0;
    for_each_huge_pmd(system, mm, start, end, [&](u64, const u64* pmd) { count += is_anon_thp(*pmd); });
    return count;
}

void vma_adjust_trans_huge(MemorySystem& system, MmStruct& mm, u64 address) {
    if (!mm.huge_pmds || address % kPmdSize == 0) return;
    u64* const pmd = pmd_offset_map(system, mm, address);
    if (pmd && pmd_trans_huge(*pmd)) split_huge_pmd(system, mm, pmd, address);
}

}  // namespace kernel
