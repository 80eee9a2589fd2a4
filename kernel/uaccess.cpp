// Purpose: the loops behind copy_to_user() and its kin. See uaccess.h.
#include "kernel/uaccess.h"

#include <algorithm>
#include <cstring>

#include "kernel/fault.h"
#include "mmu/base/check.h"

namespace kernel {

using mmu::Access;
using mmu::VirtAddr;

bool access_ok(const MmStruct& mm, u64 addr, u64 size) {
    return size <= mm.task_size && addr <= mm.task_size - size;
}

std::span<u8> user_chunk(MemorySystem& system, MmStruct& mm, u64 addr, u64 bytes, Access access) {
    if (!bytes || !access_ok(mm, addr, 1)) return {};
    const u64 length = std::min(bytes, mmu::kPageSize - (addr & mmu::kPageOffsetMask));
    constexpr unsigned kMostFaultsOfOnePage = 8;  // read, copy, upper tables: never more than three
    for (unsigned tries = 0;; ++tries) {
        CHECK(tries < kMostFaultsOfOnePage, addr);
        auto translation = system.hw.translate(VirtAddr{addr}, access, mmu::Privilege::kSupervisorAc);
        if (translation) {
            CHECK(translation->host, addr, translation->physical.value);
            if (access == Access::kStore) system.memory.note_write(translation->physical.pfn());
            return {translation->host, length};
        }
        if (!fixup_user_fault(system, mm, translation.error())) return {};
    }
}

namespace {

/// Calls use(chunk, bytes done so far) over [addr, addr + bytes); the number of bytes left over.
template <class Use>
usize for_each_chunk(MemorySystem& system, MmStruct& mm, u64 addr, usize bytes, Access access, Use&& use) {
    usize done = 0;
    while (done < bytes) {
        const std::span<u8> chunk = user_chunk(system, mm, addr + done, bytes - done, access);
        if (chunk.empty()) break;
        use(chunk, done);
        done += chunk.size();
    }
    return bytes - done;
}

}  // namespace

usize copy_to_user(MemorySystem& system, MmStruct& mm, u64 to, const void* from, usize bytes) {
    if (!access_ok(mm, to, bytes)) return bytes;
    const u8* source = static_cast<const u8*>(from);
    return for_each_chunk(system, mm, to, bytes, Access::kStore, [&](std::span<u8> chunk, usize done) {
        std::memcpy(chunk.data(), source + done, chunk.size());
    });
}

usize copy_from_user(MemorySystem& system, MmStruct& mm, void* to, u64 from, usize bytes) {
    if (!access_ok(mm, from, bytes)) return bytes;
    u8* target = static_cast<u8*>(to);
    return for_each_chunk(system, mm, from, bytes, Access::kLoad, [&](std::span<u8> chunk, usize done) {
        std::memcpy(target + done, chunk.data(), chunk.size());
    });
}

usize clear_user(MemorySystem& system, MmStruct& mm, u64 to, usize bytes) {
    if (!access_ok(mm, to, bytes)) return bytes;
    return for_each_chunk(system, mm, to, bytes, Access::kStore,
                          [](std::span<u8> chunk, usize) { std::memset(chunk.data(), 0, chunk.size()); });
}

i64 strncpy_from_user(MemorySystem& system, MmStruct& mm, std::string& to, u64 from, usize count) {
    to.clear();
    while (to.size() < count) {
        const auto chunk = user_chunk(system, mm, from + to.size(), count - to.size(), Access::kLoad);
        if (chunk.empty()) return -EFAULT;
        const void* nul = std::memchr(chunk.data(), 0, chunk.size());
        const usize length =
            nul ? static_cast<usize>(static_cast<const u8*>(nul) - chunk.data()) : chunk.size();
        to.append(reinterpret_cast<const char*>(chunk.data()), length);
        if (nul) break;
    }
    return static_cast<i64>(to.size());
}

}  // namespace kernel
