#include "kernel/fs/anon_inode.h"

#include <sys/stat.h>
#include <unistd.h>

namespace kernel {

OpenFile anon_file(const FileOperations& ops, u32 id, int flags) {
    OpenFile file;
    file.kind = OpenFile::Kind::kObject;
    file.ops = &ops;
    file.object = id;
    file.flags = flags;
    file.path = ops.name;
    file.status.st_mode = 0600;
    file.status.st_nlink = 1;
    file.status.st_ino = 1;
    file.status.st_dev = 15;
    file.status.st_blksize = 4096;
    return file;
}

}  // namespace kernel
