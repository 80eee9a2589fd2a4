// Memory calls: arguments from registers, everything else in mmap.h. Linux: mm/mmap.c ksys_mmap_pgoff().
#include <sys/mman.h>

#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/mmap.h"
#include "kernel/pkeys.h"
#include "kernel/syscalls/functions.h"

namespace kernel::calls {

i64 mmap(Syscall& call) {
    const auto [addr, len, prot, flags, fd, offset] = call.args;
    if (offset & mmu::kPageOffsetMask) return -EINVAL;
    if (flags & MAP_ANONYMOUS)
        return sys_mmap(call.system(), call.mm(), addr, len, prot, flags, nullptr, offset);
    const OpenFile* file = file_of(call.kernel, call.task, static_cast<int>(fd));
    if (!file) return -EBADF;
    MmapFile view = mmap_file_of(call.kernel, *file);
    return sys_mmap(call.system(), call.mm(), addr, len, prot, flags, &view, offset);
}

i64 munmap(Syscall& call) {
    return sys_munmap(call.system(), call.mm(), call.args[0], call.args[1]);
}

i64 mprotect(Syscall& call) {
    return sys_mprotect(call.system(), call.mm(), call.args[0], call.args[1], call.args[2]);
}

i64 pkey_mprotect(Syscall& call) {
    const auto& a = call.args;
    return sys_pkey_mprotect(call.system(), call.mm(), a[0], a[1], a[2], call.integer(3));
}

i64 pkey_alloc(Syscall& call) {
    return sys_pkey_alloc(call.system(), call.mm(), call.args[0], call.args[1]);
}

i64 pkey_free(Syscall& call) {
    return sys_pkey_free(call.system(), call.mm(), call.integer(0));
}

i64 brk(Syscall& call) {
    return static_cast<i64>(sys_brk(call.system(), call.mm(), call.args[0]));
}

i64 mremap(Syscall& call) {
    const auto& a = call.args;
    return sys_mremap(call.system(), call.mm(), a[0], a[1], a[2], a[3], a[4]);
}

i64 remap_file_pages(Syscall& call) {
    const auto& a = call.args;
    return sys_remap_file_pages(call.system(), call.mm(), a[0], a[1], a[2], a[3], a[4]);
}

i64 madvise(Syscall& call) {
    return sys_madvise(call.system(), call.mm(), call.args[0], call.args[1], call.integer(2));
}

i64 mincore(Syscall& call) {
    return sys_mincore(call.system(), call.mm(), call.args[0], call.args[1], call.args[2]);
}

i64 msync(Syscall& call) {
    return sys_msync(call.system(), call.mm(), call.args[0], call.args[1], call.args[2] & 0xffffffff);
}

i64 mlock(Syscall& call) {
    return sys_mlock2(call.system(), call.mm(), call.args[0], call.args[1], 0);
}

i64 mlock2(Syscall& call) {
    return sys_mlock2(call.system(), call.mm(), call.args[0], call.args[1], call.args[2] & 0xffffffff);
}

i64 munlock(Syscall& call) {
    return sys_munlock(call.system(), call.mm(), call.args[0], call.args[1]);
}

i64 mlockall(Syscall& call) {
    return sys_mlockall(call.system(), call.mm(), call.args[0] & 0xffffffff);
}

i64 munlockall(Syscall& call) {
    return sys_munlockall(call.system(), call.mm());
}

}  // namespace kernel::calls
