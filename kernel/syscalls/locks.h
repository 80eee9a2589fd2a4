// fcntl()'s part of locks.cpp.
#pragma once

#include "kernel/syscall_table.h"

namespace kernel::calls {

/// F_SETLK, F_SETLKW, F_GETLK and the same with F_OFD_.
i64 fcntl_lock(Syscall& call, OpenFile& file, int command);

}  // namespace kernel::calls
