// What a read, a write and a fetch at an address would do now: which bit at which level decides, and what the
// kernel would do about the fault. It foretells by the same rules that the kernel's fault handlers go by, and
// changes nothing. Linux: arch/x86/mm/fault.c do_user_addr_fault(), mm/memory.c handle_pte_fault().
#include "emu/debug/debugger.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/fault.h"
#include "kernel/huge_memory.h"
#include "kernel/state.h"
#include "kernel/swap.h"

namespace emu {
namespace {

using kernel::MemorySystem, kernel::MmStruct, kernel::Page, kernel::VmAreaStruct;
using mmu::Access, mmu::PageFaultCode, mmu::Pte, mmu::VirtAddr, mmu::Walk, mmu::WalkEnd;

/// The entry that forbids: "PTE at 0x2345678 has W=0".
std::string what_forbids(const Walk& walk, Access access, const mmu::ControlRegisters& control) {
    const unsigned last = walk.entries_read - 1u;
    if (walk.end != WalkEnd::kDenied)
        return std::string(entry_name(walk.level_of(last))) + " at " + hex(walk.entry(last).where.value) +
               (walk.end == WalkEnd::kReserved ? " has a reserved bit set" : " has P=0");
    if (walk.error_code & PageFaultCode::kProtectionKey)
        return "protection key " + std::to_string(walk.entry(last).value.pkey()) + " of the " +
               entry_name(walk.level_of(last)) + ", PKRU is " + hex(control.pkru);
    unsigned at = 0;
    const auto forbids = [&](const Pte& entry) {
        return !entry.user() || (access == Access::kStore && !entry.writable()) ||
               (access == Access::kFetch && entry.no_execute());
    };
    while (at < last && !forbids(walk.entry(at).value)) ++at;
    const Pte entry = walk.entry(at).value;
    return std::string(entry_name(walk.level_of(at))) + " at " + hex(walk.entry(at).where.value) +
           (!entry.user()              ? " has U=0"
            : access == Access::kStore ? " has W=0"
                                       : " has NX=1");
}

/// do_wp_page()
std::string write_protected(const MemorySystem& system, const VmAreaStruct& vma, Pte entry) {
    if (vma.vm_flags & (kernel::VM_SHARED | kernel::VM_MAYSHARE))
        return "do_wp_page: the page is shared by intent, it becomes writable and dirty";
    if (entry.pfn() == system.zero_page) return "do_wp_page: a zeroed frame takes the zero page's place";
    if (entry.special() || entry.pfn().value >= system.mem_map.frames())
        return "do_wp_page: a copy of the page";
    const Page& page = system.mem_map[entry.pfn()];
    if (!page.is(Page::kAnon)) return "do_wp_page: a private copy of the file's page";
    if (page.is(Page::kAnonExclusive) || page.refcount == 1)
        return "do_wp_page: the frame is ours alone, it becomes writable";
    return "do_wp_page: a copy, for the frame has " + std::to_string(page.refcount) + " owners";
}

/// do_fault()
std::string file_page(MemorySystem& system, const VmAreaStruct& vma, u64 address, bool write) {
    const kernel::AddressSpace& file = system.page_cache.mapping_of(vma.vm_file);
    const u64 index = vma.index_of(address);
    if (index * mmu::kPageSize >= file.size_bytes()) return "SIGBUS (ADRERR): the file ends before it";
    const std::string page = file.find(index) ? "the page cache's page"
                             : file.shmem     ? "a page that is new or in swap"
                                              : "a page that is read from the file";
    return !write                             ? "do_read_fault: " + page
           : vma.vm_flags & kernel::VM_SHARED ? "do_shared_fault: " + page + ", writable"
                                              : "do_cow_fault: a private copy of " + page;
}

/// handle_mm_fault() of an area that allows the access.
std::string page_would(MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma, u64 address,
                       bool write, const Walk& walk) {
    const unsigned last = walk.entries_read - 1u, level = walk.level_of(last);
    const Pte entry = walk.entry(last).value;
    const bool denied = walk.end == WalkEnd::kDenied;
    if (vma.vm_flags & kernel::VM_HUGETLB)
        return denied ? "hugetlb_wp: copy or reuse the huge page"
                      : "hugetlb_no_page: a huge page of the pool";
    if (denied && level > 1) return "do_huge_pmd_wp_page: split, copy or reuse the huge page";
    if (denied) return write_protected(system, vma, entry);
    if (level == 1 && entry.raw)
        return "do_swap_page: slot " + std::to_string(kernel::pte_to_swp_entry(entry)) + " of the swap area";
    const u64 huge = mmu::align_down(address, kernel::kPmdSize);
    if (level > 1 && !mm.thp_disabled && kernel::thp_vma_allowable(system, vma, huge))
        return write ? "do_huge_pmd_anonymous_page: 512 zeroed frames, or one where no such block is free"
                     : "do_huge_pmd_anonymous_page: the huge zero page, read-only";
    if (!vma.is_anonymous()) return file_page(system, vma, address, write);
    return write ? "do_anonymous_page: a zeroed frame" : "do_anonymous_page: the zero page, read-only";
}

/// What the kernel would do about a fault that the walk ends in.
std::string kernel_would(Debugger& debugger, u64 address, Access access, const Walk& walk) {
    kernel::KernelState& kernel = debugger.machine().kernel().state();
    MmStruct& mm = kernel.mm_of(debugger.task());
    if (address >= mm.task_size) return "SIGSEGV (MAPERR): no address of the user's";
    const VmAreaStruct* const vma = mm.mm_mt.find_vma(address);
    if (!vma) return "SIGSEGV (MAPERR): no area lies at or above it";
    std::string text;
    if (vma->vm_start > address) {
        if (!(vma->vm_flags & kernel::VM_GROWSDOWN)) return "SIGSEGV (MAPERR): no area holds it";
        if (const char* const refused = kernel::stack_expansion_refused(kernel.system, mm, *vma, address))
            return std::string("SIGSEGV (MAPERR): the stack may not grow down to it, ") + refused;
        text = "expand_downwards: the stack grows down to it; then ";
    }
    if (walk.error_code & PageFaultCode::kProtectionKey) return "SIGSEGV (PKUERR)";
    // access_error(): of an absent page a read and a fetch are all one.
    const bool write = access == Access::kStore, denied = walk.end == WalkEnd::kDenied;
    const u64 needed = write ? u64{kernel::VM_WRITE} : denied ? 0 : kernel::VM_ACCESS_FLAGS;
    if (!(vma->vm_flags & needed)) return text + "SIGSEGV (ACCERR): the area forbids it";
    text += page_would(kernel.system, mm, *vma, address, write, walk);
    if (access == Access::kFetch && !(vma->vm_flags & kernel::VM_EXEC) &&
        text.find("SIGBUS") == std::string::npos)
        text += "; again: SIGSEGV (ACCERR), the area forbids it";
    return text;
}

}  // namespace

std::string why_text(Debugger& debugger, u64 address) {
    if (!walkable(debugger.machine().mmu(), address))
        return hex(address) +
               " is not canonical: every access raises #GP (by RSP or RBP #SS) before any walk; then "
               "SIGSEGV, or "
               "SIGBUS for #SS\n";
    std::string text = area_words(debugger, address) + "\n";
    constexpr std::pair<Access, const char*> kAccesses[] = {
        {Access::kLoad, "read "}, {Access::kStore, "write"}, {Access::kFetch, "fetch"}};
    for (const auto& [access, name] : kAccesses) {
        const Walk walk = debugger.peek_walk(address, access);
        text += std::string(name) + "  ";
        if (walk.translated())
            text += "goes to physical " + hex(walk.physical(VirtAddr{address}).value) + "\n";
        else
            text += "#PF, error code " + error_code_words(walk.error_code) + ": " +
                    what_forbids(walk, access, debugger.control()) + "; then " +
                    kernel_would(debugger, address, access, walk) + "\n";
    }
    return text;
}

}  // namespace emu
