#include "kernel/fs/path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cstring>
#include <optional>

#include "kernel/host/host.h"

namespace kernel {

using mmu::Error;
using mmu::Expected;
using mmu::u64;
using mmu::Unexpected;

namespace {

constexpr size_t kPathMax = 4096;

/// openat2(2), again while a concurrent rename makes the kernel unsure (EAGAIN); -errno on failure.
int open_at(int directory, const char* path, u64 flags, u64 resolve) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = resolve;
    for (int attempt = 0;; ++attempt) {
        const long fd = host::openat2(directory, path, how);
        if (fd >= 0) return static_cast<int>(fd);
        if (errno != EINTR && (errno != EAGAIN || attempt == 100)) return -errno;
    }
}

/// The host's name of an open object; empty when it has none.
std::string host_path_of(int fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    char text[kPathMax];
    const ssize_t length = host::readlink(link.c_str(), text, sizeof text);
    if (length <= 0 || text[0] != '/') return {};
    std::string path(text, static_cast<size_t>(length));
    return path == "/" ? std::string{} : path;
}

bool same_object(int a, int b) {
    struct stat first {
    }, second{};
    return host::fstat(a, &first) == 0 && host::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/// What follows `folder` in `path`: "" for the folder itself, "a/b" for what is in it; none when it is
/// elsewhere.
std::optional<std::string> below(const std::string& folder, const std::string& path) {
    if (path.compare(0, folder.size(), folder) != 0) return std::nullopt;
    if (path.size() == folder.size()) return std::string{};
    if (path[folder.size()] != '/') return std::nullopt;
    return path.substr(folder.size() + 1);
}

Device device_of(const struct stat& status) {
    if (!S_ISCHR(status.st_mode)) return Device::kNone;
    const unsigned major = major(status.st_rdev), minor = minor(status.st_rdev);
    if (major == 5 && minor == 0) return Device::kTerminal;
    if (major != 1) return Device::kNone;
    switch (minor) {  // Linux: drivers/char/mem.c devlist
        case 3:
            return Device::kNull;
        case 5:
            return Device::kZero;
        case 7:
            return Device::kFull;
        case 8:
        case 9:
            return Device::kRandom;
        default:
            return Device::kNone;
    }
}

/// The guest's own /dev/shm: a private folder on the host's, made when it is first named and removed at the
/// end.
struct ShmFolder {
    UniqueFd fd;
    std::string path;
    ~ShmFolder() {
        if (fd) host::remove_tree(path.c_str());
    }
    bool open() {
        for (const char* place : {"/dev/shm/mmuscope-XXXXXX", "/tmp/mmuscope-shm-XXXXXX"}) {
            std::string made = place;
            if (fd || !host::mkdtemp(made.data())) continue;
            (void)host::chmod(made.c_str(), 01777);
            fd = UniqueFd{open_at(AT_FDCWD, made.c_str(), O_PATH | O_DIRECTORY, 0)};
            path = made;
        }
        return static_cast<bool>(fd);
    }
};

/// Deviation: one for all guests of this process, so that it outlasts them all and is removed once.
ShmFolder& shm_folder() {
    static ShmFolder folder;
    return folder;
}

/// A device node where the guest's root has none; the numbers are Linux's.
Node synthetic_device(Device device, unsigned major, unsigned minor) {
    Node node;
    node.kind = Node::Kind::kDevice;
    node.device = device;
    node.status.st_mode = S_IFCHR | 0666;
    node.status.st_nlink = 1;
    node.status.st_dev = 5;
    node.status.st_ino = 1 + minor;
    node.status.st_rdev = makedev(major, minor);
    node.status.st_blksize = 4096;
    return node;
}

/// A decimal descriptor number, or -1.
int parse_descriptor(std::string_view text) {
    if (text.empty() || text.size() > 9) return -1;
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

}  // namespace

namespace {

/// What the host's would tell of the host's huge pages.
bool is_huge_page_setting(const std::string& name) {
    return below("/sys/kernel/mm/hugepages", name) || below("/sys/kernel/mm/transparent_hugepage", name);
}

/// What is special in /dev, but for folders: `node` says how. False: `device` is none of it, or is followed
/// as a link only.
bool special_device(const std::string& device, Follow follow, Node& node) {
    struct Row {
        const char* name;
        Device device;
        unsigned major, minor;
    };
    static constexpr Row kDevices[] = {{"null", Device::kNull, 1, 3},      {"zero", Device::kZero, 1, 5},
                                       {"full", Device::kFull, 1, 7},      {"random", Device::kRandom, 1, 8},
                                       {"urandom", Device::kRandom, 1, 9}, {"tty", Device::kTerminal, 5, 0},
                                       {"ptmx", Device::kPtmx, 5, 2},      {"pts/ptmx", Device::kPtmx, 5, 2}};
    for (const Row& row : kDevices) {
        if (device != row.name) continue;
        node = synthetic_device(row.device, row.major, row.minor);
        return true;
    }
    if (const auto number = below("pts", device); number && parse_descriptor(*number) >= 0) {
        node = synthetic_device(Device::kPts, 136, static_cast<unsigned>(parse_descriptor(*number)));
        return true;
    }
    if (follow == Follow::kNo) return false;
    static constexpr const char* kStreams[] = {"stdin", "stdout", "stderr"};
    for (int i = 0; i < 3; ++i)
        if (device == kStreams[i]) node.descriptor = i;
    if (const auto number = below("fd", device)) node.descriptor = parse_descriptor(*number);
    if (node.descriptor >= 0) node.kind = Node::Kind::kDescriptor;
    return node.descriptor >= 0;
}

/// The guest's own object of that name. False: the host's is walked to, in /dev/shm that of shm_folder().
bool special(const std::string& name, Follow follow, Node& node) {
    const auto device = below("/dev", name);
    if (device && below("/dev/shm", name)) return false;
    if (device && special_device(*device, follow, node)) return true;
    if (!device && !below("/proc", name) && !is_huge_page_setting(name)) return false;
    node.kind = Node::Kind::kProc;
    node.path = name;
    const auto descriptors = below("/dev/fd", name);
    if (descriptors && (follow == Follow::kYes || !descriptors->empty()))
        node.path = "/proc/self/fd" + (descriptors->empty() ? "" : "/" + *descriptors);
    return true;
}

/// "" or "a" for what lies in /dev/shm; nothing otherwise.
std::optional<std::string> in_shm(const std::string& name) {
    return below("/dev/shm", name);
}

}  // namespace

bool PathResolver::is_special(std::string_view whole) {
    const std::string name(whole);
    return below("/proc", name) || below("/dev", name) || is_huge_page_setting(name);
}

std::string whole_name(const StartDirectory& start, const std::string& path) {
    return normalise_path(path[0] == '/' ? path : std::string(start.path) + "/" + path);
}

std::string normalise_path(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        const size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            const size_t cut = result.rfind('/');
            result.resize(cut == std::string::npos ? 0 : cut);
        } else {
            result.append("/").append(part);
        }
    }
    return result.empty() ? "/" : result;
}

