// What the three kinds of System V objects have in common: ids, permissions, times. An object is a
// KernIpcPerm. Linux: ipc/util.c. Deviation: no namespaces.
#pragma once

#include <sys/ipc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>

#include "kernel/host/host.h"
#include "kernel/state.h"
#include "kernel/time_values.h"

namespace kernel {

inline constexpr int kIpcIndexShift = 15;  ///< an id: a sequence number above it, an index below
inline constexpr u32 kIpcRead = 0400, kIpcWrite = 0200;

inline i64 ipc_now_seconds(const KernelState& kernel) {
    return static_cast<i64>(realtime_ns(kernel) / kNsPerSecond);
}
inline int ipc_index(int id) {
    return id & ((1 << kIpcIndexShift) - 1);
}

/// Whether the kernel would have `bytes` of memory for all objects of a kind: a quarter of RAM. Deviation:
/// they are not taken from it.
inline bool ipc_memory_suffices(const KernelState& kernel, u64 bytes) {
    return bytes <= kernel.system.buddy.managed_frames() * mmu::kPageSize / 4;
}

/// ipcperms(): all of `wanted` (as of an owner: 0400, 0200) is allowed.
inline bool ipc_permitted(const KernIpcPerm& object, u32 wanted) {
    if (host::geteuid() == 0) return true;  // CAP_IPC_OWNER
    u32 granted = object.mode;
    if (host::geteuid() == object.cuid || host::geteuid() == object.uid) {
        granted >>= 6;
    } else if (host::getegid() == object.cgid || host::getegid() == object.gid) {
        granted >>= 3;
    }
    return !((wanted >> 6) & ~granted & 07);
}

/// ipcctl_obtain_check(): IPC_SET and IPC_RMID.
inline bool ipc_owned(const KernIpcPerm& object) {
    return host::geteuid() == 0 || host::geteuid() == object.uid || host::geteuid() == object.cuid;
}

/// ipc_addid(): the next index in a cycle of 64 (ipc_min_cycle), more when more are in use; fills in what all
/// objects have.
template <class State, class Object>
int ipc_add(State& state, std::map<int, Object>& objects, Object object, const KernelState& kernel, u32 key,
            int flags, unsigned most) {
    const auto used = [&](unsigned index) {
        return std::any_of(objects.begin(), objects.end(), [&](const auto& entry) {
            return static_cast<unsigned>(ipc_index(entry.first)) == index;
        });
    };
    const unsigned cycle =
        std::min<unsigned>(std::max<unsigned>(static_cast<unsigned>(objects.size()) * 3 / 2, 64), most);
    unsigned index = state.next_index % cycle;
    while (used(index)) index = (index + 1) % cycle;
    if (index < state.next_index) ++state.seq;
    state.next_index = index + 1;
    object.key = key;
    object.mode = static_cast<u32>(flags) & 0777;
    object.uid = object.cuid = host::geteuid();
    object.gid = object.cgid = host::getegid();
    object.seq = state.seq;
    object.ctime = ipc_now_seconds(kernel);
    const int id = static_cast<int>((state.seq & 0xffff) << kIpcIndexShift | index);
    objects.emplace(id, std::move(object));
    return id;
}

/// ipcget(): the object of `key`, or -ENOENT: it is to be made. `fits`: 0 or what is wrong with what is
/// there.
template <class Object, class Fits>
i64 ipc_find_key(const std::map<int, Object>& objects, u32 key, int flags, Fits fits) {
    if (key == IPC_PRIVATE) return -ENOENT;
    for (const auto& [id, object] : objects) {
        if (object.key != key) continue;
        if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return -EEXIST;
        if (const int error = fits(object)) return error;
        const u32 wanted = static_cast<u32>(flags | flags << 3 | flags << 6) & 0700;
        return ipc_permitted(object, wanted) ? id : -EACCES;
    }
    return -ENOENT;
}

/// The object that a call of *ctl names: by its id, or for the _STAT commands by its index. Null: EINVAL.
template <class Object>
Object* ipc_named(std::map<int, Object>& objects, int& id, bool by_index) {
    if (!by_index) {
        const auto found = objects.find(id);
        return found == objects.end() ? nullptr : &found->second;
    }
    for (auto& [number, object] : objects) {
        if (ipc_index(number) != id) continue;
        id = number;
        return &object;
    }
    return nullptr;
}

/// Index of the highest object: what IPC_INFO and its like return.
template <class Object>
i64 ipc_highest_index(const std::map<int, Object>& objects) {
    i64 highest = 0;
    for (const auto& [id, object] : objects) highest = std::max<i64>(highest, ipc_index(id));
    return highest;
}

/// kernel_to_ipc64_perm()
inline void ipc_fill(const KernIpcPerm& object, ipc_perm& out) {
    out.__key = static_cast<key_t>(object.key);
    out.uid = object.uid;
    out.gid = object.gid;
    out.cuid = object.cuid;
    out.cgid = object.cgid;
    out.mode = static_cast<decltype(out.mode)>(object.mode);
    out.__seq = static_cast<unsigned short>(object.seq);
}

/// ipc_update_perm()
inline void ipc_update(const KernelState& kernel, KernIpcPerm& object, const ipc_perm& wanted) {
    object.uid = wanted.uid;
    object.gid = wanted.gid;
    object.mode = (object.mode & ~0777u) | (wanted.mode & 0777u);
    object.ctime = ipc_now_seconds(kernel);
}

}  // namespace kernel
