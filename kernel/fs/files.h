// Opening files for a task, and its descriptors: where the path policy (path.h), our own devices and /proc
// (proc.h) and the host's files meet. Failures are errno values, in Linux's order (fs/namei.c do_filp_open(),
// fs/open.c).
#pragma once

#include "kernel/state.h"

namespace kernel {

/// The descriptor's open file, or null: EBADF. An O_PATH descriptor counts only with `kAnyFile`.
enum class FileUse : mmu::u8 { kInputOutput, kAnyFile };
OpenFile* file_of(KernelState& kernel, Task& task, int fd, FileUse use = FileUse::kInputOutput);

/// Gives `file` the lowest free descriptor >= `from`; -EMFILE.
int install_file(KernelState& kernel, Task& task, OpenFile file, bool close_on_exec, int from = 0);
/// One more descriptor for an open file; -EMFILE.
int install_reference(KernelState& kernel, Task& task, OpenFileId id, bool close_on_exec, int from = 0);
/// Two new descriptors, for files that belong together; their numbers go to `address`. 0 or -errno, and then
/// neither is left.
int install_pair(KernelState& kernel, Task& task, OpenFile first, OpenFile second, bool close_on_exec,
                 u64 address);
/// Lets go of a reference; the last one closes the file.
void fput(KernelState& kernel, OpenFileId id);
/// close(2). 0 or -EBADF.
int close_file(KernelState& kernel, Task& task, int fd);

/// Descriptors 0, 1 and 2 as the user gave them, and the directory that the guest starts in.
void inherit_files(KernelState& kernel, Task& task);

/// The name of the directory that relative paths start from: ENOENT when it has none any more.
mmu::Expected<std::string, int> working_directory(KernelState& kernel, const Task& task);

/// Where a path relative to `dirfd` (AT_FDCWD: the working directory) starts. EBADF, ENOTDIR; an absolute
/// path never fails.
mmu::Expected<StartDirectory, int> start_directory(KernelState& kernel, Task& task, int dirfd,
                                                   const std::string& path);
/// A path's object. With `kYes`, links of our own /proc are followed too.
mmu::Expected<Node, int> lookup_path(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                     Follow follow);
mmu::Expected<Parent, int> lookup_parent_path(KernelState& kernel, Task& task, int dirfd,
                                              const std::string& path);

/// openat(2) without the descriptor.
mmu::Expected<OpenFile, int> open_path(KernelState& kernel, Task& task, int dirfd, const std::string& path,
                                       int flags, mode_t mode);
/// openat2(2) with RESOLVE_ flags (resolve.h).
mmu::Expected<OpenFile, int> open_path_resolved(KernelState& kernel, Task& task, int dirfd,
                                                const std::string& path, int flags, mode_t mode, u64 resolve);
/// A program to execute: a regular file that the user may execute. Under --no-files the user's own path is
/// taken. An empty path is the descriptor itself (AT_EMPTY_PATH).
mmu::Expected<OpenFile, int> open_program(KernelState& kernel, Task& task, const std::string& path,
                                          int dirfd = AT_FDCWD, Follow follow = Follow::kYes);

/// stat(2) of what a path led to. 0 or -errno.
int stat_node(KernelState& kernel, Task& task, const Node& node, struct stat& status);
/// fstat(2).
int stat_file(const OpenFile& file, struct stat& status);

/// An open file for a descriptor of the host's.
OpenFile host_file(UniqueFd fd, std::string path, int flags, bool may_change);

inline constexpr int kMaxLinks = 40;  ///< MAXSYMLINKS

/// "/proc/self/fd/N" of a host descriptor: the name by which the very object can be given to calls that take
/// paths.
std::string descriptor_path(int fd);

}  // namespace kernel
