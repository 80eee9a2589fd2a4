// Page tables in guest RAM: allocated from the buddy allocator, read and written in place, no shadow copy.
// set_pte_at() is the only writer of a leaf. It knows nothing of VMAs. Linux: include/linux/pgtable.h,
// mm/memory.c __pte_alloc(), free_pgd_range(). Deviation: tables above the PTE table are also allocated by
// the one walk that needs them.
//
// A level is the number that the SDM gives: 1 = page table (pte), 2 = page directory (pmd), 3 = pud, 4 =
// p4d/pgd, 5 = pgd.
#pragma once

#include "kernel/mm.h"
#include "mmu/arch/pte.h"

namespace kernel {

class MmuGather;
using mmu::Pte;

inline constexpr u64 kPmdSize = u64{1} << 21;

/// The bytes that one entry of a table of `level` covers.
constexpr u64 entry_size(unsigned level) {
    return u64{1} << (12 + 9 * (level - 1));
}

inline u64* table_words(MemorySystem& system, Pfn table) {
    return reinterpret_cast<u64*>(system.memory.frame(table));
}

inline const u64* table_words(const MemorySystem& system, Pfn table) {
    const mmu::PhysicalMemory& memory = system.memory;
    return reinterpret_cast<const u64*>(memory.host(table.address()));
}

/// pmd_trans_huge(): a page-directory entry that maps a page, with or without rights (PROT_NONE).
inline bool pmd_trans_huge(u64 pmd) {
    return pmd & Pte::kLarge;
}

/// The page-directory entry for `address`; null where a table above it is missing, or a 1 GiB page is
/// mapped.
inline u64* pmd_offset_map(MemorySystem& system, const MmStruct& mm, u64 address) {
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels; level > 2; --level) {
        const Pte entry{table_words(system, table)[mmu::VirtAddr{address}.table_index(level)]};
        if (!entry.present() || entry.large()) return nullptr;
        table = entry.pfn();
    }
    return &table_words(system, table)[mmu::VirtAddr{address}.table_index(2)];
}

/// The entry of the page table for `address`; null where a table is missing, or a huge page is mapped.
inline u64* pte_offset_map(MemorySystem& system, const MmStruct& mm, u64 address) {
    const u64* pmd = pmd_offset_map(system, mm, address);
    if (!pmd || !Pte{*pmd}.present() || pmd_trans_huge(*pmd)) return nullptr;
    return &table_words(system, Pte{*pmd}.pfn())[mmu::VirtAddr{address}.table_index(1)];
}

/// What a page table would say of `address`, which the huge mapping `entry` of a table of `level` covers.
inline Pte small_part_of(Pte entry, u64 address, unsigned level = 2) {
    return Pte{(entry.raw & ~Pte::kLarge) +
               mmu::align_down(address & (entry_size(level) - 1), mmu::kPageSize)};
}

/// What a page table would say of `address`, also where a huge page is mapped; 0 where nothing is.
inline Pte leaf_of(MemorySystem& system, const MmStruct& mm, u64 address) {
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels; level > 1; --level) {
        const Pte entry{table_words(system, table)[mmu::VirtAddr{address}.table_index(level)]};
        if (entry.large()) return small_part_of(entry, address, level);
        if (!entry.present()) return Pte{};
        table = entry.pfn();
    }
    return Pte{table_words(system, table)[mmu::VirtAddr{address}.table_index(1)]};
}

/// The pmd entry for `address`, making the tables above it (pgd_offset, p4d_alloc, pud_alloc, pmd_alloc).
/// Null: out of memory.
inline u64* pmd_alloc_map(MemorySystem& system, MmStruct& mm, u64 address);
/// The entry of the page table below `pmd`, made if it is missing (pte_alloc). Null: out of memory.
inline u64* pte_alloc(MemorySystem& system, MmStruct& mm, u64* pmd, u64 address);
/// Both steps.
inline u64* pte_alloc_map(MemorySystem& system, MmStruct& mm, u64 address) {
    u64* pmd = pmd_alloc_map(system, mm, address);
    return pmd ? pte_alloc(system, mm, pmd, address) : nullptr;
}

inline Pte ptep_get(const u64* ptep) {
    return Pte{*ptep};
}

/// The only way a leaf changes.
inline void set_pte_at(MemorySystem& system, u64 address, u64* ptep, Pte pte) {
    if (system.observer) [[unlikely]]
        system.observer->on_event(
            {.kind = EventKind::kSetPte, .address = address, .before = *ptep, .after = pte.raw});
    *ptep = pte.raw;
}
inline Pte ptep_get_and_clear(MemorySystem& system, u64 address, u64* ptep) {
    const Pte old = ptep_get(ptep);
    set_pte_at(system, address, ptep, Pte{});
    return old;
}

