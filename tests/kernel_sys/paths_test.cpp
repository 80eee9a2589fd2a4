// The path policy: what a guest can reach and change, with the tricks that lead out elsewhere.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/kernel_sys/guest.h"

using namespace sys_test;
namespace fs = std::filesystem;

namespace {

/// root/ with files, rw/ inside and a secret outside of both.
struct Tree {
    test::TemporaryFolder folder;
    std::string root = folder.path() + "/root", rw = root + "/rw", secret = folder.path() + "/secret";

    Tree() {
        fs::create_directories(rw + "/sub");
        fs::create_directories(root + "/etc");
        folder.write("secret", "top secret");
        folder.write("root/etc/motd", "welcome");
        folder.write("root/rw/own", "mine");
        fs::create_symlink("/etc/motd", root + "/absolute");
        fs::create_symlink("../../../../../../etc/motd", root + "/dotdot");
        fs::create_symlink(secret, root + "/out");
        fs::create_symlink("../secret", root + "/up");
        fs::create_symlink(secret, rw + "/link_out");
        fs::create_symlink(folder.path(), rw + "/dir_out");
        fs::create_symlink("../etc/motd", rw + "/to_motd");
        fs::create_symlink("fresh", rw + "/dangling");
        fs::create_symlink(folder.path() + "/fresh_outside", rw + "/dangling_out");
        fs::create_symlink("/proc/self/maps", rw + "/maps");
        fs::create_symlink("loop", rw + "/loop");
    }
};

kernel::KernelConfig confined(const Tree& tree) {
    kernel::KernelConfig config;
    config.files.root = tree.root;
    config.files.writable = {tree.rw};
    return config;
}

kernel::KernelConfig open_but(const Tree& tree) {
    kernel::KernelConfig config;
    config.files.writable = {tree.rw};
    return config;
}

/// The whole of a file, or "errno N".
std::string contents(Guest& guest, const std::string& path) {
    const i64 fd = guest.open(path);
    if (fd < 0) return "errno " + std::to_string(-fd);
    const i64 got = guest.call(SYS_read, fd, guest.scratch + 20000, 20000);
    guest.call(SYS_close, fd);
    return got < 0 ? "read errno " + std::to_string(-got)
                   : guest.read_text(guest.scratch + 20000, static_cast<u64>(got));
}

}  // namespace

TEST_CASE("Paths: --root is the guest's root for absolute names, links and any number of ..") {
    Tree tree;
    Guest guest(confined(tree));
    REQUIRE(guest.error().empty());
    CHECK(contents(guest, "/etc/motd") == "welcome");
    CHECK(contents(guest, "/absolute") == "welcome");
    CHECK(contents(guest, "/dotdot") == "welcome");
    CHECK(contents(guest, "/../../../../etc/motd") == "welcome");
    CHECK(contents(guest, "/out") == "errno 2");
    CHECK(contents(guest, "/up") == "errno 2");
    CHECK(contents(guest, "/rw/dir_out/secret") == "errno 2");
    CHECK(contents(guest, tree.secret) == "errno 2");
    // Relative names, from the working directory and from a descriptor.
    REQUIRE(guest.call(SYS_chdir, guest.text("/rw/sub")) == 0);
    CHECK(contents(guest, "../../etc/motd") == "welcome");
    CHECK(contents(guest, "../../../../../etc/motd") == "welcome");
    CHECK(contents(guest, "../../../secret") == "errno 2");
    const i64 directory = guest.open("/rw", O_RDONLY | O_DIRECTORY);
    REQUIRE(directory >= 0);
    CHECK(guest.call(SYS_openat, directory, guest.text("../../secret"), O_RDONLY) == -ENOENT);
    CHECK(guest.call(SYS_openat, directory, guest.text("../etc/motd"), O_RDONLY) >= 0);
    CHECK(guest.call(SYS_getcwd, guest.scratch + 20000, 100) == 8);
    CHECK(guest.read_text(guest.scratch + 20000, 7) == "/rw/sub");
}

