// Memory that is contiguous for the kernel alone: frames from anywhere, mapped one after the other in the
// vmalloc area by real page tables, with an unmapped guard page behind. The tables hang in init_mm's root,
// and each address space's root has the same entry for that area, so that nothing has to be copied later. The
// kernel itself reaches the bytes through their frames; a user access ends at a supervisor page. Linux:
// mm/vmalloc.c, arch/x86/mm/init_64.c preallocate_vmalloc_pages(), kernel/fork.c VMAP_STACK. Deviation: the
// area is what one entry of the root table covers (512 GiB, with 5 levels 256 TiB); no huge mappings, no
// vmap() of given pages.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "kernel/page.h"
#include "kernel/slab_object.h"

namespace kernel {

struct MemorySystem;
struct MmStruct;

inline constexpr u64 kVmallocStart4 = 0xffffc90000000000;  ///< VMALLOC_START with 4 levels
inline constexpr u64 kVmallocStart5 = 0xffa0000000000000;  ///< with LA57
inline constexpr u64 kThreadSize = 16384;                  ///< THREAD_SIZE

/// vm_struct and its vmap_area.
struct VmapArea {
    u64 size = 0;  ///< bytes, the guard page included
    const char* caller = "";
    std::vector<PageIndex> pages{};
};

struct VmallocState {
    u64 start = 0;                 ///< VMALLOC_START; 0: vmalloc_init() was not called
    Pfn pgd{};                     ///< swapper_pg_dir
    std::map<u64, VmapArea> busy;  ///< by first address
    std::map<u64, u64> free;       ///< address and bytes of holes
    std::map<u64, u64> lazy;       ///< holes that the TLB may still know
    u64 lazy_pages = 0;
    u64 nr_pages = 0;                    ///< frames in use by areas (VmallocUsed)
    u64 table_pages = 0;                 ///< the kernel's page tables, the root aside
    u64 stacks = 0;                      ///< of tasks that live (KernelStack)
    std::array<u64, 2> cached_stacks{};  ///< kept for the next task (NR_CACHED_STACKS)
};

/// Makes the kernel's root table and the one table under it that all address spaces share. Needs paging on.
void vmalloc_init(MemorySystem& system);
/// pgd_ctor(): a new root table gets the kernel's half.
void clone_kernel_pgd(MemorySystem& system, MmStruct& mm);

/// vzalloc(): zeroed memory of at least `bytes`; its address, or 0: out of memory or of addresses.
u64 vmalloc(MemorySystem& system, u64 bytes, const char* caller, Gfp gfp = GFP_KERNEL);
void vfree(MemorySystem& system, u64 address);
/// vmalloc_to_page(): the frame behind an address, by the page tables. Nothing: not mapped.
std::optional<Pfn> vmalloc_to_page(const MemorySystem& system, u64 address);

/// CHECKs areas against page tables and frames: each page mapped for the supervisor alone, guards absent.
void validate_vmalloc(const MemorySystem& system);

/// The stack of a task in the kernel: THREAD_SIZE of vmalloc memory, as long as the task lives.
class KernelStack {
  public:
    KernelStack() = default;
    KernelStack(const KernelStack&) {}  ///< a copied task needs one of its own
    KernelStack& operator=(const KernelStack&) { return *this; }
    KernelStack(KernelStack&& other) noexcept
        : system_(other.system_), address_(std::exchange(other.address_, 0)) {}
    KernelStack& operator=(KernelStack&& other) noexcept {
        std::swap(system_, other.system_);
        std::swap(address_, other.address_);
        return *this;
    }
    ~KernelStack();

    /// alloc_thread_stack_node(). False: out of memory.
    [[nodiscard]] bool allocate(MemorySystem& system);
    u64 address() const { return address_; }

  private:
    MemorySystem* system_ = nullptr;
    u64 address_ = 0;
};

}  // namespace kernel
