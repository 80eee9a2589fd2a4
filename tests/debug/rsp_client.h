// A client of gdb's protocol that says what a test wants said, and mmuscope with a guest to say it to.
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace test {

/// mmuscope with a guest that waits for gdb at a socket.
class Server {
  public:
    explicit Server(const char* program = "debuggee.static") : path_(folder_.path() + "/gdb") {
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            const std::string where = "--gdb=unix:" + path_, guest = debug_guest(program);
            freopen("/dev/null", "w", stdout);
            freopen("/dev/null", "w", stderr);
            execl(MMUSCOPE_PROGRAM, "mmuscope", where.c_str(), guest.c_str(), nullptr);
            _exit(127);
        }
    }
    ~Server() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    const std::string& path() const { return path_; }
    bool runs() const { return waitpid(pid_, nullptr, WNOHANG) == 0; }

  private:
    TemporaryFolder folder_;
    std::string path_;
    pid_t pid_;
};

class Client {
  public:
    explicit Client(const Server& server) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strncpy(address.sun_path, server.path().c_str(), sizeof address.sun_path - 1);
        for (int tries = 0; tries < 2000; ++tries) {
            fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
            close(fd_);
            usleep(5000);
        }
        FAIL("no server");
    }
    ~Client() { close(fd_); }
    void raw(const std::string& bytes) { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    void packet(const std::string& data) {
        unsigned char sum = 0;
        for (char c : data) sum = static_cast<unsigned char>(sum + static_cast<unsigned char>(c));
        char text[8];
        snprintf(text, sizeof text, "#%02x", sum);
        raw("$" + data + text);
    }
    /// The next packet's contents; "closed" when there is none.
    std::string reply() {
        while (true) {
            const auto start = buffer_.find('$');
            const auto end = start == std::string::npos ? start : buffer_.find('#', start);
            if (end != std::string::npos && buffer_.size() >= end + 3) {
                const std::string data = buffer_.substr(start + 1, end - start - 1);
                buffer_.erase(0, end + 3);
                raw("+");
                return data;
            }
            char bytes[4096];
            pollfd entry{fd_, POLLIN, 0};
            if (poll(&entry, 1, 20000) <= 0) return "silence";
            const ssize_t got = read(fd_, bytes, sizeof bytes);
            if (got <= 0) return "closed";
            buffer_.append(bytes, static_cast<std::size_t>(got));
        }
    }
    std::string ask(const std::string& data) {
        packet(data);
        return reply();
    }

  private:
    int fd_ = -1;
    std::string buffer_;
};

}  // namespace test
