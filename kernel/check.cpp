// Purpose: recounting. See check.h. Linux: mm/debug_vm_pgtable.c and CONFIG_DEBUG_VM in spirit.
#include "kernel/check.h"

#include <cstdio>
#include <vector>

#include "kernel/huge_memory.h"
#include "kernel/mm_internal.h"
#include "mmu/base/check.h"
#include "mmu/walk_cache.h"

namespace kernel {

using mmu::VirtAddr;

namespace {

/// What each frame's counts should be.
class Expected {
  public:
    Expected(u64 frames, u64 slots) : refs_(frames), maps_(frames), swap_users_(slots + 1) {}

    void add_tables(MemorySystem& system, Pfn table, unsigned level) {
        ++refs_[table.value];
        if (level == 2)  // the tables set aside for splitting huge pages
            for (PageIndex spare = system.mem_map[table].next; spare;
                 spare = system.mem_map.at_index(spare).next)
                ++refs_[spare];
        const u64* words = table_words(system, table);
        const unsigned entries = level == system.hw.control().levels() ? 256 : 512;  // the user's half
        for (unsigned i = 0; i < entries; ++i) {
            const Pte entry{words[i]};
            if (pte_none(entry)) continue;
            if (level > 1 && entry.large() && system.mem_map[entry.pfn()].is(Page::kHugetlb)) {
                ++refs_[entry.pfn().value];
                ++maps_[entry.pfn().value];
            } else if (level == 2 && pmd_trans_huge(entry.raw)) {
                if (vm_normal_page(system, entry)) add_huge_page(entry.pfn());
            } else if (level > 1) {
                add_tables(system, entry.pfn(), level - 1);
            } else if (pte_present(entry) && vm_normal_page(system, entry)) {
                ++refs_[entry.pfn().value];
                ++maps_[entry.pfn().value];
            } else if (!pte_present(entry)) {
                ++swap_users_[pte_to_swp_entry(entry)];
            }
        }
    }
    void add_huge_page(Pfn first) {
        for (u64 i = 0; i < kHpagePmdNr; ++i) {
            ++refs_[first.value + i];
            ++maps_[first.value + i];
        }
    }
    void add_swapped_shmem(const MemorySystem& system) {
        system.page_cache.for_each_swap_entry([this](SwapSlot slot) { ++swap_users_[slot]; });
    }
    void compare(const MemorySystem& system) const {
        const Buddy& buddy = system.buddy;
        u64 kernel = 0;
        std::array<u64, NR_LRU_LISTS> lru{};
        u64 free_huge = 0, all_huge = 0;
        for (u64 pfn = buddy.first_frame(); pfn < buddy.frontier();) {
            const Page& page = system.mem_map[Pfn{pfn}];
            if (page.is(Page::kBuddy)) {
                pfn += u64{1} << page.order;
                continue;
            }
            if (page.is(Page::kHugetlb)) {
                CHECK(page.mapcount == maps_[pfn], pfn, page.mapcount, maps_[pfn]);
                CHECK(page.refcount == refs_[pfn] + page.is(Page::kCache), pfn, page.refcount, refs_[pfn]);
                free_huge += !page.refcount ? u64{1} << page.order : 0;
                all_huge += u64{1} << page.order;
                pfn += u64{1} << page.order;
                continue;
            }
            if (page.page_type) {  // the kernel's own
                CHECK(page.refcount == 1, pfn, page.refcount);
                if (page.page_type != PGTY_kernel) kernel += u64{1} << page.order;  // whose they are is not known
                pfn += u64{1} << page.order;
                continue;
            }
            if (page.is(Page::kReserved)) {  // the huge zero page
                ++pfn;
                continue;
            }
            const u64 refs = refs_[pfn] + page.is(Page::kCache) + page.is(Page::kSwapCache);
            lru[LruLists::list_of(page)] += page.is(Page::kLru);
            if (page.is(Page::kSwapCache)) CHECK(system.swap.cached(page.mapping) == pfn, pfn, page.mapping);
            CHECK(page.mapcount == maps_[pfn], pfn, page.mapcount, maps_[pfn]);
            CHECK(page.refcount == refs, pfn, page.refcount, refs);
            CHECK(page.refcount, pfn, page.flags);  // lost: in use by nobody
            ++pfn;
        }
        const VmallocState& vmalloc = system.vmalloc;
        const u64 slabs = system.slab.pages() - system.slab.large_pages;
        const u64 known = slabs + vmalloc.nr_pages + vmalloc.table_pages + (vmalloc.start != 0);
        CHECK(kernel == known, kernel, known);
        for (unsigned list = 0; list < NR_LRU_LISTS; ++list)
            CHECK(lru[list] == system.lru.count(static_cast<LruList>(list)), list, lru[list]);
        for (const HState& h : system.hugetlb.hstates) {
            CHECK(h.free_list.size() == h.free_huge_pages, h.order, h.free_list.size());
            CHECK(h.resv_huge_pages <= h.free_huge_pages, h.order, h.resv_huge_pages, h.free_huge_pages);
            free_huge -= h.free_huge_pages << h.order;
            all_huge -= h.nr_huge_pages << h.order;
        }
        CHECK(!free_huge && !all_huge, free_huge, all_huge);
        u64 used = 0;
        for (u64 slot = 1; slot < swap_users_.size(); ++slot) {
            const SwapSlot number = static_cast<SwapSlot>(slot);
            CHECK(system.swap.users(number) == swap_users_[slot], slot, swap_users_[slot]);
            used += swap_users_[slot] || system.swap.cached(number);
        }
        CHECK(used == system.swap.used(), used, system.swap.used());
    }

