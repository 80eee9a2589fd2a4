// Open files and descriptor tables. An open file (Linux: struct file) is shared by all descriptors that dup()
// made of it; a table says which numbers a task has for them. It knows nothing of paths' policy or guest
// memory.
#pragma once

#include <fcntl.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/filemap.h"
#include "kernel/fs/path.h"
#include "kernel/fs/unique_fd.h"

namespace kernel {

struct FileOperations;

using OpenFileId = u32;  ///< 0: none

struct KernelState;
struct OpenFile;
struct Task;
/// Makes up to `bytes` bytes of a generated file from `offset` on (/proc/PID/pagemap): fewer at its end, or
/// -errno.
using ProcWindow = mmu::Expected<std::string, int> (*)(KernelState&, Task&, u64 offset, u64 bytes);

/// Takes what one write() to a generated file says. 0 or -errno.
using ProcWrite = int (*)(KernelState&, const OpenFile& file, const std::string& text);

/// Whether a host file's pages are the guest's own (shmem_file.h): of a memfd, or of /dev/shm.
enum class Tmpfs : u8 { kNone, kMemfd, kMounted };

/// fown_struct: who hears by a signal that a file can be read or written.
struct FileOwner {
    int type = F_OWNER_PID;
    int pid = 0;     ///< 0: nobody
    int signal = 0;  ///< F_SETSIG; 0: SIGIO, which says nothing more
};

/// struct file.
struct OpenFile {
    enum class Kind : u8 {
        kHost,    ///< a host descriptor: regular file, directory, pipe, terminal, what was inherited
        kDevice,  ///< null, zero, full, random: our own
        kText,    ///< a generated file of /proc: its text was made when it was opened
        kObject,  ///< of our own kernel's: pipe, socket, eventfd, epoll, ...
    };
    Kind kind = Kind::kHost;
    Device device = Device::kNone;
    UniqueFd fd;              ///< kHost
    mode_t type = 0;          ///< S_IFMT bits
    int flags = 0;            ///< open(2) flags with the access mode; those of kHost are asked from the host
    bool path_only = false;   ///< O_PATH
    Tmpfs tmpfs = Tmpfs::kNone;  ///< kHost
    FileId shmem = 0;            ///< of a tmpfs file: it holds the pages while it is open
    bool network = false;     ///< kHost: a socket of host_socket.h, which never waits on the host
    bool may_change = false;  ///< fchmod() and its like: it lies in a --rw folder
    struct stat status {};    ///< kDevice, kText and kObject
    const FileOperations* ops = nullptr;  ///< kObject: what it can do
    u32 object = 0;                       ///< kObject: its id in the table of its kind; kText: whose file it is
    std::string path;                     ///< guest's name at open
    std::string text;                     ///< kText
    bool text_read = false;               ///< kText: some of it was: at its start it is made anew
    ProcWindow window = nullptr;          ///< kText: makes its parts when they are read, instead of `text`
    ProcWrite text_write = nullptr;       ///< kText: null: EINVAL
    u64 offset = 0;                       ///< kText; of a FIFO: its writers so far when it was opened
    FileOwner owner;
    u32 references = 0;
    KmemObject filp, dentry, object_memory;  ///< struct file, its name, and its pipe or socket, in guest RAM
    OpenFileId id = 0;                       ///< its own; 0 outside a table

    bool readable() const { return !path_only && (flags & O_ACCMODE) != O_WRONLY; }
    bool writable() const { return !path_only && (flags & O_ACCMODE) != O_RDONLY; }
    bool regular() const { return S_ISREG(type); }
};

class OpenFileTable {
  public:
    /// The new file has no reference yet: give it a descriptor.
    OpenFileId add(OpenFile file);
    OpenFile& at(OpenFileId id);
    void get(OpenFileId id) { at(id).references++; }
    auto begin() const { return files_.begin(); }
    auto end() const { return files_.end(); }
    /// Gives the file back when this was its last reference: fput() of files.h closes it.
    std::optional<OpenFile> put(OpenFileId id);

  private:
    std::map<OpenFileId, OpenFile> files_;
    OpenFileId next_ = 1;
};

/// files_struct. Copying it copies numbers only: the owner takes the references.
class FdTable {
  public:
    struct Slot {
        OpenFileId file = 0;
        bool close_on_exec = false;
    };

    /// Lowest free number >= `from` and < `limit`; -1 when there is none.
    int lowest_free(int from, u64 limit) const;
    void set(int fd, Slot slot);
    Slot* find(int fd);  ///< null: EBADF
    Slot remove(int fd);
    int size() const { return static_cast<int>(slots_.size()); }  ///< numbers are below it

  private:
    std::vector<Slot> slots_;
};

/// fs_struct: the directory that relative paths start from.
struct WorkingDirectory {
    OpenFileId directory = 0;
};

}  // namespace kernel
