// Page faults, function by function as Linux takes them: arch/x86/mm/fault.c, mm/memory.c (6.12). A fault
// goes in as a value and comes out as a verdict; it knows nothing of who trapped, of signals' delivery or of
// instructions.
#pragma once

#include "kernel/mm.h"
#include "mmu/arch/fault.h"
#include "mmu/arch/registers.h"

namespace kernel {

/// What the trapping task has to do now.
struct FaultOutcome {
    enum class Kind : u8 {
        kRetry,   ///< solved: run the instruction again
        kSignal,  ///< force_sig_fault(signal, si_code, si_addr)
        kOom,     ///< no frame left: end the guest as the OOM killer does (SIGKILL)
    };
    Kind kind = Kind::kRetry;
    int signal = 0;      ///< SIGSEGV or SIGBUS
    int si_code = 0;     ///< SEGV_MAPERR 1, SEGV_ACCERR 2, SEGV_PKUERR 4, BUS_ADRERR 2
    u64 address = 0;     ///< si_addr: the faulting byte (the name si_addr is a macro of <csignal>)
    u32 pkey = 0;        ///< si_pkey of SEGV_PKUERR
    u64 trapno = 14;     ///< sigcontext
    u64 error_code = 0;  ///< sigcontext; P|U are forced for kernel addresses
    u64 cr2 = 0;         ///< sigcontext
};

/// exc_page_fault() of user mode. `fault.vector` is kPageFault; anything else is the caller's.
FaultOutcome do_page_fault(MemorySystem& system, MmStruct& mm, const mmu::Fault& fault,
                           const mmu::Registers& registers);
/// The same for the kernel's own access to user memory: true: try again; false: the exception table's EFAULT.
bool fixup_user_fault(MemorySystem& system, MmStruct& mm, const mmu::Fault& fault);

enum FaultFlag : u32 {
    FAULT_FLAG_WRITE = 0x01,
    FAULT_FLAG_ALLOW_RETRY = 0x04,
    FAULT_FLAG_KILLABLE = 0x10,
    FAULT_FLAG_TRIED = 0x20,
    FAULT_FLAG_USER = 0x40,
    FAULT_FLAG_REMOTE = 0x80,  ///< gup: populate, mlock
    FAULT_FLAG_INSTRUCTION = 0x100,
    FAULT_FLAG_INTERRUPTIBLE = 0x200,
};
enum VmFault : u32 {
    VM_FAULT_OOM = 0x01,
    VM_FAULT_SIGBUS = 0x02,
    VM_FAULT_MAJOR = 0x04,
    VM_FAULT_SIGSEGV = 0x40,
    VM_FAULT_NOPAGE = 0x100,
    VM_FAULT_FALLBACK = 0x800,  ///< no huge page: try small ones
};
inline constexpr u32 VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV;

/// Makes the page of `address` present with the rights that `flags` ask for. VM_FAULT_*.
u32 handle_mm_fault(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 address, u32 flags);
/// find_vma() with stack growth. Null: SEGV_MAPERR.
VmAreaStruct* lock_mm_and_find_vma(MemorySystem& system, MmStruct& mm, u64 address);
/// Moves vm_start of a GROWSDOWN area down to `address`. 0 or -ENOMEM.
int expand_downwards(MemorySystem& system, MmStruct& mm, VmAreaStruct& vma, u64 address);
/// Why expand_downwards() would refuse: "guard gap", "RLIMIT_STACK", ...; null: it would not.
const char* stack_expansion_refused(const MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma,
                                    u64 address);
/// Makes [start, end) present. kIgnore goes on with the next area after an error (mmap, mlockall), kStop ends
/// there (mlock). 0 or -errno; running out of memory ends both.
enum class PopulateErrors : u8 { kIgnore, kStop };
int __mm_populate(MemorySystem& system, MmStruct& mm, u64 start, u64 end, PopulateErrors errors);
inline void mm_populate(MemorySystem& system, MmStruct& mm, u64 start, u64 end) {
    __mm_populate(system, mm, start, end, PopulateErrors::kIgnore);
}

}  // namespace kernel
