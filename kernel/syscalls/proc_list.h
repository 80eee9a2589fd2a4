// getdents of the folders of our own /proc.
#pragma once

#include "kernel/syscall_table.h"

namespace kernel::calls {

enum class Dirent : u8 { kOld, k64 };  ///< struct linux_dirent, linux_dirent64

/// Bytes of entries that were given, 0 at the end, or -errno. The file's offset says where to go on.
i64 list_proc(Syscall& call, OpenFile& file, Dirent layout);

}  // namespace kernel::calls
