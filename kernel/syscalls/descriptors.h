// What calls on descriptors share: the host's descriptor behind a file, and its flags.
#pragma once

#include <cerrno>

#include "kernel/syscall_table.h"

namespace kernel::calls {

/// The host descriptor of a file that is the host's; -1: one of our own.
inline int host_fd(const OpenFile& file) {
    return file.kind == OpenFile::Kind::kHost ? file.fd.get() : -1;
}

/// What a call of the host's came to.
inline i64 host_result(long result) {
    return result < 0 ? -errno : result;
}

/// F_GETFL and F_SETFL.
i64 get_flags(const OpenFile& file);
i64 set_flags(OpenFile& file, int flags);

}  // namespace kernel::calls
