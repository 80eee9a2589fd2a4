// Purpose: see proc_list.h. Linux: fs/readdir.c filldir64(), filldir().
#include "kernel/syscalls/proc_list.h"

#include <cstring>

#include "kernel/fs/proc.h"

namespace kernel::calls {

namespace {

/// One record, padded to 8 bytes.
std::vector<u8> record(const ProcDirent& entry, u64 next, Dirent layout) {
    constexpr usize kNewName = 19, kOldName = 18;  // ino, off, reclen, and type where it comes first
    const bool is_new = layout == Dirent::k64;
    const usize name_at = is_new ? kNewName : kOldName;
    const usize size = (name_at + entry.name.size() + (is_new ? 1 : 2) + 7) & ~usize{7};
    std::vector<u8> bytes(size);
    const u16 length = static_cast<u16>(size);
    std::memcpy(bytes.data(), &entry.inode, 8);
    std::memcpy(bytes.data() + 8, &next, 8);
    std::memcpy(bytes.data() + 16, &length, 2);
    bytes[is_new ? 18 : size - 1] = entry.type;
    std::memcpy(bytes.data() + name_at, entry.name.data(), entry.name.size());
    return bytes;
}

}  // namespace

i64 list_proc(Syscall& call, OpenFile& file, Dirent layout) {
    const int room = static_cast<int>(call.args[2]);
    if (room < 0) return -EINVAL;
    const std::vector<ProcDirent> entries = proc_list(call.kernel, file.path);
    std::vector<u8> bytes;
    u64 next = file.offset;
    for (const ProcDirent& entry : entries) {
        if (entry.place < file.offset) continue;
        const std::vector<u8> one = record(entry, entry.place + 1, layout);
        if (bytes.size() + one.size() > static_cast<usize>(room)) {
            if (bytes.empty()) return -EINVAL;
            break;
        }
        bytes.insert(bytes.end(), one.begin(), one.end());
        next = entry.place + 1;
    }
    if (copy_to_user(call.system(), call.mm(), call.args[1], bytes.data(), bytes.size())) return -EFAULT;
    file.offset = next;
    return static_cast<i64>(bytes.size());
}

}  // namespace kernel::calls
