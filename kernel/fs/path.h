// Path walks on behalf of a guest: where a name leads on the host, and whether the guest may write there. No
// path of a guest is ever handed to the host in any other way. The result pins the object (O_PATH), so what
// was checked is what is used: there is no second look-up by name for a rename or a symbolic link to come
// between.
//
//   --root DIR   every walk is openat2(RESOLVE_IN_ROOT) from DIR: neither ".." nor a symbolic link leads out.
//   --rw DIR     an object may be changed when openat2(RESOLVE_BENEATH, no links) from DIR reaches the very
//   same one. procfs       the host's describes our process, not the guest: never opened. proc.h has the
//   guest's own files.
//
// Linux: fs/namei.c. It knows nothing of tasks, descriptors or guest memory.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "kernel/config.h"
#include "kernel/errno.h"
#include "kernel/fs/unique_fd.h"
#include "mmu/base/expected.h"

namespace kernel {

/// Character devices that a guest may open. Each but the terminal is our own implementation.
enum class Device : mmu::u8 { kNone, kNull, kZero, kFull, kRandom, kTerminal, kPtmx, kPts };

/// Where a path led.
struct Node {
    enum class Kind : mmu::u8 {
        kHost,        ///< an object of the host's, pinned by `fd`
        kDevice,      ///< one of Device
        kProc,        ///< a name under /proc: proc.h knows whether it exists
        kDescriptor,  ///< one of the guest's own descriptors (/proc/self/fd/N, /dev/stdin)
    };
    Kind kind = Kind::kHost;
    UniqueFd fd;            ///< O_PATH; kHost only
    struct stat status {};  ///< kHost and kDevice
    Device device = Device::kNone;
    int descriptor = -1;  ///< kDescriptor: the guest's number
    std::string path;     ///< kProc: as "/proc/..." with /proc/self for the guest's own

    bool is_directory() const { return kind == Kind::kHost && S_ISDIR(status.st_mode); }
};

/// The directory in which a name is to be made, changed or removed.
struct Parent {
    UniqueFd fd;            ///< O_PATH; reached from the --rw folder where there is one
    std::string name;       ///< one component; a trailing '/' is kept, as the host gives it a meaning
    bool writable = false;  ///< the guest may change this directory
    bool is_root = false;   ///< the path was "/" alone: there is no name
};

/// The directory that a relative path starts from.
struct StartDirectory {
    int fd = -1;            ///< host descriptor; -1: a folder of our own, from which the name alone leads on
    std::string_view path;  ///< its name when it was opened, as the guest sees it
};

enum class Follow : mmu::u8 { kYes, kNo };

class PathResolver {
  public:
    /// Error: a folder of the policy cannot be opened, or the host has no openat2 (Linux 5.6).
    static mmu::Expected<PathResolver, mmu::Error> create(const FilePolicy& policy);

    /// A whole, normalised name that is the guest's own: the host is never to walk it.
    static bool is_special(std::string_view name);

    /// The failure is an errno.
    mmu::Expected<Node, int> lookup(const StartDirectory& start, const std::string& path,
                                    Follow follow) const;
    mmu::Expected<Parent, int> lookup_parent(const StartDirectory& start, const std::string& path) const;

    /// The object behind `fd` again, reached from the --rw folder that it lies in; none: the guest may not
    /// change it.
    UniqueFd reach_writable(int fd) const;
    /// The guest's name for a host object: ENOENT when it is deleted or outside the root.
    mmu::Expected<std::string, int> guest_path_of(int fd) const;

    /// It is /dev/shm or lies in it.
    bool is_shm(int fd) const;

    /// What a walk on the host came to: one of the host's objects, or one that the guest has its own of.
    mmu::Expected<Node, int> classify(UniqueFd fd) const;

    /// The directory in which the guest starts: the host's current one if it is inside the root, else the
    /// root.
    UniqueFd open_start_directory() const;

  private:
    struct Folder {
        UniqueFd fd;
        std::string path;  ///< canonical, on the host; "" for "/"
    };

    PathResolver() = default;
    mmu::Expected<UniqueFd, int> walk(const StartDirectory& start, const std::string& path,
                                      const std::string& whole, int flags) const;

    Folder root_;
    bool confined_ = false;  ///< --root was given
    bool none_ = false;
    std::vector<Folder> writable_;
};

/// "/a/b" for "/a//./x/../b"; purely textual.
std::string normalise_path(std::string_view path);
/// The whole name of `path` from `start`, normalised.
std::string whole_name(const StartDirectory& start, const std::string& path);

}  // namespace kernel
