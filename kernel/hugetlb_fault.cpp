// Purpose: huge pages of pools in page tables: faults, unmapping, rights, fork, moving. See hugetlb.h. Linux:
// mm/hugetlb.c hugetlb_fault() .. hugetlb_wp(), __unmap_hugepage_range(), hugetlb_change_protection(),
// copy_hugetlb_page_range().
#include <algorithm>

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

using mmu::align_down;

/// huge_pte_offset(): the entry for `address` in the table that maps pages of 2^order frames; null where a
/// table is missing.
u64* huge_pte_offset(const MemorySystem& system, const MmStruct& mm, u64 address, unsigned order) {
    const unsigned target = order / 9 + 1;
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels; level > target; --level) {
        const Pte entry{table_words(system, table)[mmu::VirtAddr{address}.table_index(level)]};
        if (!entry.present() || entry.large()) return nullptr;
        table = entry.pfn();
    }
    const u64* words = table_words(system, table);
    return const_cast<u64*>(&words[mmu::VirtAddr{address}.table_index(target)]);
}

/// huge_pte_alloc()
u64* huge_pte_alloc(MemorySystem& system, MmStruct& mm, u64 address, unsigned order) {
    const unsigned target = order / 9 + 1;
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels; level > target; --level) {
        u64& entry = table_words(system, table)[mmu::VirtAddr{address}.table_index(level)];
        if (!Pte{entry}.present() && !populate_entry(system, mm, entry, level - 1, address)) return nullptr;
        table = Pte{entry}.pfn();
    }
    return &table_words(system, table)[mmu::VirtAddr{address}.table_index(target)];
}

/// Calls visit(address, entry) for each mapped huge page of [start, end).
template <class System, class Visit>
void for_each_huge_pte(System& system, const MmStruct& mm, unsigned order, u64 start, u64 end,
                       Visit&& visit) {
    const u64 size = mmu::kPageSize << order;
    for (u64 at = start; at < end; at += size) {
        u64* entry = huge_pte_offset(system, mm, at, order);
        if (entry && *entry) visit(at, entry);
    }
}

u64 index_of(const VmAreaStruct& vma, u64 address, const HState& h) {
    return vma.index_of(address) >> h.order;
}

void clear_huge_page(MemorySystem& system, const HState& h, Pfn pfn) {
    for (u64 i = 0; i < h.pages(); ++i) system.memory.clear_frame(pfn + i);
}

/// alloc_hugetlb_folio(): a page for index `index` of `vma`, from what is reserved for it or else from what
/// nobody has reserved. Nothing: -ENOSPC.
std::optional<Pfn> alloc_hugetlb_page(MemorySystem& system, HState& h, const VmAreaStruct& vma, u64 index) {
    std::set<u64>* map = nullptr;
    bool reserved = false;
    if (vma.vm_flags & VM_MAYSHARE) {
        map = &system.page_cache.mapping_of(vma.vm_file).hugetlb->resv_map;
        reserved = map->contains(index);
    } else if (vma.vm_flags & VM_HUGETLB_OWNER) {
        map = &system.page_cache.file(vma.vm_file).hugetlb_consumed;
        reserved = !map->contains(index);
    }
    if (!reserved && h.free_huge_pages == h.resv_huge_pages && !alloc_surplus(system, h)) return std::nullopt;
    CHECK(!h.free_list.empty(), h.free_huge_pages, h.resv_huge_pages);
    if (reserved) --h.resv_huge_pages;
    if (map) map->insert(index);
    const Pfn pfn{h.free_list.back()};
    h.free_list.pop_back();
    --h.free_huge_pages;
    system.mem_map[pfn].refcount = 1;
    return pfn;
}

void set_huge_pte(VmFaultInfo& vmf, const HState& h, u64* entry, Pfn pfn, bool writable) {
    Pte pte = mk_pte(pfn, vmf.vma.vm_page_prot).with(Pte::kLarge);
    // make_huge_pte(): young, and dirty where it may be written.
    pte = writable ? maybe_mkwrite(pte.with(Pte::kDirty), vmf.vma) : pte.without(Pte::kWritable);
    set_pte_at(vmf.system, align_down(vmf.address, h.size()), entry, pte);
}

void map_huge_page(VmFaultInfo& vmf, const HState& h, u64* entry, Pfn pfn, bool writable) {
    ++vmf.system.mem_map[pfn].mapcount;
    vmf.mm.hugetlb_usage += h.pages();
    set_huge_pte(vmf, h, entry, pfn, writable);
}

void unmap_huge_page(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, const HState& h, u64 address,
                     u64* entry) {
    MemorySystem& system = tlb.system();
    const Pfn pfn = ptep_get_and_clear(system, address, entry).pfn();
    Page& page = system.mem_map[pfn];
    --page.mapcount;
    mm.hugetlb_usage -= h.pages();
    tlb.remove_huge_tlb_entry(address, h.size());
    // What is taken from its owner is reserved for it again, until the area goes.
    if ((vma.vm_flags & VM_HUGETLB_OWNER) && page.is(Page::kAnon) && page.refcount == 1 &&
        !h.surplus_huge_pages) {
        if (system.page_cache.file(vma.vm_file).hugetlb_consumed.erase(index_of(vma, address, h)))
            ++hstate_vma(system, vma).resv_huge_pages;
    }
    tlb.remove_page(pfn);
}

