// Purpose: the architecture's half of a page fault: who asked, is there an area, may it, and what a failure
// becomes. Linux: arch/x86/mm/fault.c exc_page_fault() .. do_user_addr_fault(), mm/mmap.c expand_downwards().
// Deviation: no per-VMA lock step and no retry: nobody else can hold a lock or do I/O meanwhile.
#include "kernel/fault.h"

#include <csignal>

#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"
#include "mmu/base/check.h"

namespace kernel {

using Code = mmu::PageFaultCode;
using mmu::Fault;

namespace {

FaultOutcome signal_outcome(MemorySystem& system, const Fault& fault, int signal, int si_code, u64 error_code,
                            const char* text) {
    system.faults.signalled++;
    system.notify({.kind = EventKind::kFaultVerdict,
                   .address = fault.address.value,
                   .after = system.faults.signalled,
                   .text = text});
    FaultOutcome outcome;
    outcome.kind = FaultOutcome::Kind::kSignal;
    outcome.signal = signal;
    outcome.si_code = si_code;
    outcome.address = outcome.cr2 = fault.address.value;
    outcome.error_code = error_code;
    return outcome;
}

/// bad_area_nosemaphore(): there is no mapping here.
FaultOutcome bad_area(MemorySystem& system, const Fault& fault, u64 error_code) {
    return signal_outcome(system, fault, SIGSEGV, SEGV_MAPERR, error_code, "SIGSEGV SEGV_MAPERR");
}

/// bad_area_access_from_pkeys(): the page's key, or the area's where no page is there yet.
bool denied_by_key(const MemorySystem& system, u32 error_code, const VmAreaStruct& vma) {
    return (error_code & Code::kProtectionKey) ||
           !vma_access_permitted(system, vma, error_code & Code::kWrite, error_code & Code::kFetch);
}

/// bad_area_access_error(): there is one, and it forbids this.
FaultOutcome bad_area_access_error(MemorySystem& system, MmStruct& mm, const Fault& fault) {
    const VmAreaStruct* vma = mm.mm_mt.vma_lookup(fault.address.value);
    if (!vma || !denied_by_key(system, fault.error_code, *vma))
        return signal_outcome(system, fault, SIGSEGV, SEGV_ACCERR, fault.error_code, "SIGSEGV SEGV_ACCERR");
    FaultOutcome outcome =
        signal_outcome(system, fault, SIGSEGV, SEGV_PKUERR, fault.error_code, "SIGSEGV SEGV_PKUERR");
    outcome.pkey = static_cast<u32>(vma_pkey(*vma));
    return outcome;
}

/// access_error(): does the area forbid what the fault wanted?
bool access_error(const MemorySystem& system, u32 error_code, const VmAreaStruct& vma) {
    if (denied_by_key(system, error_code, vma)) return true;
    if (error_code & Code::kWrite) return !(vma.vm_flags & VM_WRITE);
    if (error_code & Code::kPresent) return true;
    return !(vma.vm_flags & VM_ACCESS_FLAGS);
}

u32 fault_flags_of(u32 error_code, bool user) {
    u32 flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_INTERRUPTIBLE;
    if (error_code & Code::kWrite) flags |= FAULT_FLAG_WRITE;
    if (error_code & Code::kFetch) flags |= FAULT_FLAG_INSTRUCTION;
    if (user) flags |= FAULT_FLAG_USER;
    return flags;
}

/// What do_user_addr_fault() found out; the two kinds of caller turn it into their own answer.
enum class Verdict : u8 { kSolved, kMapErr, kAccErr, kSigbus, kOom };

Verdict do_user_addr_fault(MemorySystem& system, MmStruct& mm, const Fault& fault, bool user) {
    const u64 address = fault.address.value;
    // A reserved bit means a corrupt page table (pgtable_bad()), and only this kernel writes those.
    CHECK(!(fault.error_code & Code::kReserved), address, fault.error_code);
    VmAreaStruct* vma = lock_mm_and_find_vma(system, mm, address);
    if (!vma) return Verdict::kMapErr;
    if (access_error(system, fault.error_code, *vma)) {
        system.notify({.kind = EventKind::kAccessError, .address = address, .flags = vma->vm_flags});
        return Verdict::kAccErr;
    }
    const u32 result = handle_mm_fault(system, mm, *vma, address, fault_flags_of(fault.error_code, user));
    if (!(result & VM_FAULT_ERROR)) [[likely]]
        return Verdict::kSolved;
    if (result & VM_FAULT_OOM) return Verdict::kOom;
    return result & VM_FAULT_SIGBUS ? Verdict::kSigbus : Verdict::kMapErr;
}

}  // namespace

FaultOutcome do_page_fault(MemorySystem& system, MmStruct& mm, const Fault& fault,
                           const mmu::Registers& registers) {
    CHECK(fault.vector == mmu::Vector::kPageFault, static_cast<u64>(fault.vector));
    system.faults.total++;
    system.notify({.kind = EventKind::kFaultEntry,
                   .address = fault.address.value,
                   .after = registers.rip,
                   .flags = fault.error_code});
    if (fault.address.value >= mm.task_size) {  // do_kern_addr_fault()
        system.notify({.kind = EventKind::kKernelAddress, .address = fault.address.value});
        // set_signal_archinfo(): whether the kernel maps something there is nobody's business.
        return bad_area(system, fault, fault.error_code | Code::kPresent | Code::kUser);
    }
    switch (do_user_addr_fault(system, mm, fault, true)) {
        [[likely]] case Verdict::kSolved : return {};
        case Verdict::kMapErr:
            return bad_area(system, fault, fault.error_code);
        case Verdict::kAccErr:
            return bad_area_access_error(system, mm, fault);
        case Verdict::kSigbus:
            return signal_outcome(system, fault, SIGBUS, BUS_ADRERR, fault.error_code, "SIGBUS BUS_ADRERR");
        case Verdict::kOom:
            break;
    }
    FaultOutcome outcome = signal_outcome(system, fault, SIGKILL, 0, fault.error_code, "out of memory");
    outcome.kind = FaultOutcome::Kind::kOom;
    return outcome;
}

bool fixup_user_fault(MemorySystem& system, MmStruct& mm, const Fault& fault) {
    if (fault.vector != mmu::Vector::kPageFault || fault.address.value >= mm.task_size) return false;
    system.faults.total++;
    system.faults.kernel_mode++;
    system.notify(
        {.kind = EventKind::kFaultEntry, .address = fault.address.value, .flags = fault.error_code});
    const bool solved = do_user_addr_fault(system, mm, fault, false) == Verdict::kSolved;
    if (!solved)
        system.notify({.kind = EventKind::kFaultVerdict, .address = fault.address.value, .text = "EFAULT"});
    return solved;
}

VmAreaStruct* lock_mm_and_find_vma(MemorySystem& system, MmStruct& mm, u64 address) {
    VmAreaStruct* vma = mm.mm_mt.find_vma(address);
    if (system.observer) [[unlikely]]
        system.observer->on_event({.kind = EventKind::kFindVma,
                                   .address = address,
                                   .start = vma ? vma->vm_start : 0,
                                   .end = vma ? vma->vm_end : 0,
                                   .flags = vma ? vma->vm_flags : 0});
    if (!vma) return nullptr;
    if (vma->vm_start <= address) [[likely]]
        return vma;
    if (!(vma->vm_flags & VM_GROWSDOWN)) return nullptr;
    if (expand_downwards(system, mm, *vma, address)) return nullptr;
    system.faults.stack_growth++;
    return vma;
}

namespace {

/// acct_stack_growth(): null, or why not.
const char* stack_growth_refused(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma,
                                 u64 size, u64 grow_pages) {
    if (!may_expand_vm(mm, vma.vm_flags, grow_pages)) return "RLIMIT_AS";
    if (size > mm.rlimit(kRlimitStack)) return "RLIMIT_STACK";
    if (!mlock_future_ok(mm, vma.vm_flags, grow_pages << mmu::kPageShift)) return "RLIMIT_MEMLOCK";
    if (!vm_enough_memory(system, grow_pages)) return "overcommit";
    return nullptr;
}

const char* stack_gap_refused(MmStruct& mm, const VmAreaStruct& vma, u64 address) {
    if (address < kMmapMinAddr) return "mmap_min_addr";
    const VmAreaStruct* prev = mm.mm_mt.prev_of(vma);
    if (!prev) return nullptr;
    if (address < prev->vm_end) return "occupied";
    const bool guarded = !(prev->vm_flags & VM_GROWSDOWN) && (prev->vm_flags & VM_ACCESS_FLAGS);
    return guarded && address - prev->vm_end < kStackGuardGap ? "guard gap" : nullptr;
}

}  // namespace

const char* stack_expansion_refused(const MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma,
                                    u64 address) {
    address = mmu::align_down(address, mmu::kPageSize);
    if (const char* const gap = stack_gap_refused(mm, vma, address)) return gap;
    if (address >= vma.vm_start) return nullptr;
    return stack_growth_refused(system, mm, vma, vma.vm_end - address, pages_of(vma.vm_start - address));
}

int expand_downwards(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 address) {
    if (!(vma.vm_flags & VM_GROWSDOWN)) return -EFAULT;
    address = mmu::align_down(address, mmu::kPageSize);
    const u64 before = vma.vm_start;
    const u64 grow = address < before ? pages_of(before - address) : 0;
    const char* const refused = stack_expansion_refused(system, mm, vma, address);
    system.notify({.kind = EventKind::kStackExpand,
                   .address = address,
                   .before = before,
                   .after = refused ? before : address,
                   .text = refused ? refused : ""});
    if (refused) return -ENOMEM;
    if (!vma.anon_vma) vma.anon_vma = mm.next_anon_vma++;
    if (!grow) return 0;
    vm_stat_account(mm, vma.vm_flags, static_cast<i64>(grow));
    if (vma.vm_flags & VM_LOCKED) mm.locked_vm += grow;
    vma.vm_pgoff -= grow;
    mm.mm_mt.set_range(vma, address, vma.vm_end);
    return 0;
}

}  // namespace kernel