TEST_CASE("Paths: outside of --rw everything can be read and nothing changed") {
    Tree tree;
    for (const bool with_root : {false, true}) {
        Guest guest(with_root ? confined(tree) : open_but(tree));
        REQUIRE(guest.error().empty());
        const std::string root = with_root ? "" : tree.root;
        const std::string motd = root + "/etc/motd", fresh = root + "/etc/fresh";
        CHECK(contents(guest, motd) == "welcome");
        CHECK(guest.open(motd, O_WRONLY) == -EROFS);
        CHECK(guest.open(motd, O_RDWR) == -EROFS);
        CHECK(guest.open(motd, O_RDONLY | O_TRUNC) == -EROFS);
        CHECK(guest.open(motd, O_RDONLY | O_CREAT) >= 0);
        CHECK(guest.open(motd, O_WRONLY | O_CREAT | O_EXCL) == -EEXIST);
        CHECK(guest.open(fresh, O_WRONLY | O_CREAT) == -EROFS);
        CHECK(guest.open(root + "/etc", O_RDWR) == -EISDIR);
        CHECK(guest.open(root + "/etc", O_TMPFILE | O_RDWR) == -EROFS);
        CHECK(guest.call(SYS_mkdir, guest.text(fresh), 0755) == -EROFS);
        CHECK(guest.call(SYS_mkdir, guest.text(motd), 0755) == -EEXIST);
        CHECK(guest.call(SYS_unlink, guest.text(motd)) == -EROFS);
        CHECK(guest.call(SYS_rmdir, guest.text(root + "/etc")) == -EROFS);
        CHECK(guest.call(SYS_rename, guest.text(motd), guest.text(root + "/rw/x", 1)) == -EROFS);
        CHECK(guest.call(SYS_rename, guest.text(root + "/rw/own"), guest.text(fresh, 1)) == -EROFS);
        CHECK(guest.call(SYS_link, guest.text(motd), guest.text(root + "/rw/x", 1)) == -EXDEV);
        CHECK(guest.call(SYS_symlink, guest.text("a"), guest.text(fresh, 1)) == -EROFS);
        CHECK(guest.call(SYS_chmod, guest.text(motd), 0777) == -EROFS);
        CHECK(guest.call(SYS_chown, guest.text(motd), 1, 1) == -EROFS);
        CHECK(guest.call(SYS_truncate, guest.text(motd), 0) == -EROFS);
        CHECK(guest.call(SYS_utimensat, AT_FDCWD, guest.text(motd), 0, 0) == -EROFS);
        CHECK(guest.call(SYS_access, guest.text(motd), W_OK) == -EROFS);
        CHECK(guest.call(SYS_access, guest.text(motd), R_OK) == 0);
        const i64 fd = guest.open(motd);
        CHECK(guest.call(SYS_fchmod, fd, 0777) == -EROFS);
        CHECK(guest.call(SYS_ftruncate, fd, 0) == -EINVAL);
        // Links in the --rw folder that lead out of it do not help.
        CHECK(guest.open(root + "/rw/to_motd", O_WRONLY) == -EROFS);
        CHECK(guest.open(root + "/rw/../etc/motd", O_WRONLY) == -EROFS);
        CHECK(guest.open(root + "/rw/sub/../../etc/fresh", O_WRONLY | O_CREAT) == -EROFS);
        const i64 linked = guest.open(root + "/rw/link_out", O_WRONLY);
        CHECK(linked == (with_root ? -ENOENT : -EROFS));
        CHECK(guest.open(root + "/rw/dir_out/new", O_WRONLY | O_CREAT) == (with_root ? -ENOENT : -EROFS));
        CHECK(guest.open(root + "/rw/dangling_out", O_WRONLY | O_CREAT) == (with_root ? -ENOENT : -EROFS));
        CHECK(guest.open(root + "/rw/loop", O_WRONLY | O_CREAT) == -ELOOP);
    }
    CHECK(test::read_file(tree.secret) == "top secret");
    CHECK(!fs::exists(tree.folder.path() + "/fresh_outside"));
    CHECK(test::read_file(tree.root + "/etc/motd") == "welcome");
}