Expected<PathResolver, Error> PathResolver::create(const FilePolicy& policy) {
    PathResolver resolver;
    resolver.none_ = policy.none;
    resolver.confined_ = !policy.root.empty();
    const auto open_folder = [](const std::string& name, const char* option) -> Expected<Folder, Error> {
        const int fd = open_at(AT_FDCWD, name.c_str(), O_PATH | O_DIRECTORY, 0);
        if (fd == -ENOSYS) return Unexpected{Error{"the host has no openat2; Linux 5.6 or later is needed"}};
        if (fd < 0) return Unexpected{Error{std::string(option) + " " + name + ": " + std::strerror(-fd)}};
        return Folder{UniqueFd{fd}, host_path_of(fd)};
    };
    auto root = open_folder(resolver.confined_ ? policy.root : "/", "--root");
    if (!root) return Unexpected{root.error()};
    resolver.root_ = std::move(*root);
    for (const std::string& name : policy.writable) {
        auto folder = open_folder(name, "--rw");
        if (!folder) return Unexpected{folder.error()};
        resolver.writable_.push_back(std::move(*folder));
    }
    return resolver;
}

Expected<std::string, int> PathResolver::guest_path_of(int fd) const {
    struct stat status {};
    if (host::fstat(fd, &status) != 0 || status.st_nlink == 0) return Unexpected{ENOENT};
    const std::string path = host_path_of(fd);
    if (shm_folder().fd)
        if (const auto rest = below(shm_folder().path, path))
            return rest->empty() ? "/dev/shm" : "/dev/shm/" + *rest;
    const auto rest = below(root_.path, path);
    if (!rest) return Unexpected{ENOENT};
    return "/" + *rest;
}

bool PathResolver::is_shm(int fd) const {
    const ShmFolder& shm = shm_folder();
    return shm.fd && below(shm.path, host_path_of(fd));
}

UniqueFd PathResolver::reach_writable(int fd) const {
    const ShmFolder& shm = shm_folder();
    if (writable_.empty() && !shm.fd) return {};
    const std::string path = host_path_of(fd);
    const auto reach = [&](int folder, const std::string& folder_path) -> UniqueFd {
        const auto rest = below(folder_path, path);
        if (!rest) return {};
        UniqueFd reached{open_at(folder, rest->empty() ? "." : rest->c_str(), O_PATH | O_NOFOLLOW,
                                 RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)};
        return reached && same_object(reached.get(), fd) ? std::move(reached) : UniqueFd{};
    };
    if (shm.fd)
        if (UniqueFd reached = reach(shm.fd.get(), shm.path)) return reached;
    for (const Folder& folder : writable_)
        if (UniqueFd reached = reach(folder.fd.get(), folder.path)) return reached;
    return {};
}

