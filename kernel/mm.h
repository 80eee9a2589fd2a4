// mm_struct, one address space, and MemorySystem, what all address spaces share. Operations on them are free
// functions named as in Linux, one file for each group (mmap.h, fault.h, uaccess.h, ...). Linux:
// include/linux/mm_types.h struct mm_struct, include/uapi/asm-generic/resource.h.
#pragma once

#include <array>
#include <functional>

#include "kernel/area_index.h"
#include "kernel/buddy.h"
#include "kernel/config.h"
#include "kernel/filemap.h"
#include "kernel/hugetlb_pool.h"
#include "kernel/inject.h"
#include "kernel/lru.h"
#include "kernel/observer.h"
#include "kernel/mempool.h"
#include "kernel/page.h"
#include "kernel/stats.h"
#include "kernel/slab.h"
#include "kernel/swap.h"
#include "kernel/vma.h"
#include "kernel/vmalloc.h"
#include "mmu/mmu.h"

namespace kernel {

/// RLIMIT_* numbers of x86-64.
enum Rlimit : u8 {
    kRlimitCpu = 0,
    kRlimitFsize,
    kRlimitData,
    kRlimitStack,
    kRlimitCore,
    kRlimitRss,
    kRlimitNproc,
    kRlimitNofile,
    kRlimitMemlock,
    kRlimitAs,
    kRlimitLocks,
    kRlimitSigpending,
    kRlimitMsgqueue,
    kRlimitNice,
    kRlimitRtprio,
    kRlimitRttime,
    kRlimits
};
inline constexpr u64 kRlimInfinity = ~u64{0};
struct Limit {
    u64 cur = kRlimInfinity, max = kRlimInfinity;
};

enum RssKind : u8 { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, kRssKinds };

inline constexpr u64 kMmapMinAddr = 65536;                   ///< vm.mmap_min_addr
inline constexpr u64 kMaxMapCount = 65530;                   ///< vm.max_map_count
inline constexpr u64 kStackGuardGap = 256 * mmu::kPageSize;  ///< stack_guard_gap
inline constexpr u64 kTaskSize47 = 0x7ffffffff000;           ///< TASK_SIZE_MAX with 4 levels
inline constexpr u64 kTaskSize56 = 0xfffffffffff000;         ///< with LA57

struct MmStruct {
    KmemObject object;  ///< mm_struct's place in guest RAM
    VmaMap mm_mt;       ///< Linux's maple tree
    Pfn pgd{};     ///< the root table; CR3 of this space
    u32 users = 1;     ///< mm_users: tasks that run in it
    u64 ctx_id = 0;    ///< mm->context.ctx_id: never used again; 0 until it is first loaded
    u64 tlb_gen = 1;   ///< mm->context.tlb_gen: raised by each flush
    unsigned levels = 4;            ///< of page tables
    u64 task_size = kTaskSize47;    ///< TASK_SIZE_MAX: the first address that is not the user's
    u64 mmap_base = 0;              ///< top of the area that mmap() fills downwards
    u64 mmap_legacy_base = 0;       ///< TASK_UNMAPPED_BASE: where the bottom-up search starts
    bool legacy_layout = false;     ///< bottom-up (ADDR_COMPAT_LAYOUT)
    u64 free_area_cache = ~u64{0};  ///< the top-down search starts here: above it no hole is larger than
    u64 cached_hole_size = 0;       ///< this many bytes

    u64 start_code = 0, end_code = 0, start_data = 0, end_data = 0;
    u64 start_brk = 0, brk = 0, start_stack = 0;
    u64 arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    std::vector<u64> saved_auxv;  ///< /proc/PID/auxv

    u64 total_vm = 0, data_vm = 0, stack_vm = 0, exec_vm = 0, locked_vm = 0;  ///< pages
    u64 hiwater_vm = 0, hiwater_rss = 0;                                      ///< pages
    std::array<u64, kRssKinds> rss_stat{};                                    ///< pages
    u64 pgtables_bytes = 0, peak_pgtables_bytes = 0;
    u64 huge_pmds = 0;  ///< page-directory entries that map a transparent huge page
    u64 hugetlb_usage = 0;  ///< pages of 4 KiB that hugetlb mappings map; not in rss_stat
    u64 def_flags = 0;  ///< mlockall(MCL_FUTURE)
    u16 pkey_allocation_map = 0;  ///< mm->context: bit k: protection key k is in use (pkeys.h)
    mmu::i16 execute_only_pkey = 0;    ///< the one of PROT_EXEC alone; -1: none yet
    u32 next_anon_vma = 1;
    u64 maj_flt = 0, min_flt = 0;  ///< the task's (getrusage)
    std::array<Limit, kRlimits> rlimits{};
    bool thp_disabled = false;  ///< MMF_DISABLE_THP: prctl(PR_SET_THP_DISABLE)
    bool vm_hugepage = false;   ///< MMF_VM_HUGEPAGE: khugepaged looks at it
    u32 membarrier_state = 0;   ///< commands that were registered (membarrier(2))

