// execve(2): finds the program, follows "#!" lines and PT_INTERP, builds a new address space with its stack,
// and says where to start. Linux: fs/exec.c do_execveat_common(), fs/binfmt_elf.c create_elf_tables(),
// fs/binfmt_script.c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/elf_loader.h"
#include "mmu/arch/registers.h"

namespace kernel {

struct KernelState;
struct Task;

struct ExecRequest {
    std::string path;
    std::vector<std::string> arguments, environment;
    // execveat(2): `path` is then "/dev/fd/N" or "/dev/fd/N/path", the name that a script's interpreter gets.
    int dirfd = -100;                 ///< AT_FDCWD
    std::optional<std::string> at{};  ///< the path from there; empty: dirfd itself; nothing: `path`
    bool no_follow = false;           ///< AT_SYMLINK_NOFOLLOW: ELOOP for a symbolic link
};

/// Replaces the task's address space. On failure the old one is still in place, unless there was none or
/// memory ran out after the point of no return: then the task has been ended.
mmu::Expected<void, ExecFailure> do_execve(KernelState& kernel, Task& task, const ExecRequest& request,
                                           mmu::Registers& registers);

/// __set_task_comm(): a thread's name is the first 15 bytes, up to a NUL.
void set_task_comm(Task& task, std::string_view name);

}  // namespace kernel
