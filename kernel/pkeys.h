// Protection keys: which a process has, what an area's key is, and what PKRU makes of it. PKRU itself is the
// MMU's register; the page tables carry the keys (vma.h). It knows nothing of faults or signals. Linux:
// include/linux/pkeys.h, arch/x86/include/asm/pkeys.h, pkru.h, arch/x86/mm/pkeys.c, mm/mprotect.c
// pkey_alloc(2).
#pragma once

#include "kernel/mm.h"

namespace kernel {

inline constexpr u64 PKEY_DISABLE_ACCESS_ = 1, PKEY_DISABLE_WRITE_ = 2;
inline constexpr int kNoPkey = -1;                 ///< mprotect(2): not pkey_mprotect(2)
inline constexpr u32 kInitPkru = 0x55555554;       ///< init_pkru_value: access to key 0 alone
inline constexpr u64 kXfeaturePkru = u64{1} << 9;  ///< XFEATURE_MASK_PKRU

/// X86_FEATURE_OSPKE.
inline bool arch_pkeys_enabled(const MemorySystem& system) {
    return system.hw.control().pke();
}
inline u32 read_pkru(const MemorySystem& system) {
    return system.hw.control().pkru;
}
/// Nothing without OSPKE.
void write_pkru(MemorySystem& system, u32 pkru);

/// init_new_context().
void init_pkeys(const MemorySystem& system, MmStruct& mm);
/// arch_dup_pkeys().
void dup_pkeys(MmStruct& fresh, const MmStruct& old);

constexpr int vma_pkey(const VmAreaStruct& vma) {
    return static_cast<int>((vma.vm_flags & ARCH_VM_PKEY_FLAGS) >> VM_PKEY_SHIFT);
}
/// arch_calc_vm_prot_bits(): the VM_PKEY_* bits of a key.
constexpr u64 pkey_vm_flags(int pkey) {
    return static_cast<u64>(pkey) << VM_PKEY_SHIFT & ARCH_VM_PKEY_FLAGS;
}

bool mm_pkey_is_allocated(const MemorySystem& system, const MmStruct& mm, int pkey);
/// The key that only execution goes past, made with its first use; -1: none is left.
int execute_only_pkey(MemorySystem& system, MmStruct& mm);
/// arch_override_mprotect_pkey(): the key that `vma` has after mprotect(prot), or pkey_mprotect() with
/// `pkey`.
int arch_override_mprotect_pkey(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 prot,
                                int pkey);
/// arch_vma_access_permitted() for the task's own memory: PKRU allows this access. Fetches always are.
bool vma_access_permitted(const MemorySystem& system, const VmAreaStruct& vma, bool write, bool execute);

i64 sys_pkey_alloc(MemorySystem& system, MmStruct& mm, u64 flags, u64 init_val);
i64 sys_pkey_free(MemorySystem& system, MmStruct& mm, int pkey);

}  // namespace kernel