    u64 map_count() const { return mm_mt.size(); }
    u64 rlimit(Rlimit which) const { return rlimits[which].cur; }
    u64 rss_pages() const {
        return rss_stat[MM_FILEPAGES] + rss_stat[MM_ANONPAGES] + rss_stat[MM_SHMEMPAGES];
    }
    VmAreaStruct* find_vma(u64 address) { return mm_mt.find_vma(address); }
};

/// /sys/kernel/mm/transparent_hugepage/defrag: when a fault may have others give up pages for a huge one.
enum class ThpDefrag : u8 { kAlways, kDefer, kDeferMadvise, kMadvise, kNever };

/// khugepaged's settings (/sys/kernel/mm/transparent_hugepage/khugepaged) and where it is. khugepaged_thread.h.
struct KhugepagedState {
    bool defrag = true;
    u64 scan_sleep_millisecs = 10'000, alloc_sleep_millisecs = 60'000;
    u64 pages_to_scan = 8 * 512;
    u64 max_ptes_none = 511, max_ptes_swap = 64, max_ptes_shared = 256;
    bool woken = false;        ///< it has something to do from now on
    u64 wake_ns = ~u64{0};     ///< virtual time of its next scan; ~0: it has nothing to do
    u32 mm = 0;                ///< khugepaged_scan: the address space and
    u64 address = 0;           ///< the place in it where the next scan begins
};

struct ThpState {
    ThpMode mode = ThpMode::kNever;
    ThpDefrag defrag = ThpDefrag::kMadvise;
    bool shmem_deny = false;  ///< shmem_enabled: the word alone, there are none anyway
    bool use_zero_page = true;
    KhugepagedState khugepaged;
    std::optional<Pfn> huge_zero_page{};
    u64 anon_thps = 0;  ///< NR_ANON_THPS: huge mappings, the zero page's aside
    ThpStats stats;
};

/// cpu_tlbstate: which address spaces the TLB may know, by dynamic ASID (TLB_NR_DYN_ASIDS). PCID = ASID + 1.
struct CpuTlbState {
    static constexpr u16 kDynamicAsids = 6;
    struct Context {
        u64 ctx_id = 0, tlb_gen = 0;
    };
    std::array<Context, kDynamicAsids> ctxs{};
    u16 loaded_mm_asid = 0;
    u16 next_asid = 0;
    u64 loaded_ctx_id = 0;  ///< 0: none of them
    u64 last_ctx_id = 0;
};

/// Free frames below which kswapd wakes (low), up to which it reclaims (high), and which only freeing tasks
/// may use up (min).
struct Watermarks {
    u64 min = 0, low = 0, high = 0;
};

/// Memory management's own state: frames, page cache, counters. One for a machine.
struct MemorySystem {
    MemorySystem(mmu::PhysicalMemory& ram, mmu::Mmu& the_mmu);

    mmu::PhysicalMemory& memory;
    mmu::Mmu& hw;  ///< the MMU; everything that flushes or reads user memory goes through it
    MemMap mem_map;
    Buddy buddy;
    // Before all that holds objects of theirs, which go first then.
    SlabState slab;
    VmallocState vmalloc;
    Mempool bio_pool;  ///< bio_set: requests to the swap area
    PageCache page_cache;
    LruLists lru;
    SwapArea swap;
    Watermarks watermarks;
    ReclaimStats reclaim;
    /// All address spaces, for rmap: set by who owns them. Without it no mapped page can be reclaimed.
    std::function<std::vector<MmStruct*>()> address_spaces;
    /// out_of_memory(): ends a process and takes its memory back. False: there is none to end. Set by who owns
    /// the processes; without it allocations fail instead.
    std::function<bool(Gfp gfp, unsigned order)> oom_killer;
    u64 area_generation = 0;  ///< raised whenever an area comes, goes or moves
    AreaIndex area_index;     ///< rmap.h's alone
    Pfn zero_page{};  ///< empty_zero_page: reserved, never freed
    CpuTlbState tlb_state;
    FaultStats faults;
    ThpState thp;
    HugetlbState hugetlb;
    Injector inject;             ///< --inject
    u64 ra_pages = 32;           ///< VM_READAHEAD_PAGES: the largest readahead window
    u64 fault_around_pages = 16;  ///< fault_around_bytes
    Observer* observer = nullptr;
    Overcommit overcommit = Overcommit::kGuess;
    bool skip_flushes = false;  ///< --inject skip-invlpg: what a kernel without flushes would do
    bool out_of_memory =
        false;  ///< a frame was refused: the guest is to be ended as by the OOM killer (SIGKILL)

