// Purpose: the keys of a process. See pkeys.h. Deviation: mlock(2) and MAP_POPULATE make pages present whatever
// PKRU says.
#include "kernel/pkeys.h"

#include <bit>
#include <cerrno>

#include "mmu/base/check.h"

namespace kernel {

namespace {

constexpr u32 kAccessDisable = 1, kWriteDisable = 2;
constexpr u64 kProtExec = 4;

int arch_max_pkey(const MemorySystem& system) {
    return arch_pkeys_enabled(system) ? 16 : 1;
}

/// __pkru_allows_pkey()
bool pkru_allows(u32 pkru, int pkey, bool write) {
    const u32 bits = pkru >> (2 * pkey);
    return !(bits & kAccessDisable) && !(write && (bits & kWriteDisable));
}

/// mm_pkey_alloc(): -1 when all are taken.
int mm_pkey_alloc(const MemorySystem& system, MmStruct& mm) {
    const u16 all = static_cast<u16>((1u << arch_max_pkey(system)) - 1);
    if (mm.pkey_allocation_map == all) return -1;
    const int pkey = std::countr_one(mm.pkey_allocation_map);
    mm.pkey_allocation_map |= static_cast<u16>(1u << pkey);
    return pkey;
}

void mm_set_pkey_free(MmStruct& mm, int pkey) {
    mm.pkey_allocation_map &= static_cast<u16>(~(1u << pkey));
}

int mm_pkey_free(const MemorySystem& system, MmStruct& mm, int pkey) {
    if (!mm_pkey_is_allocated(system, mm, pkey)) return -EINVAL;
    mm_set_pkey_free(mm, pkey);
    return 0;
}

/// arch_set_user_pkey_access(): the running task's rights to `pkey`, PKEY_DISABLE_*. 0 or -EINVAL.
int set_user_pkey_access(MemorySystem& system, int pkey, u64 rights) {
    if (!arch_pkeys_enabled(system)) return -EINVAL;
    CHECK(pkey >= 0 && pkey < 16, pkey);
    const unsigned shift = 2 * static_cast<unsigned>(pkey);
    const u32 bits = (rights & PKEY_DISABLE_ACCESS_ ? kAccessDisable : 0) |
                     (rights & PKEY_DISABLE_WRITE_ ? kWriteDisable : 0);
    const u32 others = read_pkru(system) & ~((kAccessDisable | kWriteDisable) << shift);
    write_pkru(system, others | bits << shift);
    return 0;
}

}  // namespace

void write_pkru(MemorySystem& system, u32 pkru) {
    if (arch_pkeys_enabled(system)) system.hw.write_pkru(pkru);
}

/// Without OSPKE both stay 0, which makes the answers of Linux there: EINVAL to the first pkey_alloc(), then
/// ENOSPC.
void init_pkeys(const MemorySystem& system, MmStruct& mm) {
    if (!arch_pkeys_enabled(system)) return;
    mm.pkey_allocation_map = 1;
    mm.execute_only_pkey = -1;
}

void dup_pkeys(MmStruct& fresh, const MmStruct& old) {
    fresh.pkey_allocation_map = old.pkey_allocation_map;
    fresh.execute_only_pkey = old.execute_only_pkey;
}

bool mm_pkey_is_allocated(const MemorySystem& system, const MmStruct& mm, int pkey) {
    if (pkey < 0 || pkey >= arch_max_pkey(system)) return false;
    if (pkey == mm.execute_only_pkey) return false;  // nobody else's business
    return mm.pkey_allocation_map >> pkey & 1;
}

int execute_only_pkey(MemorySystem& system, MmStruct& mm) {
    if (!arch_pkeys_enabled(system)) return -1;
    int pkey = mm.execute_only_pkey;
    const bool fresh = pkey == -1;
    if (fresh && (pkey = mm_pkey_alloc(system, mm)) < 0) return -1;
    if (!fresh && !pkru_allows(read_pkru(system), pkey, false)) return pkey;
    set_user_pkey_access(system, pkey, PKEY_DISABLE_ACCESS_);
    mm.execute_only_pkey = static_cast<mmu::i16>(pkey);
    return pkey;
}

int arch_override_mprotect_pkey(MemorySystem& system, MmStruct& mm, const VmAreaStruct& vma, u64 prot,
                                int pkey) {
    if (!arch_pkeys_enabled(system)) return 0;
    if (pkey != kNoPkey) return pkey;
    if (prot == kProtExec) {
        const int exec_only = execute_only_pkey(system, mm);
        if (exec_only > 0) return exec_only;
    } else if ((vma.vm_flags & VM_ACCESS_FLAGS) == VM_EXEC && vma_pkey(vma) == mm.execute_only_pkey) {
        return 0;  // it was execute-only and is no longer
    }
    return vma_pkey(vma);
}

bool vma_access_permitted(const MemorySystem& system, const VmAreaStruct& vma, bool write, bool execute) {
    return execute || !arch_pkeys_enabled(system) || pkru_allows(read_pkru(system), vma_pkey(vma), write);
}

i64 sys_pkey_alloc(MemorySystem& system, MmStruct& mm, u64 flags, u64 init_val) {
    if (flags) return -EINVAL;
    if (init_val & ~(PKEY_DISABLE_ACCESS_ | PKEY_DISABLE_WRITE_)) return -EINVAL;
    const int pkey = mm_pkey_alloc(system, mm);
    if (pkey < 0) return -ENOSPC;
    if (const int error = set_user_pkey_access(system, pkey, init_val)) {
        mm_pkey_free(system, mm, pkey);
        return error;
    }
    return pkey;
}

i64 sys_pkey_free(MemorySystem& system, MmStruct& mm, int pkey) {
    return mm_pkey_free(system, mm, pkey);
}

}  // namespace kernel
