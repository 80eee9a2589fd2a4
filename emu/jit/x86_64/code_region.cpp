#include "emu/jit/x86_64/code_region.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "mmu/base/check.h"

namespace emu {

std::unique_ptr<CodeRegion> CodeRegion::create(usize code_bytes, usize data_bytes) {
    const int file = memfd_create("mmuscope-code", MFD_CLOEXEC);
    if (file < 0) return nullptr;
    std::unique_ptr<CodeRegion> region(new CodeRegion);
    region->code_bytes_ = code_bytes;
    region->data_bytes_ = data_bytes;
    bool good = ftruncate(file, static_cast<off_t>(code_bytes)) == 0;
    if (good) {
        // The whole range first, so that code and data are neighbours.
        void* whole = mmap(nullptr, code_bytes + data_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        good = whole != MAP_FAILED;
        if (good) region->executable_ = static_cast<u8*>(whole);
    }
    if (good)
        good = mmap(region->executable_, code_bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file,
                    0) != MAP_FAILED;
    if (good) {
        void* writable = mmap(nullptr, code_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        good = writable != MAP_FAILED;
        if (good) region->writable_ = static_cast<u8*>(writable);
    }
    ::close(file);
    if (!good) region = nullptr;
    return region;
}

CodeRegion::~CodeRegion() {
    if (executable_) munmap(executable_, code_bytes_ + data_bytes_);
    if (writable_) munmap(writable_, code_bytes_);
}

void* CodeRegion::take_data(usize bytes) {
    if (data_bytes_ - data_used_ < bytes) return nullptr;
    void* const memory = executable_ + code_bytes_ + data_used_;
    data_used_ += bytes;
    std::memset(memory, 0, bytes);
    return memory;
}

}  // namespace emu
