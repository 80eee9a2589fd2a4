// The kernel's only way to user memory: through Mmu::translate(), a page chunk at a time, with the page-fault
// handler behind it, exactly as a copy instruction with an exception table. Linux:
// arch/x86/include/asm/uaccess.h. Deviation: one reference is counted for each page chunk, where hardware
// makes one for each word.
#pragma once

#include <cerrno>
#include <span>
#include <string>
#include <type_traits>

#include "kernel/mm.h"

namespace kernel {

/// access_ok(): [addr, addr + size) lies below TASK_SIZE_MAX.
bool access_ok(const MmStruct& mm, u64 addr, u64 size);

/// The host bytes of the longest piece of [addr, addr + bytes) that lies in one page, faulted in for `access`
/// (kLoad or kStore). Empty: EFAULT (or bytes == 0). Valid until the next change of the address space. For
/// kStore the frame is taken as written.
std::span<u8> user_chunk(MemorySystem& system, MmStruct& mm, u64 addr, u64 bytes, mmu::Access access);

/// All three return the number of bytes that could NOT be copied or cleared; 0 is success.
usize copy_to_user(MemorySystem& system, MmStruct& mm, u64 to, const void* from, usize bytes);
usize copy_from_user(MemorySystem& system, MmStruct& mm, void* to, u64 from, usize bytes);
usize clear_user(MemorySystem& system, MmStruct& mm, u64 to, usize bytes);

/// The NUL-terminated string at `from` without its NUL, at most `count` bytes. Its length (== count: no NUL
/// found), or -EFAULT.
i64 strncpy_from_user(MemorySystem& system, MmStruct& mm, std::string& to, u64 from, usize count);

/// 0 or -EFAULT.
template <class T>
int get_user(MemorySystem& system, MmStruct& mm, T& value, u64 from) {
    static_assert(std::is_trivially_copyable_v<T>);
    return copy_from_user(system, mm, &value, from, sizeof value) ? -EFAULT : 0;
}
template <class T>
int put_user(MemorySystem& system, MmStruct& mm, const T& value, u64 to) {
    static_assert(std::is_trivially_copyable_v<T>);
    return copy_to_user(system, mm, to, &value, sizeof value) ? -EFAULT : 0;
}

}  // namespace kernel