UniqueFd PathResolver::open_start_directory() const {
    UniqueFd here{open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0)};
    if (here && guest_path_of(here.get())) return here;
    return UniqueFd{open_at(root_.fd.get(), ".", O_PATH | O_DIRECTORY, 0)};
}

/// `whole`: the name as is_special() takes it.
Expected<UniqueFd, int> PathResolver::walk(const StartDirectory& start, const std::string& path,
                                           const std::string& whole, int flags) const {
    u64 resolve = RESOLVE_NO_MAGICLINKS;
    int base = start.fd;
    if (const auto rest = in_shm(whole)) {
        if (!shm_folder().open()) return Unexpected{ENOENT};
        const int fd = open_at(shm_folder().fd.get(), rest->empty() ? "." : rest->c_str(),
                               static_cast<u64>(flags) | O_PATH, resolve | RESOLVE_IN_ROOT);
        if (fd < 0) return Unexpected{-fd};
        return UniqueFd{fd};
    }
    std::string absolute;
    const char* name = path.c_str();
    if (confined_) {
        // RESOLVE_IN_ROOT takes its directory as the root, so a relative walk is made from the root too.
        resolve |= RESOLVE_IN_ROOT;
        base = root_.fd.get();
        if (path[0] != '/') {
            const auto from = guest_path_of(start.fd);
            if (!from) return Unexpected{ENOENT};
            absolute = *from + "/" + path;
            name = absolute.c_str();
        }
    }
    const int fd = open_at(base, name, static_cast<u64>(flags) | O_PATH, resolve);
    if (fd < 0) return Unexpected{-fd};
    return UniqueFd{fd};
}

Expected<Node, int> PathResolver::classify(UniqueFd fd) const {
    Node node;
    struct statfs filesystem {};
    if (host::fstatfs(fd.get(), &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC) {
        // A link or a directory descriptor led here. Only the guest's own files are to be had, by their
        // names.
        const std::string path = host_path_of(fd.get());
        const auto own = below("/proc/" + std::to_string(host::getpid()), path);
        node.kind = Node::Kind::kProc;
        node.path = own ? (own->empty() ? "/proc/self" : "/proc/self/" + *own) : path;
        return node;
    }
    if (confined_ || filesystem.f_type == SYSFS_MAGIC || filesystem.f_type == TMPFS_MAGIC) {
        // The same for what else the guest has its own of.
        const std::string path = host_path_of(fd.get());
        const bool own = shm_folder().fd && below(shm_folder().path, path);
        const std::string name = own ? "" : "/" + below(root_.path, path).value_or("");
        if (is_huge_page_setting(name) || below("/dev/shm", name))
            return lookup({root_.fd.get(), "/"}, name, Follow::kNo);
    }
    if (host::fstat(fd.get(), &node.status) != 0) return Unexpected{errno};
    node.device = device_of(node.status);
    if (node.device != Device::kNone)
        return synthetic_device(node.device, major(node.status.st_rdev), minor(node.status.st_rdev));
    node.fd = std::move(fd);
    return node;
}

Expected<Node, int> PathResolver::lookup(const StartDirectory& start, const std::string& path,
                                         Follow follow) const {
    if (path.empty()) return Unexpected{ENOENT};
    if (path.size() >= kPathMax) return Unexpected{ENAMETOOLONG};
    if (none_) return Unexpected{ENOENT};
    Node node;
    const std::string name = whole_name(start, path);
    if (special(name, follow, node)) return node;
    auto fd = walk(start, start.fd < 0 ? name : path, name, follow == Follow::kNo ? O_NOFOLLOW : 0);
    if (!fd) return Unexpected{fd.error()};
    return classify(std::move(*fd));
}

Expected<Parent, int> PathResolver::lookup_parent(const StartDirectory& start,
                                                  const std::string& path) const {
    if (path.empty()) return Unexpected{ENOENT};
    if (path.size() >= kPathMax) return Unexpected{ENAMETOOLONG};
    if (none_) return Unexpected{ENOENT};
    Parent parent;
    const size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) {
        parent.is_root = true;
        return parent;
    }
    const size_t slash = path.rfind('/', end);
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    parent.name = path.substr(slash == std::string::npos ? 0 : slash + 1, end + 1);
    parent.name.resize(parent.name.find_last_not_of('/') + 1);
    if (end + 1 < path.size()) parent.name += '/';

    auto directory = lookup(start, folder, Follow::kYes);
    if (!directory) return Unexpected{directory.error()};
    if (directory->kind == Node::Kind::kProc) return parent;  // exists or not: nothing is made there
    if (!directory->is_directory()) return Unexpected{ENOTDIR};
    if (UniqueFd reached = reach_writable(directory->fd.get())) {
        parent.writable = true;
        parent.fd = std::move(reached);
    } else if (directory->status.st_nlink == 0) {
        return Unexpected{ENOENT};  // it has been removed: nothing is in it and nothing can be made there
    } else {
        parent.fd = std::move(directory->fd);
    }
    return parent;
}

}  // namespace kernel
