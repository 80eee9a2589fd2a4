#include "emu/debug/kernel_functions.h"

#include "emu/report/kernel_names.h"

namespace emu {
namespace {

constexpr KernelFunction kFunctions[] = {
    {"asm_exc_page_fault",
     {},
     "arch/x86/entry/entry_64.S",
     "the CPU has pushed the frame of a page fault",
     true},
    {"entry_SYSCALL_64", {}, "arch/x86/entry/entry_64.S", "SYSCALL was executed", true},
    {"mmu_reference", {}, "mmu.c", "an access of the guest misses L0", true},
    {"exc_page_fault",
     {"error_code", "address", "ip"},
     "arch/x86/mm/fault.c",
     "CR2 is read, user or kernel address?"},
    {"do_user_addr_fault",
     {"error_code", "address"},
     "arch/x86/mm/fault.c",
     "flags, area, rights, then the memory manager"},
    {"do_kern_addr_fault", {"address"}, "arch/x86/mm/fault.c", "the address is not the user's"},
    {"find_vma",
     {"addr", "start", "end"},
     "mm/mmap.c",
     "the first area that ends above the address",
     false,
     KernelFunction::Returns::kArea},
    {"expand_downwards", {"address", "vm_start"}, "mm/mmap.c", "the stack grows"},
    {"access_error", {"address", "vm_flags"}, "arch/x86/mm/fault.c", "the area forbids the access"},
    {"handle_mm_fault",
     {"vma", "address", "flags"},
     "mm/memory.c",
     "tables down to the PTE, then the PTE itself"},
    {"__pgtable_alloc",
     {"level", "pfn", "address"},
     "mm/memory.c",
     "a page table is missing: take a frame for it"},
    {"handle_pte_fault", {"vma", "address", "pte"}, "mm/memory.c", "which kind of fault is it?"},
    {"do_anonymous_page",
     {"vma", "address"},
     "mm/memory.c",
     "memory without a file: a zeroed frame, or the zero page"},
    {"do_fault", {"vma", "address"}, "mm/memory.c", "memory of a file: read, copy, or share"},
    {"do_read_fault", {"vma", "address", "pfn"}, "mm/memory.c", "a read: the page cache's page is mapped"},
    {"do_cow_fault",
     {"vma", "address", "pfn"},
     "mm/memory.c",
     "a write to private memory: the page is copied"},
    {"do_shared_fault",
     {"vma", "address", "pfn"},
     "mm/memory.c",
     "a write to shared memory: the page becomes dirty"},
    {"do_wp_page", {"vma", "address"}, "mm/memory.c", "a write to a page that is write-protected"},
    {"do_swap_page", {"vma", "address"}, "mm/memory.c", "the page is in the swap area"},
    {"do_huge_pmd_anonymous_page", {"vma", "address"}, "mm/huge_memory.c", "a huge page"},
    {"wp_page_copy", {"old_pfn", "new_pfn"}, "mm/memory.c", "the page is shared: copy it"},
    {"wp_page_reuse", {"pfn"}, "mm/memory.c", "the page is ours alone: make it writable"},
    {"filemap_map_pages", {"pages"}, "mm/filemap.c", "pages around the fault that are cached are mapped too"},
    {"filemap_fault", {"first", "last"}, "mm/filemap.c", "the page is not cached: read it, and some ahead"},
    {"alloc_pages",
     {"order", "pfn", "splits"},
     "mm/page_alloc.c",
     "the buddy allocator gives a block",
     false,
     KernelFunction::Returns::kPage},
    {"free_pages", {"pfn", "order", "merges"}, "mm/page_alloc.c", "a block goes back"},
    {"set_pte_at",
     {"address", "old_pte", "new_pte"},
     "arch/x86/include/asm/pgtable.h",
     "the entry is written"},
    {"flush_tlb_range", {"start", "end", "pages"}, "arch/x86/mm/tlb.c", "stale translations go"},
    {"fault_done", {"address", "count"}, "mm/memory.c", "the verdict: minor, major or a signal"},
    {"__do_sys_brk", {"brk"}, "mm/mmap.c", "the heap's end is to move"},
    {"__do_sys_mmap", {"addr", "len", "prot"}, "mm/mmap.c", "a new mapping"},
    {"__do_sys_munmap", {"addr", "len"}, "mm/mmap.c", "mappings go"},
    {"__do_sys_mprotect", {"start", "len", "prot"}, "mm/mprotect.c", "rights change"},
    {"__do_sys_mremap", {"addr", "old_len", "new_len"}, "mm/mremap.c", "a mapping moves or changes its size"},
    {"__do_sys_madvise", {"start", "len", "behavior"}, "mm/madvise.c", "advice about a range"},
    {"__do_sys", {"nr", "arg0", "arg1", "arg2"}, "arch/x86/entry/common.c", "a system call"},
    {"do_brk_flags", {"start", "end", "vm_flags"}, "mm/mmap.c", "the heap's area is made or extended"},
    {"vma_merge", {"start", "end", "vm_flags"}, "mm/mmap.c", "an area becomes one with its neighbour"},
    {"mmap_region", {"start", "end", "vm_flags"}, "mm/mmap.c", "an area appears"},
    {"vma_modify",
     {"start", "end", "vm_flags"},
     "mm/mmap.c",
     "an area changes its rights, and is split or merged for it"},
    {"remove_vma", {"start", "end", "vm_flags"}, "mm/mmap.c", "an area goes"},
    {"vma_change", {"start", "end", "vm_flags"}, "mm/mmap.c", "an area appears, changes or goes"},
    {"mmu_translate", {"address", "access"}, "mmu.c", "one reference goes through the MMU"},
    {"tlb_lookup", {"address", "level", "pcid"}, "mmu.c", "TLBs are asked; level 0 is a miss in both"},
    {"walk_level", {"level", "entry_pa", "entry"}, "mmu.c", "the walker reads an entry"},
    {"walk_verdict",
     {"address", "error_code", "physical"},
     "mmu.c",
     "the walk's end: a frame, or a page fault"},
    {"tlb_fill", {"address", "frame", "pte"}, "mmu.c", "the translation is cached"},
};

usize number_of(std::string_view name) {
    usize n = 0;
    while (n < std::size(kFunctions) && kFunctions[n].name != name) ++n;
    return n;
}

}  // namespace

std::span<const KernelFunction> kernel_functions() {
    return kFunctions;
}

usize kernel_function(std::string_view name) {
    const usize number = number_of(name);
    return number < std::size(kFunctions) ? number : number_of(current_name(name));
}

}  // namespace emu
