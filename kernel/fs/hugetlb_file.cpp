#include "kernel/fs/hugetlb_file.h"

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/state.h"

namespace kernel {

namespace {

short poll_nothing(KernelState&, Task&, const OpenFile&) {
    return 0x45;  // POLLIN | POLLOUT | POLLRDNORM, as a regular file
}
WaitKey never_woken(const Task&, const OpenFile& file) {
    return wait_key(WaitKind::kOther, file.object);
}
void release(KernelState& kernel, OpenFile& file) {
    kernel.system.page_cache.put(kernel.system, file.object);
}

}  // namespace

const FileOperations kHugetlbFileOperations = {
    .name = "/memfd:", .poll = poll_nothing, .key = never_woken, .release = release};

std::optional<OpenFile> make_hugetlb_file(KernelState& kernel, u64 size_log, const std::string& path) {
    const HState* h = hstate_sizelog(kernel.system, size_log);
    if (!h) return std::nullopt;
    const FileId id = hugetlb_file_setup(kernel.system, *h, 0, path);
    OpenFile file = anon_file(kHugetlbFileOperations, id, O_RDWR);
    file.path = path;
    file.status.st_mode = S_IFREG | 0777;
    file.status.st_nlink = 0;
    file.status.st_blksize = static_cast<blksize_t>(h->size());
    file.status.st_ino = kernel.system.page_cache.mapping_of(id).identity.ino;
    return file;
}

int truncate_hugetlb_file(KernelState& kernel, OpenFile& file, u64 length) {
    MemorySystem& system = kernel.system;
    AddressSpace& space = system.page_cache.mapping_of(file.object);
    HugetlbInode& inode = *space.hugetlb;
    const u64 size = mmu::kPageSize << inode.order;
    if (length % size) return -EINVAL;
    const u64 first = length / size;
    for (auto& [id, mm] : kernel.mms) {  // hugetlb_vmdelete_list()
        MmuGather tlb(system, mm);
        for (auto& [end, vma] : mm.mm_mt) {
            if (!(vma.vm_flags & VM_HUGETLB) || &system.page_cache.mapping_of(vma.vm_file) != &space)
                continue;
            const u64 start = vma.vm_pgoff >> inode.order;
            const u64 skip = first > start ? (first - start) * size : 0;
            if (skip < vma.size()) unmap_hugepage_range(tlb, mm, vma, vma.vm_start + skip, vma.vm_end);
        }
    }
    hugetlb_remove_pages(system, space, first, ~u64{0});
    inode.size_bytes = length;
    file.status.st_size = static_cast<off_t>(length);
    return 0;
}

}  // namespace kernel
