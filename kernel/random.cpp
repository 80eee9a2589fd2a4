#include "kernel/random.h"

#include <cstring>

#include "kernel/errno.h"
#include "kernel/uaccess.h"

namespace kernel {

i64 random_to_user(KernelState& kernel, Task& task, u64 address, u64 bytes) {
    MmStruct& mm = kernel.mm_of(task);
    u64 done = 0;
    while (done < bytes) {
        u8 block[256];
        const usize size = std::min<u64>(sizeof block, bytes - done);
        for (usize i = 0; i < sizeof block; i += 8) {
            const u64 word = kernel.rng.next();
            std::memcpy(block + i, &word, sizeof word);
        }
        const usize left = copy_to_user(kernel.system, mm, address + done, block, size);
        done += size - left;
        if (left) break;
    }
    return done || !bytes ? static_cast<i64>(done) : -EFAULT;
}

}  // namespace kernel