TEST_CASE("Paths: a --rw folder can be written in every way") {
    Tree tree;
    Guest guest(open_but(tree));
    const i64 fd = guest.open(tree.rw + "/new", O_RDWR | O_CREAT | O_EXCL, 0640);
    REQUIRE(fd >= 0);
    guest.text("hello", 2);
    CHECK(guest.call(SYS_write, fd, guest.scratch + 10000, 5) == 5);
    CHECK(guest.call(SYS_pread64, fd, guest.scratch + 20000, 100, 1) == 4);
    CHECK(guest.read_text(guest.scratch + 20000, 4) == "ello");
    CHECK(guest.call(SYS_ftruncate, fd, 2) == 0);
    CHECK(guest.call(SYS_fchmod, fd, 0600) == 0);
    CHECK(test::read_file(tree.rw + "/new") == "he");
    struct stat status {};
    REQUIRE(::stat((tree.rw + "/new").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(guest.open(tree.rw + "/dangling", O_WRONLY | O_CREAT) >= 0);
    CHECK(fs::exists(tree.rw + "/fresh"));
    CHECK(guest.call(SYS_mkdir, guest.text(tree.rw + "/dir/"), 0750) == 0);
    CHECK(guest.call(SYS_mkdir, guest.text(tree.rw + "/dir"), 0750) == -EEXIST);
    CHECK(guest.call(SYS_rename, guest.text(tree.rw + "/new"), guest.text(tree.rw + "/dir/moved", 1)) == 0);
    CHECK(guest.call(SYS_link, guest.text(tree.rw + "/dir/moved"), guest.text(tree.rw + "/second", 1)) == 0);
    CHECK(guest.call(SYS_symlink, guest.text("target"), guest.text(tree.rw + "/symbolic", 1)) == 0);
    CHECK(guest.call(SYS_readlink, guest.text(tree.rw + "/symbolic"), guest.scratch + 20000, 3) == 3);
    CHECK(guest.read_text(guest.scratch + 20000, 3) == "tar");
    CHECK(guest.call(SYS_unlink, guest.text(tree.rw + "/symbolic")) == 0);
    CHECK(guest.call(SYS_unlink, guest.text(tree.rw + "/dir")) == -EISDIR);
    CHECK(guest.call(SYS_rmdir, guest.text(tree.rw + "/dir")) == -ENOTEMPTY);
    CHECK(guest.call(SYS_truncate, guest.text(tree.rw + "/second"), 1) == 0);
    CHECK(guest.call(SYS_utimensat, AT_FDCWD, guest.text(tree.rw + "/second"), 0, 0) == 0);
    CHECK(guest.call(SYS_access, guest.text(tree.rw + "/second"), W_OK) == 0);
    CHECK(guest.open(tree.rw, O_TMPFILE | O_RDWR, 0600) >= 0);
    CHECK(test::read_file(tree.rw + "/dir/moved") == "h");
}

TEST_CASE("Paths: the emulator's own /proc entry is out of reach by any way") {
    Tree tree;
    Guest guest(open_but(tree));
    const std::string own = "/proc/" + std::to_string(::getpid());
    // The guest's own maps, not ours: its program is in them.
    CHECK(contents(guest, "/proc/self/maps").find(guest.program_path()) != std::string::npos);
    CHECK(contents(guest, tree.rw + "/maps").find(guest.program_path()) != std::string::npos);
    for (const std::string& path :
         {own + "/maps", own + "/mem", std::string("/proc/self/mem"),
          std::string("/proc/self/fd/0/../../mem"), std::string("/proc/self/root/proc/self/mem"),
          own + "/environ", own + "/root/etc/passwd", std::string("/proc/1/status"),
          std::string("/proc/kcore"), std::string("/proc/self/task/") + std::to_string(::getpid()) + "/mem",
          std::string("/proc/thread-self/mem"), std::string("/proc/self/cwd/x"),
          std::string("/proc/sysrq-trigger")})
        CHECK(contents(guest, path) == "errno 2");
    // A descriptor of a folder there is one of our own: what is walked to from it is the guest's too.
    for (const char* path : {"/proc", "/proc/self", "/proc/self/fd", "/proc/self/task"}) {
        const i64 folder = guest.open(path);
        REQUIRE(folder >= 0);
        for (const std::string& name :
             {std::to_string(::getpid()) + "/maps", "../" + std::to_string(::getpid()), std::string("mem"),
              std::string("../mem"), std::string("0/mem")})
            CHECK(guest.call(SYS_openat, folder, guest.text(name), O_RDONLY) < 0);
    }
    CHECK(contents(guest, "/proc/self/root/etc/passwd") == contents(guest, "/etc/passwd"));
    // A working directory there is our own too.
    CHECK(guest.call(SYS_chdir, guest.text("/proc/self")) == 0);
    CHECK(guest.open("mem") == -ENOENT);
    CHECK(guest.open("maps") >= 0);
    CHECK(guest.open("../" + std::to_string(::getpid()) + "/maps") == -ENOENT);
    CHECK(guest.open("../../etc/passwd") >= 0);
    const i64 length = guest.call(SYS_getcwd, guest.scratch + 20000, 100);
    CHECK(guest.read_text(guest.scratch + 20000, static_cast<u64>(length) - 1) ==
          "/proc/" + std::to_string(guest.task().tgid));
    CHECK(guest.call(SYS_chdir, guest.text("..")) == 0);
    CHECK(guest.open("self/status") >= 0);
    CHECK(guest.call(SYS_chdir, guest.text("/")) == 0);
    const i64 root = guest.open("/", O_PATH | O_DIRECTORY);
    REQUIRE(root >= 0);
    CHECK(guest.call(SYS_openat, root, guest.text("proc/self/mem"), O_RDONLY) == -ENOENT);
    CHECK(guest.call(SYS_openat, root, guest.text("proc/self/exe"), O_RDONLY) >= 0);
    CHECK(guest.call(SYS_readlink, guest.text("/proc/self/exe"), guest.scratch + 20000, 4096) ==
          static_cast<i64>(guest.program_path().size()));
}

TEST_CASE("Paths: of devices only harmless ones open, and they are our own") {
    Guest guest;
    const i64 null = guest.open("/dev/null", O_RDWR), zero = guest.open("/dev/zero"),
              full = guest.open("/dev/full", O_WRONLY);
    const i64 random = guest.open("/dev/urandom");
    REQUIRE(null >= 0);
    REQUIRE(zero >= 0);
    REQUIRE(random >= 0);
    CHECK(guest.call(SYS_write, null, guest.scratch, 4096) == 4096);
    CHECK(guest.call(SYS_read, null, guest.scratch, 4096) == 0);
    CHECK(guest.call(SYS_read, zero, guest.scratch + 20000, 4096) == 4096);
    CHECK(guest.call(SYS_write, full, guest.scratch, 1) == -ENOSPC);
    CHECK(guest.call(SYS_read, random, guest.scratch + 20000, 64) == 64);
    CHECK(guest.open("/dev/ptmx", O_RDWR) >= 0);  // the guest's own: the host has no new pty
    CHECK(guest.open("/dev/pts/0", O_RDWR | O_NOCTTY) == -EIO);
    Guest twin;
    twin.open("/dev/null");
    CHECK(twin.call(SYS_read, twin.open("/dev/urandom"), twin.scratch + 20000, 64) == 64);
    CHECK(twin.read_text(twin.scratch + 20000, 64) == guest.read_text(guest.scratch + 20000, 64));
    test::TemporaryFolder folder;
    REQUIRE(::mkfifo((folder.path() + "/fifo").c_str(), 0600) == 0);
    CHECK(guest.open(folder.path() + "/fifo", O_RDONLY | O_NONBLOCK) >= 0);
    CHECK(guest.open(folder.path() + "/fifo", O_WRONLY | O_NONBLOCK) >= 0);
    for (const char* path : {"/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/loop-control"}) {
        const i64 fd = guest.open(path);
        CHECK((fd == -EACCES || fd == -ENOENT));
    }
}

TEST_CASE("Paths: --no-files leaves only the three streams") {
    kernel::KernelConfig config;
    config.files.none = true;
    Guest guest(config);
    REQUIRE(guest.error().empty());
    for (const char* path : {"/", "/etc/passwd", "/dev/null", ".", "/proc/self/maps"})
        CHECK(guest.open(path) == -ENOENT);
    CHECK(guest.call(SYS_stat, guest.text("/etc/passwd"), guest.scratch + 20000) == -ENOENT);
    CHECK(guest.call(SYS_mkdir, guest.text("/tmp/x"), 0700) == -ENOENT);
    CHECK(guest.call(SYS_chdir, guest.text("/")) == -ENOENT);
    CHECK(guest.call(SYS_fstat, 1, guest.scratch + 20000) == 0);
}

TEST_CASE("Paths: a link that changes all the time never leads out of --rw or --root") {
    Tree tree;
    const std::string flip = tree.rw + "/flip", inside = tree.rw + "/sub", outside = tree.folder.path();
    tree.folder.write("root/rw/sub/secret", "decoy");
    std::atomic<bool> stop{false};
    std::thread racer([&] {
        const std::string temporary = tree.rw + "/flip.next";
        for (bool out = false; !stop; out = !out) {
            ::unlink(temporary.c_str());
            if (::symlink((out ? outside : inside).c_str(), temporary.c_str()) == 0)
                ::rename(temporary.c_str(), flip.c_str());
        }
    });
    Guest guest(open_but(tree)), rooted(confined(tree));
    unsigned inside_writes = 0;
    for (int i = 0; i < 3000; ++i) {
        const i64 fd = guest.open(flip + "/secret", O_WRONLY);
        if (fd >= 0) {
            inside_writes++;
            guest.text("x", 2);
            guest.call(SYS_write, fd, guest.scratch + 10000, 1);
            guest.call(SYS_close, fd);
        }
        const i64 made = guest.open(flip + "/made", O_WRONLY | O_CREAT);
        if (made >= 0) guest.call(SYS_close, made);
        if (i % 8 == 0) CHECK(contents(rooted, "/rw/flip/secret") != "top secret");
    }
    stop = true;
    racer.join();
    CHECK(test::read_file(tree.secret) == "top secret");
    CHECK(!fs::exists(tree.folder.path() + "/made"));
    CHECK(inside_writes > 0);
}

TEST_CASE("Paths: what is the guest's own is so for openat2 with every RESOLVE flag, and through links") {
    Tree tree;
    Guest guest(open_but(tree));
    REQUIRE(guest.call(SYS_close, guest.open("/dev/shm/own", O_RDWR | O_CREAT)) == 0);
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const std::string self = "/proc/" + std::to_string(guest.task().tgid);  // no link, as /proc/self is
    const std::vector<std::string> names = {
        self + "/status", "/proc/meminfo", "/proc",       self + "/task", pool,       "/dev/null",
        "/dev/zero",      "/dev/full",     "/dev/random", "/dev/urandom", "/dev/shm", "/dev/shm/own"};
    const auto identity = [&](i64 fd) -> std::vector<u64> {
        if (fd < 0) return {static_cast<u64>(fd)};
        REQUIRE(guest.call(SYS_fstat, fd, guest.scratch + 20000) == 0);
        const auto status = guest.read<struct stat>(guest.scratch + 20000);
        guest.call(SYS_close, fd);
        return {status.st_dev, status.st_ino, status.st_rdev, status.st_mode};
    };
    const auto resolved = [&](i64 directory, const std::string& path, u64 resolve) {
        const u64 how[3] = {0, 0, resolve};
        guest.write(how, guest.scratch + 30000);
        return identity(guest.call(SYS_openat2, directory, guest.text(path), guest.scratch + 30000, 24));
    };
    const i64 root = guest.open("/", O_PATH | O_DIRECTORY);
    constexpr u64 kNoXdev = 1, kNoMagiclinks = 2, kNoSymlinks = 4, kBeneath = 8, kInRoot = 16, kCached = 32;
    for (const std::string& name : names) {
        CAPTURE(name);
        CHECK(kernel::PathResolver::is_special(name));
        const auto own = identity(guest.open(name));
        REQUIRE(own.size() == 4);
        for (const u64 resolve : {u64{0}, kNoMagiclinks, kInRoot, kCached})
            CHECK(resolved(root, name, resolve) == own);
        CHECK(resolved(root, name.substr(1), kBeneath) == own);
        CHECK(resolved(root, name, kNoXdev).front() == static_cast<u64>(-EXDEV));
        CHECK(resolved(root, name, kNoSymlinks) == own);
        // A link there leads to the same, or nowhere; never to the host's.
        const std::string link = tree.rw + "/special";
        fs::remove(link);
        fs::create_symlink(name, link);
        for (const auto& through : {identity(guest.open(link)), resolved(root, link, kNoMagiclinks)})
            CHECK((through == own || through.size() == 1));
    }
    for (const char* name : {"/dev/tty", "/dev/ptmx", "/dev/pts/0", "/dev/pts/ptmx", "/dev/stdin",
                             "/dev/fd/1", "/sys/kernel/mm/hugepages", "/dev/pts", "/dev/fd"})
        CHECK(kernel::PathResolver::is_special(name));
    for (const char* name : {"/", "/etc/passwd", "/process", "/sys/kernel/mm/hugepages2", "/tmp/dev/null"})
        CHECK(!kernel::PathResolver::is_special(name));
}

TEST_CASE("Paths: /dev and /dev/pts are folders of the guest's own, with what opens in them") {
    Guest guest;
    const auto names_in = [&](const std::string& path) {
        std::vector<std::string> names;
        const i64 folder = guest.open(path, O_RDONLY | O_DIRECTORY);
        REQUIRE(folder >= 0);
        const i64 bytes = guest.call(SYS_getdents64, folder, guest.scratch + 20000, 8000);
        for (i64 at = 0; at < bytes;) {
            const u64 entry = guest.scratch + 20000 + static_cast<u64>(at);
            const std::string text = guest.read_text(entry + 19, 40);
            names.push_back(text.substr(0, text.find('\0')));
            at += guest.read<mmu::u16>(entry + 16);
        }
        return names;
    };
    for (const std::string& name : names_in("/dev")) {
        CAPTURE(name);
        CHECK(guest.call(SYS_lstat, guest.text("/dev/" + name), guest.scratch + 20000) == 0);
        CHECK(guest.open("/dev/" + name, O_PATH) >= 0);
    }
    CHECK(names_in("/dev/pts") == std::vector<std::string>{".", "..", "ptmx"});
    CHECK(guest.open("/dev/ptmx", O_RDWR) >= 0);
    CHECK(names_in("/dev/pts") == std::vector<std::string>{".", "..", "ptmx", "0"});
    CHECK(guest.open("/dev/new", O_RDWR | O_CREAT) < 0);
    CHECK(guest.call(SYS_mkdir, guest.text("/dev/new"), 0700) == -EROFS);
    CHECK(guest.open("/dev/shm/new", O_RDWR | O_CREAT) >= 0);
}

TEST_CASE("Paths: handles of files are not there, and open nothing") {
    Guest guest;
    CHECK(guest.call(SYS_name_to_handle_at, AT_FDCWD, guest.text("/etc/passwd"), guest.scratch + 20000,
                     guest.scratch + 21000, 0) == -EOPNOTSUPP);
    CHECK(guest.call(SYS_name_to_handle_at, AT_FDCWD, guest.text("/no such"), guest.scratch + 20000,
                     guest.scratch + 21000, 0) == -ENOENT);
    CHECK(guest.call(SYS_open_by_handle_at, AT_FDCWD, guest.scratch + 20000, O_RDONLY) == -EPERM);
    // No other door leads out either.
    for (const long call : {SYS_mount, SYS_pivot_root, SYS_chroot, SYS_fanotify_init, SYS_setns, SYS_ptrace,
                            SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_io_setup})
        CHECK(guest.call(call, 0, 0, 0, 0, 0, 0) < 0);
    CHECK(guest.call(SYS_unshare, CLONE_NEWUSER) == -EPERM);
    CHECK(guest.call(SYS_unshare, CLONE_NEWNS) == -EPERM);
}

TEST_CASE("Paths: no call that changes something, or looks, gets out of the root or of --rw by any name") {
    Tree tree;
    const auto listing = [&] {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(tree.folder.path()))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    };
    const auto before = listing();
    struct ::stat secret {};
    REQUIRE(::stat(tree.secret.c_str(), &secret) == 0);
    for (const bool with_root : {true, false}) {
        CAPTURE(with_root);
        Guest guest(with_root ? confined(tree) : open_but(tree));
        const std::string rw = with_root ? "/rw" : tree.rw;
        const i64 folder = guest.open(rw, O_RDONLY | O_DIRECTORY);
        REQUIRE(folder >= 0);
        const i64 own = guest.open(rw + "/own", O_RDWR);
        for (const std::string& out :
             {rw + "/dir_out/", std::string("../../"), std::string("dir_out/"), rw + "/sub/../../../",
              std::string("/proc/self/cwd/../../"), "/proc/self/fd/" + std::to_string(folder) + "/../../"}) {
            CAPTURE(out);
            const u64 made = guest.text(out + "made", 0), there = guest.text(out + "secret", 1);
            const u64 inside = guest.text(rw + "/taken", 2);
            CHECK(guest.call(SYS_openat, folder, there, O_WRONLY) < 0);
            CHECK(guest.call(SYS_openat, folder, made, O_WRONLY | O_CREAT, 0600) < 0);
            CHECK(guest.call(SYS_mkdirat, folder, made, 0700) < 0);
            CHECK(guest.call(SYS_mknodat, folder, made, S_IFIFO | 0600, 0) < 0);
            CHECK(guest.call(SYS_mknodat, folder, made, S_IFSOCK | 0600, 0) < 0);
            CHECK(guest.call(SYS_symlinkat, there, folder, made) < 0);
            CHECK(guest.call(SYS_linkat, folder, there, folder, inside, 0) < 0);
            CHECK(guest.call(SYS_renameat2, folder, there, folder, inside, 0) < 0);
            CHECK(guest.call(SYS_renameat2, folder, guest.text("own", 3), folder, made, 0) < 0);
            CHECK(guest.call(SYS_renameat2, folder, guest.text("own", 3), folder, there, 2) < 0);
            CHECK(guest.call(SYS_unlinkat, folder, there, 0) < 0);
            CHECK(guest.call(SYS_fchmodat, folder, there, 0777) < 0);
            CHECK(guest.call(SYS_fchownat, folder, there, 1, 1, 0) < 0);
            CHECK(guest.call(SYS_utimensat, folder, there, 0, 0) < 0);
            CHECK(guest.call(SYS_truncate, there, 0) < 0);
            CHECK(guest.call(SYS_execveat, folder, there, 0, 0, 0) < 0);
            CHECK(guest.call(SYS_linkat, own, guest.text("", 3), folder, made, AT_EMPTY_PATH) < 0);
            // A socket's node, and what a link in O_TMPFILE's folder would give.
            sockaddr_un name{};
            name.sun_family = AF_UNIX;
            (out + "made").copy(name.sun_path, sizeof name.sun_path - 1);
            const i64 socket = guest.call(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
            guest.write(name, guest.scratch + 30000);
            CHECK(guest.call(SYS_bind, socket, guest.scratch + 30000, sizeof name) < 0);
            CHECK(guest.call(SYS_openat, folder, guest.text(out, 0), O_TMPFILE | O_RDWR, 0600) < 0);
            if (with_root) {
                const i64 notify = guest.call(SYS_inotify_init1, 0);
                CHECK(guest.call(SYS_inotify_add_watch, notify, guest.text(out + "secret", 1), 0xfff) < 0);
                guest.call(SYS_close, notify);
                CHECK(guest.call(SYS_openat, folder, guest.text(out + "secret", 1), O_RDONLY) < 0);
            }
            guest.call(SYS_close, socket);
        }
    }
    CHECK(listing() == before);
    CHECK(test::read_file(tree.secret) == "top secret");
    CHECK(test::read_file(tree.rw + "/own") == "mine");
    struct ::stat after {};
    REQUIRE(::stat(tree.secret.c_str(), &after) == 0);
    CHECK(after.st_mode == secret.st_mode);
    CHECK(after.st_ctim.tv_nsec == secret.st_ctim.tv_nsec);
}
