// Locks on files: between guest processes as natively, and between a guest and the host's programs.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/guest/compare.h"

using test::test_guest_path;
using test::Words;

namespace {

/// A file on which this process, no guest, holds a record lock and a flock.
struct Held {
    explicit Held(const std::string& name) : fd(open(name.c_str(), O_RDWR | O_CLOEXEC)) {
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_len = 10;
        REQUIRE(fcntl(fd, F_SETLK, &lock) == 0);
        REQUIRE(flock(fd, LOCK_EX) == 0);
    }
    ~Held() { close(fd); }
    int fd;
};

test::ProcessResult locker(const test::TemporaryFolder& folder, const char* how) {
    return test::emulate({"run", "--rw", folder.path()},
                         {test_guest_path("locks.glibc"), how, folder.path() + "/file"});
}

/// Whether this process can lock the whole file both ways at once.
bool host_can_lock(const std::string& name) {
    const int fd = open(name.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    const bool can = fcntl(fd, F_OFD_SETLK, &lock) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return can;
}

/// Whether it still can while a guest holds both locks, with its standard input for the end.
bool host_can_lock_beside(const test::TemporaryFolder& folder, const std::string& options) {
    const std::string file = folder.path() + "/file", out = folder.path() + "/out";
    const std::string command = std::string(MMUSCOPE_PROGRAM) + " run " + options + " -- " +
                                test_guest_path("locks.glibc") + " hold " + file + " >" + out;
    FILE* guest = popen(command.c_str(), "w");
    REQUIRE(guest);
    std::string said;
    for (int i = 0; i < 3000 && said.find("holding") == std::string::npos; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        said = test::read_file(out);
    }
    const bool can = host_can_lock(file);
    CHECK(pclose(guest) == 0);
    CHECK(said == "record 0\nflock 0\nchild: flock -11\nholding\n");
    return can;
}

}  // namespace

TEST_CASE("Locks: records, open files and flock between processes are as natively") {
    const test::TemporaryFolder folder;
    test::check_as_native({test_guest_path("locks.glibc"), folder.path()}, {},
                          {"run", "--rw", folder.path()});
}

TEST_CASE("Locks: a guest meets the locks of the host's programs, and waits for them alone") {
    const test::TemporaryFolder folder;
    const Held held(folder.write("file", std::string(200, 'x')));
    const test::ProcessResult refused = locker(folder, "try");
    CHECK(refused.out.find("sees: 0 type 1 whence 0 0+10") == 0);
    CHECK(refused.out.find("record -11\nelsewhere 0\nflock -11\n") != std::string::npos);

    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        struct flock lock {};
        lock.l_type = F_UNLCK;
        (void)fcntl(held.fd, F_SETLK, &lock);
        (void)flock(held.fd, LOCK_UN);
    });
    const test::ProcessResult waited = locker(folder, "wait");
    later.join();
    CHECK(waited.out.find("record 0\nelsewhere 0\nflock 0\n") != std::string::npos);
}

TEST_CASE("Locks: a guest cannot lock a file outside --rw for the host's programs, only for its own") {
    const test::TemporaryFolder folder;
    (void)folder.write("file", "x");
    CHECK(host_can_lock_beside(folder, ""));
    CHECK_FALSE(host_can_lock_beside(folder, "--rw " + folder.path()));
}

TEST_CASE("Locks: a guest sees the host's record locks on a file outside --rw") {
    const test::TemporaryFolder folder;
    const Held held(folder.write("file", std::string(200, 'x')));
    const test::ProcessResult look =
        test::emulate({"run"}, {test_guest_path("locks.glibc"), "look", folder.path() + "/file"});
    CHECK(look.out == "sees: 0 type 1 whence 0 0+10 other\nrecord -11\nelsewhere 0\n");
}