    void set_observer(Observer* o) {
        observer = o;
        buddy.set_observer(o);
    }
    void notify(const Event& event) {
        if (observer) [[unlikely]]
            observer->on_event(event);
    }
    /// 2^order frames, refcount 1 on the first, pages that nobody used lately given up for them if need be.
    /// Nothing: out of memory. The one gate through which all memory is handed out.
    std::optional<Pfn> alloc_pages(unsigned order, Gfp gfp) {
        const PageIndex page = get_page_from_freelist(order, gfp);
        return page ? std::optional(Pfn{page}) : std::nullopt;
    }
    /// The same; 0: out of memory.
    PageIndex get_page_from_freelist(unsigned order, Gfp gfp) {
        if (inject.fails(InjectSite::kAlloc)) [[unlikely]]
            return 0;
        if (buddy.free_frames() + 1 < watermarks.low + (u64{1} << order)) [[unlikely]]
            return alloc_pages_slowpath(order, gfp);
        return buddy.rmqueue(order, gfp_migratetype(gfp));
    }
    /// A frame for user memory or the page cache.
    std::optional<Pfn> alloc_page(Gfp gfp = GFP_HIGHUSER_MOVABLE) { return alloc_pages(0, gfp); }
    /// The same, cleared.
    std::optional<Pfn> alloc_zeroed_page(Gfp gfp = GFP_HIGHUSER_MOVABLE);
    /// Drops one reference; the last frees the frame.
    void put_page(Pfn pfn);

  private:
    PageIndex alloc_pages_slowpath(unsigned order, Gfp gfp);
};

/// The kernel's mapping of all RAM (page_offset_base): where a frame lies for the kernel itself.
inline constexpr u64 kPageOffset = 0xffff888000000000;
inline u64 page_address(Pfn pfn) {
    return kPageOffset + pfn.address().value;
}
/// alloc_pages() for the kernel's own use: the block's address in the kernel's mapping of RAM; 0: out of memory.
u64 __get_free_pages(MemorySystem& system, Gfp gfp, unsigned order);
/// Gives it back.
void free_pages(MemorySystem& system, u64 address, unsigned order);

/// A new, empty address space with its root table. Nothing: no frame left.
std::optional<MmStruct> mm_alloc(MemorySystem& system);
/// Unmaps everything and frees all tables but the root.
void exit_mmap(MemorySystem& system, MmStruct& mm);
/// Frees the root table (__mmdrop()): CR3 must not name it any more.
void mm_drop(MemorySystem& system, MmStruct& mm);
/// Loads CR3 (switch_mm_irqs_off()).
/// It is mapped under its own PCID while one of the six slots knows it, and flushed if it has missed a flush.
void switch_mm(MemorySystem& system, MmStruct& mm);

/// arch_pick_mmap_layout(): sets mmap_base from RLIMIT_STACK. `random_pages`: 28 bits of randomness, 0 for
/// none.
void arch_pick_mmap_layout(MmStruct& mm, u64 random_pages);
/// A one-page stack ending at `stack_top` (bprm_mm_init()). 0 or -errno.
int create_stack(MemorySystem& system, MmStruct& mm, u64 stack_top, bool executable);
/// Grows it to 128 KiB below `stack_pointer`, as far as RLIMIT_STACK lets (the tail of setup_arg_pages()).
int expand_stack_for_exec(MemorySystem& system, MmStruct& mm, u64 stack_pointer);

MemoryStats memory_stats(const MemorySystem& system, const MmStruct& mm);

/// CHECKs what must always hold: areas sorted, disjoint, none mergeable left... and the sums over them; with
/// `kRecount`, rss and page-table bytes against a scan of the tables. O(areas), or O(mapped pages).
enum class Validate : u8 { kAreas, kRecount };
void validate_mm(MemorySystem& system, MmStruct& mm, Validate depth);

/// A line of /proc/PID/maps needs the area's name: file path, "[heap]", "[stack]", or empty.
std::string vma_name(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma);

inline void add_mm_rss(MmStruct& mm, RssKind kind) {
    mm.rss_stat[kind]++;
    const u64 rss = mm.rss_pages();
    if (rss > mm.hiwater_rss) mm.hiwater_rss = rss;
}

}  // namespace kernel
