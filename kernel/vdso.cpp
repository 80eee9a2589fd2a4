// Purpose: see vdso.h. Deviation: [vvar] is one page of data that never changes, and its other three are
// empty, as Linux's are without a paravirtual clock and outside of time namespaces.
#include "kernel/vdso.h"

#include "kernel/mm_internal.h"

extern "C" {
extern const mmu::u8 kernel_vdso_start[], kernel_vdso_end[];  // image.S
}

namespace kernel {

namespace {

constexpr u64 kVvarPages = 4, kVdsoPages = 2;
constexpr u64 kPmdSize = u64{2} << 20;

/// vdso_data, as vdso.S reads it.
struct Vvar {
    u32 mode = 0;  ///< 1: the time-stamp counter is CLOCK_MONOTONIC; 0: ask the kernel
    u32 reserved = 0;
    u64 epoch = 0;  ///< CLOCK_REALTIME at counter 0, in seconds
};

/// A new object of `pages` in the page cache whose first ones hold `bytes`; the others are zero. 0: no frame
/// left.
FileId make_object(MemorySystem& system, const void* bytes, usize size, u64 pages) {
    const FileId file = system.page_cache.open_shmem(pages);
    system.page_cache.mapping_of(file).unevictable = true;
    for (u64 i = 0; i < pages_of(page_align(size)); ++i) {
        const PageIndex index = system.page_cache.read_page(system, file, i, 0).page;
        if (!index) {
            system.page_cache.put(system, file);
            return 0;
        }
        const usize at = i * mmu::kPageSize;
        __builtin_memcpy(system.memory.frame(Pfn{index}), static_cast<const u8*>(bytes) + at,
                         std::min<usize>(size - at, mmu::kPageSize));
        system.mem_map.at_index(index).flags &=
            static_cast<u16>(~Page::kShmem);  // counted as a file's (RssFile)
    }
    return file;
}

/// vdso_addr(): at random between the stack's end and the next page-directory entry. 0: there is no room.
u64 vdso_addr(KernelState& kernel, const MmStruct& mm, u64 start, u64 length) {
    start = page_align(start);
    const u64 end = std::min(mmu::align_up(start, kPmdSize), mm.task_size) - length;
    return end > start ? start + kernel.rng.below(pages_of(end - start) + 1) * mmu::kPageSize : start;
}

/// _install_special_mapping()
bool install_special_mapping(MemorySystem& system, MmStruct& mm, u64 address, u64 pages, u64 flags,
                             FileId file, const char* name) {
    system.page_cache.get(file);
    const i64 done = mmap_region(system, mm, address, pages * mmu::kPageSize,
                                 flags | VM_DONTEXPAND | mm.def_flags, 0, file);
    if (done < 0) return false;
    mm.mm_mt.vma_lookup(address)->name = name;
    return true;
}

}  // namespace

i64 map_vdso(KernelState& kernel, MmStruct& mm, u64 stack_pointer) {
    MemorySystem& system = kernel.system;
    const usize size = static_cast<usize>(kernel_vdso_end - kernel_vdso_start);
    if (!size) return 0;
    if (!kernel.vdso.image) {
        const Vvar data{kernel.config.host_time ? 0u : 1u, 0, kernel.config.epoch};
        kernel.vdso.data = make_object(system, &data, sizeof data, 1);
        kernel.vdso.image = make_object(system, kernel_vdso_start, size, kVdsoPages);
        if (!kernel.vdso.data || !kernel.vdso.image) return -ENOMEM;
    }
    const u64 length = (kVvarPages + kVdsoPages) * mmu::kPageSize;
    const u64 hint = kernel.task().randomizes() ? vdso_addr(kernel, mm, stack_pointer, length) : 0;
    const i64 place = get_unmapped_area(system, mm, hint, length, 0, 0, false);
    if (place < 0) return place;
    const u64 vvar = static_cast<u64>(place), text = vvar + kVvarPages * mmu::kPageSize;
    const bool mapped =
        install_special_mapping(system, mm, text, kVdsoPages,
                                VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, kernel.vdso.image,
                                "[vdso]") &&
        install_special_mapping(system, mm, vvar, kVvarPages, VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP,
                                kernel.vdso.data, "[vvar]");
    return mapped ? static_cast<i64>(text) : -ENOMEM;
}

}  // namespace kernel
