// What the kernel's memory management tells while it works: each step of a fault, of a mapping call, of the
// frame allocator. Debugger, trace, tests and reports read this one stream. Off means a null pointer and one
// compare.
#pragma once

#include "mmu/base/ints.h"

namespace kernel {

using mmu::u16;
using mmu::u32;
using mmu::u64;
using mmu::u8;

/// The order within a page fault is the order of the functions in Linux.
enum class EventKind : u8 {
    kFaultEntry,        ///< do_user_addr_fault(): address, flags = error code, after = rip
    kKernelAddress,     ///< do_kern_addr_fault(): address above TASK_SIZE_MAX
    kFindVma,           ///< address; start, end, flags = vm_flags of the result; start == end == 0: none
    kStackExpand,       ///< expand_downwards(): before, after = vm_start; text says why it was refused
    kAccessError,       ///< address, flags = vm_flags
    kHandleMmFault,     ///< address, flags = FAULT_FLAG_*
    kTableAlloc,        ///< level 1 (PTE table) .. 4; pfn; address it serves
    kTableFree,         ///< level; pfn
    kHandlePteFault,    ///< address, before = the raw PTE; text = the branch taken
    kAnonZeroPage,      ///< do_anonymous_page(), read: pfn of the zero page
    kAnonPage,          ///< do_anonymous_page(), write: pfn
    kAnonHugePage,      ///< do_huge_pmd_anonymous_page(): pfn of the first of 2^order; text = read or write
    kCollapseHugePage,  ///< collapse_huge_page(): address, pfn of the first of 2^order
    kSplitHugePmd,      ///< __split_huge_pmd(): address, pfn of the first frame
    kFileFault,  ///< do_read_fault/do_cow_fault/do_shared_fault (text): pfn of the cache page, start = index
    kFaultAround,    ///< filemap_map_pages(): after = pages mapped
    kPageCacheMiss,  ///< filemap_fault(): start, end = page indices read ahead
    kCowCopy,        ///< wp_page_copy(): before, after = pfn
    kCowReuse,       ///< wp_page_reuse(): pfn
    kSpurious,       ///< nothing to change: the page is flushed
    kFaultVerdict,   ///< address; text = minor/major/SIGSEGV/...; after = count of that kind
    kSetPte,         ///< set_pte_at(): address, before, after = raw words
    kPageAlloc,      ///< buddy: order, pfn, after = splits
    kPageFree,       ///< buddy: order, pfn, after = merges
    kFlush,          ///< TLB: start, end, after = pages; text = "invlpg" or "cr3"
    kMapChange,      ///< a VMA appeared, changed or went: start, end, flags; text = the function. Level 1: the
                     ///< function begins; level 2: vma_merge() has made one area of several on the way
    kOom,            ///< no frame: pfn count in `after` is what is free
    kSyscallEnter,   ///< text = name; address = number; before, start, end = its first three arguments
    kSyscallExit,    ///< text = name; address = number; after = what it returned, or -errno
    kTaskNew,        ///< copy_process(): address = the child's pid, before = its maker's, flags = CLONE_*
    kTaskExec,       ///< begin_new_exec() is done: address = pid
    kTaskExit,       ///< a process has no thread any more: address = tgid, after = its status as of wait4()
    kThreadExit,  ///< a thread has ended that is not its process's first: address = pid, before = tgid, after =
                  ///< its status as of wait4()
};

/// Plain data; fields that an event does not use are 0.
struct Event {
    EventKind kind = EventKind::kFaultEntry;
    u8 level = 0;
    u8 order = 0;
    u64 address = 0;
    u64 pfn = 0;
    u64 before = 0, after = 0;
    u64 start = 0, end = 0;
    u64 flags = 0;
    const char* text = "";  ///< static storage
};

class Observer {
  public:
    virtual ~Observer() = default;
    virtual void on_event(const Event& event) = 0;
};

}  // namespace kernel
