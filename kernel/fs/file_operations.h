// What an open file of our own can do: a table of functions for each kind of object (pipe, eventfd, epoll,
// socket, ...). The objects themselves lie in tables by id (ipc.h); an open file has the id. Functions do one
// step without waiting: -EAGAIN says that nothing could be done, and file_io.cpp waits where the file is a
// blocking one. Linux: include/linux/fs.h struct file_operations.
#pragma once

#include <span>

#include "kernel/fs/file_table.h"
#include "kernel/wait.h"

namespace kernel {

class UserStream;

struct FileCall {
    KernelState& kernel;
    Task& task;
    OpenFile& file;
};

struct FileOperations {
    const char* name;  ///< what /proc/PID/fd/N shows: "anon_inode:[eventfd]"; "pipe": "pipe:[inode]"
    /// Bytes moved or -errno. `write` may move fewer than `size`.
    i64 (*read)(FileCall& call, UserStream& to, u64 size) = nullptr;
    i64 (*write)(FileCall& call, UserStream& from, u64 size) = nullptr;
    /// POLLIN, POLLOUT, ... that hold now.
    short (*poll)(KernelState& kernel, Task& task, const OpenFile& file) = nullptr;
    /// Woken whenever poll()'s answer may have got new bits. Never two files' in one kind of event.
    WaitKey (*key)(const Task& task, const OpenFile& file) = nullptr;
    /// The last descriptor is gone.
    void (*release)(KernelState& kernel, OpenFile& file) = nullptr;
    /// -ENOTTY without one.
    i64 (*ioctl)(FileCall& call, u64 request, u64 argument) = nullptr;
    /// Adds more than `key` to a wait: host descriptors, deadlines, other files' keys.
    void (*watch)(KernelState& kernel, Task& task, const OpenFile& file, short events,
                  WaitFor& wait) = nullptr;
    /// write() from our own memory (sendfile, splice).
    i64 (*give)(KernelState& kernel, Task& task, OpenFile& file, std::span<const u8> bytes) = nullptr;
    /// show_fdinfo(): lines of /proc/PID/fdinfo/N beside those of every file.
    std::string (*info)(KernelState& kernel, const OpenFile& file) = nullptr;
};

}  // namespace kernel