/// unmap_ref_private(): the owner's reservation counts more than the copies of those who forked from it.
void unmap_ref_private(MemorySystem& system, const HState& h, const VmAreaStruct& owner, u64 index, Pfn pfn) {
    for (MmStruct* mm : system.address_spaces()) {
        for (auto& [end, vma] : mm->mm_mt) {
            if (!(vma.vm_flags & VM_HUGETLB) || vma.vm_file != owner.vm_file) continue;
            if (vma.vm_flags & (VM_MAYSHARE | VM_HUGETLB_OWNER)) continue;
            const u64 first = vma.vm_pgoff >> h.order;
            if (index < first || index - first >= vma.pages() >> h.order) continue;
            const u64 address = vma.vm_start + (index - first) * h.size();
            u64* entry = huge_pte_offset(system, *mm, address, h.order);
            if (!entry || !*entry || Pte{*entry}.pfn() != pfn) continue;
            MmuGather tlb(system, *mm);
            unmap_huge_page(tlb, *mm, vma, h, address, entry);
        }
    }
}

/// hugetlb_wp(): a write to a page that is mapped read-only.
u32 hugetlb_wp(VmFaultInfo& vmf, HState& h, u64* entry) {
    MemorySystem& system = vmf.system;
    const u64 haddr = align_down(vmf.address, h.size());
    const Pte orig{*entry};
    const Pfn old = orig.pfn();
    if (vmf.vma.vm_flags & VM_MAYSHARE) {  // set_huge_ptep_maybe_writable()
        set_pte_at(system, haddr, entry, maybe_mkwrite(orig.with(Pte::kDirty | Pte::kAccessed), vmf.vma));
        return 0;
    }
    Page& page = system.mem_map[old];
    std::optional<Pfn> fresh;
    if (!(page.mapcount == 1 && page.is(Page::kAnon))) {
        const u64 index = index_of(vmf.vma, vmf.address, h);
        fresh = alloc_hugetlb_page(system, h, vmf.vma, index);
        if (!fresh && (vmf.vma.vm_flags & VM_HUGETLB_OWNER) && page.is(Page::kAnon))
            unmap_ref_private(system, h, vmf.vma, index, old);
        if (!fresh && !(page.mapcount == 1 && page.is(Page::kAnon))) return VM_FAULT_SIGBUS;
    }
    if (!fresh) {
        page.flags |= Page::kAnonExclusive;
        system.notify({.kind = EventKind::kCowReuse, .address = haddr, .pfn = old.value});
        set_pte_at(system, haddr, entry, maybe_mkwrite(orig.with(Pte::kDirty | Pte::kAccessed), vmf.vma));
        vmf.kind = &FaultStats::cow_reuse;
        return 0;
    }
    anon_vma_prepare(vmf);
    for (u64 i = 0; i < h.pages(); ++i) system.memory.copy_frame(*fresh + i, old + i);
    system.notify(
        {.kind = EventKind::kCowCopy, .address = haddr, .before = old.value, .after = fresh->value});
    MmuGather tlb(system, vmf.mm);
    unmap_huge_page(tlb, vmf.mm, vmf.vma, h, haddr, entry);
    tlb.flush();
    system.mem_map[*fresh].flags |= Page::kAnon | Page::kAnonExclusive;
    map_huge_page(vmf, h, entry, *fresh, true);
    vmf.kind = &FaultStats::cow_copy;
    return 0;
}

/// hugetlb_no_page()
u32 hugetlb_no_page(VmFaultInfo& vmf, HState& h, u64* entry) {
    MemorySystem& system = vmf.system;
    HugetlbInode& inode = *system.page_cache.mapping_of(vmf.vma.vm_file).hugetlb;
    const u64 index = index_of(vmf.vma, vmf.address, h);
    if (index >= inode.size_bytes / h.size()) return VM_FAULT_SIGBUS;
    const auto cached = inode.pages.find(index);
    const bool shared = vmf.vma.vm_flags & VM_SHARED;
    std::optional<Pfn> pfn;
    if (cached != inode.pages.end()) {
        pfn = Pfn{cached->second};
        ++system.mem_map[*pfn].refcount;
    } else {
        pfn = alloc_hugetlb_page(system, h, vmf.vma, index);
        if (!pfn) return VM_FAULT_SIGBUS;
        clear_huge_page(system, h, *pfn);
        Page& page = system.mem_map[*pfn];
        if (vmf.vma.vm_flags & VM_MAYSHARE) {  // hugetlb_add_to_page_cache()
            ++page.refcount;
            page.flags |= Page::kCache;
            inode.pages.emplace(index, static_cast<PageIndex>(pfn->value));
        } else {
            anon_vma_prepare(vmf);
            page.flags |= Page::kAnon | Page::kAnonExclusive;
        }
    }
    system.notify({.kind = EventKind::kAnonHugePage,
                   .order = static_cast<u8>(h.order),
                   .address = align_down(vmf.address, h.size()),
                   .pfn = pfn->value,
                   .text = vmf.write() ? "write" : "read"});
    map_huge_page(vmf, h, entry, *pfn, shared && (vmf.vma.vm_flags & VM_WRITE));
    vmf.kind = &FaultStats::hugetlb;
    const u32 result = vmf.write() && !shared ? hugetlb_wp(vmf, h, entry) : 0;
    vmf.kind = &FaultStats::hugetlb;
    return result;
}

}  // namespace

