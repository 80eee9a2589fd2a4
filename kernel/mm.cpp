// Purpose: address spaces as a whole: making, laying out, measuring, checking. See mm.h.
// Linux: kernel/fork.c mm_alloc(), arch/x86/mm/mmap.c arch_pick_mmap_layout(), fs/exec.c setup_arg_pages().
#include "kernel/mm.h"

#include <algorithm>

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"
#include "kernel/vmscan.h"
#include "mmu/base/check.h"

namespace kernel {

namespace {

/// Frames that stand for the kernel's image and its first allocations; they are never given out.
constexpr u64 kKernelImageFrames = 256;

}  // namespace

MemorySystem::MemorySystem(mmu::PhysicalMemory& ram, mmu::Mmu& the_mmu)
    : memory(ram),
      hw(the_mmu),
      mem_map(ram.frames()),
      buddy(mem_map, Pfn{std::min(kKernelImageFrames, ram.frames() / 2)}),
      lru(mem_map),
      watermarks(setup_per_zone_wmarks(buddy.managed_frames())),
      zero_page(1) {
    mem_map[zero_page].flags = Page::kReserved;
    mem_map[zero_page].refcount = 1;
    memory.clear_frame(zero_page);
    page_cache.max_limited_pages = buddy.managed_frames() / 2;  // shmem_default_max_blocks()
}

/// __alloc_pages_slowpath(): wake kswapd, then reclaim oneself; the rest below the min mark is not for users.
/// Blocks of several frames may go without: nobody is killed for one.
PageIndex MemorySystem::alloc_pages_slowpath(unsigned order, Gfp gfp) {
    constexpr u64 kReclaimPages = 32;  // SWAP_CLUSTER_MAX
    constexpr unsigned kPageAllocCostlyOrder = 3;
    const u64 more = (u64{1} << order) - 1;
    const MigrateType type = gfp_migratetype(gfp);
    if (!(gfp & __GFP_DIRECT_RECLAIM)) {
        if (buddy.free_frames() <= watermarks.low + more) return 0;
        return buddy.rmqueue(order, type);
    }
    balance_pgdat(*this);
    // Deviation: programs that take the last pages of their text from each other, one at a time, would go on
    // doing so for ever, as they may on Linux. Who finds next to nothing after kswapd has given up does not
    // retry.
    bool retry = true;
    if (buddy.free_frames() <= watermarks.min + more)
        retry =
            try_to_free_pages(*this, kReclaimPages + more) >= kReclaimPages || !reclaim_is_hopeless(*this);
    if (retry && buddy.free_frames() > watermarks.min + more)
        if (const PageIndex page = buddy.rmqueue(order, type)) return page;
    if (order > kPageAllocCostlyOrder) return 0;
    // Each process that is ended gives its memory back; when there is none left to end, the caller fails.
    while (oom_killer && oom_killer(gfp, order)) {
        try_to_free_pages(*this, kReclaimPages + more);
        if (buddy.free_frames() > watermarks.min + more)
            if (const PageIndex page = buddy.rmqueue(order, type)) return page;
    }
    if (order) return 0;
    out_of_memory = true;
    notify({.kind = EventKind::kOom, .after = buddy.free_frames()});
    return 0;
}

std::optional<Pfn> MemorySystem::alloc_zeroed_page(Gfp gfp) {
    const PageIndex page = get_page_from_freelist(0, gfp);
    if (!page) [[unlikely]]
        return std::nullopt;
    memory.clear_frame(Pfn{page});
    return Pfn{page};
}

u64 __get_free_pages(MemorySystem& system, Gfp gfp, unsigned order) {
    const auto pfn = system.alloc_pages(order, gfp);
    if (!pfn) return 0;
    if (gfp & __GFP_ZERO)
        for (u64 i = 0; i < u64{1} << order; ++i) system.memory.clear_frame(*pfn + i);
    system.mem_map[*pfn].page_type = PGTY_kernel;
    system.mem_map[*pfn].order = static_cast<u8>(order);
    return page_address(*pfn);
}

void free_pages(MemorySystem& system, u64 address, unsigned order) {
    const Pfn pfn = mmu::PhysAddr{address - kPageOffset}.pfn();
    CHECK(address >= kPageOffset && pfn.value < system.mem_map.frames(), address);
    const Page& page = system.mem_map[pfn];
    CHECK(page.page_type == PGTY_kernel && page.order == order, address, order);
    system.buddy.free_pages(pfn, order);
}

void MemorySystem::put_page(Pfn pfn) {
    Page& page = mem_map[pfn];
    CHECK(page.refcount > 0 && !page.is(Page::kReserved | Page::kBuddy), pfn.value, page.refcount);
    if (--page.refcount) return;
    if (page.is(Page::kHugetlb)) return free_huge_page(*this, pfn);
    if (page.is(Page::kLru)) lru.remove(static_cast<PageIndex>(pfn.value));
    buddy.free_pages(pfn, 0);
}

std::optional<MmStruct> mm_alloc(MemorySystem& system) {
    MmStruct mm;
    if (!mm.object.allocate(system, kMmCache)) return std::nullopt;
    mm.mm_mt.set_allocator(system);
    mm.levels = system.hw.control().levels();
    mm.task_size = mm.levels == 5 ? kTaskSize56 : kTaskSize47;
    const auto pgd = alloc_table(system, mm, mm.levels, 0);
    if (!pgd) return std::nullopt;
    mm.pgd = *pgd;
    clone_kernel_pgd(system, mm);
    // VmPTE does not count the root (Linux: mm_init() starts pgtables_bytes at 0).
    mm.pgtables_bytes = mm.peak_pgtables_bytes = 0;
    mm.rlimits[kRlimitStack].cur = 8u << 20;
    mm.rlimits[kRlimitMemlock] = {8u << 20, 8u << 20};
    init_pkeys(system, mm);
    return mm;
}

namespace {

struct ChosenAsid {
    u16 asid = 0;
    bool need_flush = true;
};

/// choose_new_asid(): the slot that knows `mm`, or the next in turn.
ChosenAsid choose_new_asid(CpuTlbState& cpu, const MmStruct& mm) {
    for (u16 asid = 0; asid < CpuTlbState::kDynamicAsids; ++asid)
        if (cpu.ctxs[asid].ctx_id == mm.ctx_id) return {asid, cpu.ctxs[asid].tlb_gen < mm.tlb_gen};
    const u16 asid = cpu.next_asid;
    cpu.next_asid = static_cast<u16>((asid + 1) % CpuTlbState::kDynamicAsids);
    return {asid, true};
}

}  // namespace

void switch_mm(MemorySystem& system, MmStruct& mm) {
    CpuTlbState& cpu = system.tlb_state;
    if (!mm.ctx_id) mm.ctx_id = ++cpu.last_ctx_id;
    if (cpu.loaded_ctx_id == mm.ctx_id && cpu.ctxs[cpu.loaded_mm_asid].tlb_gen == mm.tlb_gen) return;
    const auto [asid, need_flush] = choose_new_asid(cpu, mm);
    if (need_flush) cpu.ctxs[asid] = {mm.ctx_id, mm.tlb_gen};
    cpu.loaded_mm_asid = asid;
    cpu.loaded_ctx_id = mm.ctx_id;
    constexpr u64 kNoFlush = u64{1} << 63;
    const bool pcids = system.hw.control().pcide();
    const u64 cr3 = mm.pgd.address().value | (pcids ? asid + 1u : 0u) | (pcids && !need_flush ? kNoFlush : 0);
    CHECK(system.hw.load_cr3(cr3).has_value(), mm.pgd.value, asid);
}

void arch_pick_mmap_layout(MmStruct& mm, u64 random_pages) {
    constexpr u64 kStackMaxRandom = u64{0x3fffff} << mmu::kPageShift;  // stack_maxrandom_size()
    constexpr u64 kGapMin = 128u << 20;
    const u64 window = kTaskSize47;  // DEFAULT_MAP_WINDOW, also with LA57
    const u64 random = (random_pages & mmu::mask(27, 0)) << mmu::kPageShift;
    const u64 stack = mm.rlimit(kRlimitStack);
    const u64 pad = (random_pages ? kStackMaxRandom : 0) + kStackGuardGap;
    u64 gap = stack;
    if (gap + pad > gap) gap += pad;
    gap = std::clamp(gap, kGapMin, window / 6 * 5);
    mm.mmap_base = page_align(window - gap - random);
    mm.mmap_legacy_base = page_align(window / 3) + random;
    mm.legacy_layout = false;
}

int create_stack(MemorySystem& system, MmStruct& mm, u64 stack_top, bool executable) {
    if (page_offset(stack_top) || stack_top < kMmapMinAddr + mmu::kPageSize || stack_top > mm.task_size)
        return -EINVAL;
    VmAreaStruct vma;
    vma.vm_start = stack_top - mmu::kPageSize;
    vma.vm_end = stack_top;
    vma.vm_flags = VM_STACK_FLAGS | (executable ? VM_EXEC : 0);
    vma.vm_page_prot = vm_get_page_prot(vma.vm_flags);
    vma.vm_pgoff = pages_of(vma.vm_start);
    if (mm.mm_mt.find_vma_intersection(vma.vm_start, vma.vm_end) || !may_expand_vm(mm, vma.vm_flags, 1))
        return -ENOMEM;
    add_vma(system, mm, vma);
    vm_stat_account(mm, vma.vm_flags, 1);
    system.notify({.kind = EventKind::kMapChange,
                   .start = vma.vm_start,
                   .end = vma.vm_end,
                   .flags = vma.vm_flags,
                   .text = "create_stack"});
    return 0;
}

int expand_stack_for_exec(MemorySystem& system, MmStruct& mm, u64 stack_pointer) {
    VmAreaStruct* vma = mm.find_vma(stack_pointer);
    if (!vma || !(vma->vm_flags & VM_GROWSDOWN)) return -EFAULT;
    constexpr u64 kStackExpand = 131072;
    const u64 size = vma->size();
    const u64 limit = mmu::align_down(mm.rlimit(kRlimitStack), mmu::kPageSize);
    const u64 base = size + kStackExpand > limit ? vma->vm_end - std::min(limit, vma->vm_end)
                                                 : vma->vm_start - kStackExpand;
    if (base >= vma->vm_start) return 0;
    return expand_downwards(system, mm, *vma, base);
}

MemoryStats memory_stats(const MemorySystem& system, const MmStruct& mm) {
    MemoryStats stats;
    stats.rss_bytes = mm.rss_pages() * mmu::kPageSize;
    stats.peak_rss_bytes = mm.hiwater_rss * mmu::kPageSize;
    stats.total_vm_bytes = mm.total_vm * mmu::kPageSize;
    stats.peak_total_vm_bytes = mm.hiwater_vm * mmu::kPageSize;
    stats.page_table_bytes = mm.pgtables_bytes;
    stats.peak_page_table_bytes = mm.peak_pgtables_bytes;
    stats.frames_free = system.buddy.free_frames();
    stats.frames_total = system.mem_map.frames();
    return stats;
}

std::string vma_name(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma) {
    if (*vma.name) return vma.name;
    if (vma.vm_file) return system.page_cache.file(vma.vm_file).path;
    if (vma.vm_start < mm.brk && vma.vm_end > mm.start_brk) return "[heap]";
    if (vma.vm_start <= mm.start_stack && vma.vm_end >= mm.start_stack) return "[stack]";
    return {};
}

}  // namespace kernel