/// PROT_NONE keeps its page: not present for the hardware, yet holding a frame. Linux: _PAGE_PROTNONE (bit 8,
/// the global bit of a present entry). pte_present() counts it as present.
inline constexpr u64 kPageProtNone = Pte::kGlobal;
inline bool pte_present(Pte pte) {
    return pte.raw & (Pte::kPresent | kPageProtNone);
}
inline bool pte_none(Pte pte) {
    return pte.raw == 0;
}
inline bool pte_protnone(Pte pte) {
    return (pte.raw & (Pte::kPresent | kPageProtNone)) == kPageProtNone;
}

/// A frame's PTE with an area's vm_page_prot.
inline Pte mk_pte(Pfn pfn, u64 page_prot) {
    return Pte{pfn, page_prot & Pte::kPresent ? page_prot : kPageProtNone};
}

/// Calls visit(address, ptep) for each entry of [start, end) whose table exists, in order. It passes over
/// huge pages (huge_memory.h).
template <class Visit>
void walk_page_range(MemorySystem& system, const MmStruct& mm, u64 start, u64 end, Visit&& visit) {
    while (start < end) {
        Pfn table = mm.pgd;
        unsigned level = mm.levels;
        for (; level > 1; --level) {
            const Pte entry{table_words(system, table)[mmu::VirtAddr{start}.table_index(level)]};
            if (!entry.present() || entry.large()) break;
            table = entry.pfn();
        }
        // One entry of a table of level + 1 covers what follows; without a table it is skipped as a whole.
        const u64 next = std::min(
            mmu::align_down(start, entry_size(level > 1 ? level : 2)) + entry_size(level > 1 ? level : 2),
            end);
        if (level == 1) {
            auto* words = table_words(system, table);
            for (u64 address = start; address < next; address += mmu::kPageSize)
                visit(address, &words[mmu::VirtAddr{address}.table_index(1)]);
        }
        start = next;
    }
}

/// Calls visit(address, pte) with what leaf_of() gives, for each small page of [start, end) that has a page
/// table or a huge page.
template <class Visit>
void walk_leaves(const MemorySystem& system, const MmStruct& mm, u64 start, u64 end, Visit&& visit) {
    while (start < end) {
        Pfn table = mm.pgd;
        unsigned level = mm.levels;
        Pte entry;
        for (; level > 1; --level) {
            entry = Pte{table_words(system, table)[mmu::VirtAddr{start}.table_index(level)]};
            if (!entry.present() || entry.large()) break;
            table = entry.pfn();
        }
        const u64 span = entry_size(level > 1 ? level : 2);
        const u64 next = std::min(mmu::align_down(start, span) + span, end);
        if (level == 1) {
            const u64* words = table_words(system, table);
            for (u64 address = start; address < next; address += mmu::kPageSize)
                visit(address, Pte{words[mmu::VirtAddr{address}.table_index(1)]});
        } else if (entry.large()) {
            for (u64 address = start; address < next; address += mmu::kPageSize)
                visit(address, small_part_of(entry, address, level));
        }
        start = next;
    }
}

/// free_pgd_range(): frees the tables of [addr, end) that no page of [.., floor) or [ceiling, ..) needs.
/// ceiling 0 is the end of the address space. The leaves are empty already.
void free_pgd_range(MmuGather& tlb, MmStruct& mm, u64 addr, u64 end, u64 floor, u64 ceiling);

/// A zeroed frame for a table, accounted in pgtables_bytes. Nothing: out of memory.
std::optional<Pfn> alloc_table(MemorySystem& system, MmStruct& mm, unsigned level, u64 address);
/// Hangs a table into `entry`.
void hang_table(u64& entry, Pfn table);
/// Hangs a new table of `level` into `entry`. False: out of memory.
bool populate_entry(MemorySystem& system, MmStruct& mm, u64& entry, unsigned level, u64 address);

inline u64* pmd_alloc_map(MemorySystem& system, MmStruct& mm, u64 address) {
    Pfn table = mm.pgd;
    for (unsigned level = mm.levels; level > 2; --level) {
        u64& entry = table_words(system, table)[mmu::VirtAddr{address}.table_index(level)];
        if (!Pte{entry}.present() && !populate_entry(system, mm, entry, level - 1, address)) [[unlikely]]
            return nullptr;
        table = Pte{entry}.pfn();
    }
    return &table_words(system, table)[mmu::VirtAddr{address}.table_index(2)];
}

inline u64* pte_alloc(MemorySystem& system, MmStruct& mm, u64* pmd, u64 address) {
    if (!Pte{*pmd}.present() && !populate_entry(system, mm, *pmd, 1, address)) [[unlikely]]
        return nullptr;
    return &table_words(system, Pte{*pmd}.pfn())[mmu::VirtAddr{address}.table_index(1)];
}

}  // namespace kernel