u32 hugetlb_fault(VmFaultInfo& vmf) {
    HState& h = hstate_vma(vmf.system, vmf.vma);
    vmf.kind = &FaultStats::hugetlb;
    u64* entry = huge_pte_alloc(vmf.system, vmf.mm, vmf.address, h.order);
    if (!entry) return VM_FAULT_OOM;
    if (!*entry) return hugetlb_no_page(vmf, h, entry);
    const Pte orig{*entry};
    CHECK(orig.present() && orig.large(), vmf.address, orig.raw);
    if (vmf.write() && !orig.writable()) return hugetlb_wp(vmf, h, entry);
    const Pte young = orig.with(Pte::kAccessed | (vmf.write() ? Pte::kDirty : 0));
    if (!(young == orig)) set_pte_at(vmf.system, align_down(vmf.address, h.size()), entry, young);
    vmf.system.notify({.kind = EventKind::kSpurious, .address = vmf.address});
    flush_tlb_page(vmf.system, vmf.mm, vmf.address);
    vmf.kind = &FaultStats::spurious;
    return 0;
}

void unmap_hugepage_range(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    const HState& h = hstate_vma(tlb.system(), vma);
    for_each_huge_pte(tlb.system(), mm, h.order, start, end,
                      [&](u64 at, u64* entry) { unmap_huge_page(tlb, mm, vma, h, at, entry); });
}

void hugetlb_change_protection(MmuGather& tlb, MmStruct& mm, const VmAreaStruct& vma, u64 start, u64 end) {
    MemorySystem& system = tlb.system();
    const HState& h = hstate_vma(system, vma);
    for_each_huge_pte(system, mm, h.order, start, end, [&](u64 at, u64* entry) {
        const Pte before{*entry};
        const Pte after = changed_protection(system, vma, before).with(Pte::kLarge);
        set_pte_at(system, at, entry, after);
        if (pte_needs_flush(before, after)) tlb.remove_huge_tlb_entry(at, h.size());
    });
}

bool copy_hugetlb_page_range(MemorySystem& system, MmStruct& fresh, MmStruct& old, const VmAreaStruct& vma) {
    const HState& h = hstate_vma(system, vma);
    bool complete = true;
    for_each_huge_pte(system, old, h.order, vma.vm_start, vma.vm_end, [&](u64 at, u64* from) {
        u64* to = complete ? huge_pte_alloc(system, fresh, at, h.order) : nullptr;
        if (!to) {
            complete = false;
            return;
        }
        Pte pte{*from};
        Page& page = system.mem_map[pte.pfn()];
        ++page.refcount;
        ++page.mapcount;
        page.flags &= static_cast<u16>(~Page::kAnonExclusive);
        fresh.hugetlb_usage += h.pages();
        if (!(vma.vm_flags & VM_MAYSHARE)) {
            pte = pte.without(Pte::kWritable);
            set_pte_at(system, at, from, pte);
        }
        set_pte_at(system, at, to, pte);
    });
    return complete;
}

bool move_hugetlb_page_tables(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 start,
                              u64 size, u64 target) {
    const HState& h = hstate_vma(system, vma);
    bool complete = true;
    for_each_huge_pte(system, mm, h.order, start, start + size, [&](u64 at, u64*) {
        complete = complete && huge_pte_alloc(system, mm, at - start + target, h.order);
    });
    if (!complete) return false;
    MmuGather tlb(system, mm);
    for_each_huge_pte(system, mm, h.order, start, start + size, [&](u64 at, u64* entry) {
        const u64 to = at - start + target;
        const Pte pte = ptep_get_and_clear(system, at, entry);
        tlb.remove_huge_tlb_entry(at, h.size());
        set_pte_at(system, to, huge_pte_offset(system, mm, to, h.order), pte);
    });
    return true;
}

HugetlbUse count_hugetlb(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma) {
    const unsigned order = system.page_cache.mapping_of(vma.vm_file).hugetlb->order;
    HugetlbUse use;
    for_each_huge_pte(system, mm, order, vma.vm_start, vma.vm_end, [&](u64, const u64* entry) {
        const Page& page = system.mem_map[Pte{*entry}.pfn()];
        (page.mapcount > 1 ? use.shared_bytes : use.private_bytes) += mmu::kPageSize << order;
    });
    return use;
}

}  // namespace kernel
