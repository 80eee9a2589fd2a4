// Purpose: the host memory behind mem_map. See page.h.
#include "kernel/page.h"

#include <sys/mman.h>

#include "mmu/base/check.h"

namespace kernel {

MemMap::MemMap(u64 frames) : frames_(frames) {
    void* mapping = ::mmap(nullptr, frames * sizeof(Page), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(mapping != MAP_FAILED, frames);
    pages_ = static_cast<Page*>(mapping);  // zero bytes are a valid struct page without owner
}

MemMap::~MemMap() {
    ::munmap(pages_, frames_ * sizeof(Page));
}

}  // namespace kernel
