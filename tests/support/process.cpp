#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace test {

namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_since(Clock::time_point start) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const ProcessOptions& options, int in,
                         int out, int err) {
    dup2(in, 0), dup2(out, 1), dup2(err, 2);
    signal(SIGPIPE, SIG_DFL);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(127);
    if (options.same_addresses) personality(ADDR_NO_RANDOMIZE);
    // Linux's usual limit, whatever the shell's is: a recursion without end must come to one natively too.
    rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) == 0) {
        stack.rlim_cur = std::min<rlim_t>(8u << 20, stack.rlim_max);
        setrlimit(RLIMIT_STACK, &stack);
    }
    execve(arguments[0].c_str(), pointers(arguments).data(), pointers(options.environment).data());
    _exit(127);
}

struct Pipe {
    int read_end = -1, write_end = -1;
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) == 0) read_end = ends[0], write_end = ends[1];
    }
    ~Pipe() { close_read(), close_write(); }
    void close_read() {
        if (read_end >= 0) close(read_end), read_end = -1;
    }
    void close_write() {
        if (write_end >= 0) close(write_end), write_end = -1;
    }
};

/// False when the pipe has come to its end.
bool drain(int descriptor, std::string& into) {
    char buffer[65536];
    const ssize_t count = read(descriptor, buffer, sizeof buffer);
    if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
}

/// Feeds and empties the pipes until both outputs are closed or time is up.
void converse(pid_t child, Pipe& in, Pipe& out, Pipe& err, const ProcessOptions& options,
              ProcessResult& result) {
    const Clock::time_point start = Clock::now();
    std::size_t fed = 0;
    bool interrupted = options.interrupt_after_ms == 0;
    if (options.input.empty()) in.close_write();
    while (out.read_end >= 0 || err.read_end >= 0) {
        if (!interrupted && milliseconds_since(start) >= options.interrupt_after_ms) {
            kill(child, SIGINT);
            interrupted = true;
        }
        if (milliseconds_since(start) > options.timeout_seconds * 1000) {
            result.timed_out = true;
            kill(child, SIGKILL);
            return;
        }
        pollfd waits[3] = {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}, {in.write_end, POLLOUT, 0}};
        poll(waits, 3, 20);
        if (waits[0].revents && !drain(out.read_end, result.out)) out.close_read();
        if (waits[1].revents && !drain(err.read_end, result.err)) err.close_read();
        if (waits[2].revents) {
            const ssize_t count = write(in.write_end, options.input.data() + fed, options.input.size() - fed);
            if (count > 0) fed += static_cast<std::size_t>(count);
            if (count < 0 || fed == options.input.size()) in.close_write();
        }
    }
}

}  // namespace

ProcessResult run(const std::vector<std::string>& arguments, const ProcessOptions& options) {
    ProcessResult result;
    signal(SIGPIPE, SIG_IGN);
    Pipe in, out, err;
    const Clock::time_point start = Clock::now();
    const pid_t child = fork();
    if (child == 0) become(arguments, options, in.read_end, out.write_end, err.write_end);
    in.close_read(), out.close_write(), err.close_write();
    if (child < 0) {
        result.status = 127;
        return result;
    }
    fcntl(in.write_end, F_SETFL, O_NONBLOCK);
    converse(child, in, out, err, options, result);
    int status = 0;
    waitpid(child, &status, 0);
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    result.seconds = milliseconds_since(start) / 1000.0;
    return result;
}

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mmuscope-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& content) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

}  // namespace test