  private:
    std::vector<u32> refs_, maps_, swap_users_;
};

std::string sentence(const char* what, u64 address, const char* cached, u64 cached_value, u64 table_value,
                     const char* missing) {
    char text[256];
    std::snprintf(
        text, sizeof text, "stale %s for %#llx: it has %s %#llx, the tables have %#llx; missing: %s", what,
        static_cast<unsigned long long>(address), cached, static_cast<unsigned long long>(cached_value),
        static_cast<unsigned long long>(table_value), missing);
    return text;
}

std::optional<std::string> stale_entry(const mmu::Mmu& hw, const mmu::TlbEntry& entry) {
    const u64 address = entry.address().value;
    const mmu::Walk walk = hw.peek_walk(entry.address(), mmu::Access::kLoad, mmu::Privilege::kSupervisorAc);
    const char* missing = "invlpg of this page, or a flush of its PCID";
    if (walk.end == mmu::WalkEnd::kNotPresent || walk.end == mmu::WalkEnd::kReserved)
        return sentence("TLB entry", address, "frame", entry.frame.pfn().value, walk.leaf.raw, missing);
    if (walk.physical(entry.address()).value != entry.frame.value)
        return sentence("TLB entry", address, "frame", entry.frame.pfn().value, walk.leaf.raw, missing);
    if (entry.writable && !walk.rights.writable)
        return sentence("TLB entry", address, "R/W", 1, walk.leaf.raw, missing);
    if (!entry.no_execute && walk.rights.no_execute)
        return sentence("TLB entry", address, "XD", 0, walk.leaf.raw, missing);
    if (entry.user && !walk.rights.user)
        return sentence("TLB entry", address, "U/S", 1, walk.leaf.raw, missing);
    if (entry.dirty && !walk.leaf.dirty())
        return sentence("TLB entry", address, "D", 1, walk.leaf.raw, missing);
    return std::nullopt;
}

/// A cached pointer to a table of start.level, against the entry that should point there.
std::optional<std::string> stale_walk_start(const mmu::Mmu& hw, u64 address, const mmu::WalkStart& start) {
    const mmu::Walk walk = hw.peek_walk(VirtAddr{address}, mmu::Access::kLoad, mmu::Privilege::kSupervisorAc);
    Pte above{};
    for (unsigned i = 0; i < walk.entries_read; ++i)
        if (walk.level_of(i) == start.level + 1) above = walk.entry(i).value;
    if (above.present() && !above.large() && above.address().value == start.table.value) return std::nullopt;
    return sentence("paging-structure cache entry", address, "table", start.table.value, above.raw,
                    "invlpg of any page, or a flush of its PCID");
}

}  // namespace

void validate_memory(MemorySystem& system, std::span<MmStruct* const> mms) {
    Expected expected(system.mem_map.frames(), system.swap.total());
    for (MmStruct* mm : mms) {
        validate_mm(system, *mm, Validate::kRecount);
        expected.add_tables(system, mm->pgd, mm->levels);
    }
    expected.add_swapped_shmem(system);
    expected.compare(system);
    system.buddy.validate();
    validate_slabs(system);
    validate_vmalloc(system);
}

std::optional<std::string> find_stale_translation(const MemorySystem& system, const MmStruct& mm) {
    const mmu::Mmu& hw = system.hw;
    if (hw.control().root() != mm.pgd.address()) return std::nullopt;
    const u64 pcid = hw.control().pcide() ? hw.control().cr3 & 0xfff : 0;
    for (const mmu::Tlb& array : hw.tlb().arrays()) {
        for (u32 way = 0; way < array.size(); ++way) {
            if (!array.valid(way)) continue;
            const mmu::TlbEntry& entry = array.way(way).entry;
            if (entry.pcid != pcid && !entry.global) continue;
            if (auto stale = stale_entry(hw, entry)) return stale;
        }
    }
    std::optional<std::string> stale;
    for (unsigned level = 2; level <= 5 && !stale; ++level) {
        hw.walk_cache().level(level).for_each([&](u64 address, u64 of_pcid, const mmu::WalkStart& start) {
            if (of_pcid == pcid && !stale) stale = stale_walk_start(hw, address, start);
        });
    }
    return stale;
}

}  // namespace kernel
