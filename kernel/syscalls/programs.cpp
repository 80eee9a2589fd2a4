// execve and execveat: arguments from memory, everything else in exec.h. Linux: fs/exec.c.
#include <fcntl.h>

#include "kernel/exec.h"
#include "kernel/syscalls/functions.h"
#include "mmu/base/log.h"

namespace kernel::calls {

namespace {

constexpr u64 kMaxArguments = 0x7fffffff;
constexpr usize kArgumentLength = 128 << 10;  ///< MAX_ARG_STRLEN

/// The NULL-terminated list of strings of execve(2). EFAULT, E2BIG.
mmu::Expected<std::vector<std::string>, int> string_list(Syscall& call, u64 address) {
    constexpr usize kMaxBytes = 6 << 20;
    std::vector<std::string> list;
    usize bytes = 0;
    for (u64 i = 0; address && i < kMaxArguments; ++i) {
        u64 pointer = 0;
        if (call.get(pointer, address + i * sizeof pointer)) return mmu::Unexpected{EFAULT};
        if (!pointer) break;
        std::string text;
        const i64 length = strncpy_from_user(call.system(), call.mm(), text, pointer, kArgumentLength);
        if (length < 0) return mmu::Unexpected{EFAULT};
        bytes += static_cast<usize>(length) + 1 + sizeof pointer;
        if (length == static_cast<i64>(kArgumentLength) || bytes > kMaxBytes) return mmu::Unexpected{E2BIG};
        list.push_back(std::move(text));
    }
    return list;
}

}  // namespace

namespace {

i64 execve_with(Syscall& call, ExecRequest request, u64 argv, u64 envp) {
    auto arguments = string_list(call, argv);
    if (!arguments) return -arguments.error();
    auto environment = string_list(call, envp);
    if (!environment) return -environment.error();
    if (request.path.empty()) return -ENOENT;
    if (arguments->empty()) arguments->emplace_back();  // 5.18: argc is at least 1
    request.arguments = std::move(*arguments);
    request.environment = std::move(*environment);
    const auto done = do_execve(call.kernel, call.task, request, call.registers);
    if (!done) {
        LOG(debug, "execve {}: {}", request.path, done.error().reason);
        return -done.error().error;
    }
    return 0;
}

}  // namespace

i64 execve(Syscall& call) {
    const auto path = call.path(0);
    if (!path) return -path.error();
    ExecRequest request;
    request.path = *path;
    return execve_with(call, std::move(request), call.args[1], call.args[2]);
}

/// alloc_bprm(): a name through a descriptor is /dev/fd/N/name.
i64 execveat(Syscall& call) {
    const int dirfd = call.integer(0);
    const u32 flags = static_cast<u32>(call.args[4]);
    const auto path = call.path(1);
    if (!path) return -path.error();
    if (path->empty() && !(flags & AT_EMPTY_PATH)) return -ENOENT;
    if (flags & ~u32{AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW}) return -EINVAL;
    ExecRequest request;
    request.dirfd = dirfd;
    request.at = *path;
    request.no_follow = flags & AT_SYMLINK_NOFOLLOW;
    if (dirfd == AT_FDCWD || (!path->empty() && path->front() == '/'))
        request.path = *path;
    else
        request.path = "/dev/fd/" + std::to_string(dirfd) + (path->empty() ? "" : "/" + *path);
    if (dirfd == AT_FDCWD && path->empty()) return -EACCES;  // the working directory is no program
    return execve_with(call, std::move(request), call.args[2], call.args[3]);
}

}  // namespace kernel::calls
