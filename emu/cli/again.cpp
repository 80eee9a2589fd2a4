#include "emu/cli/again.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "kernel/host/journal.h"

namespace emu {
namespace {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;
using mmu::Error, mmu::Expected, mmu::u64, mmu::Unexpected, mmu::usize;

constexpr const char* kOption = "--again=";
constexpr std::string_view kMagic = "mmuscope again 1";
constexpr off_t kMostBytes = off_t{64} << 20;

std::string bytes_of(const Again& again) {
    std::string text(kMagic);
    put_number(text, again.environment.size());
    for (const auto& [name, entry] : again.environment) {
        put_bytes(text, name);
        put_bytes(text, entry);
    }
    put_number(text, again.descriptors.size());
    for (const int fd : again.descriptors) put_number(text, static_cast<u64>(fd));
    put_bytes(text, again.terminal);
    put_bytes(text, again.state);
    return text;
}

Expected<Again, Error> again_of(std::string_view text) {
    const auto damaged = [] { return Unexpected{Error{"--again is for mmuscope itself"}}; };
    if (!text.starts_with(kMagic)) return damaged();
    text.remove_prefix(kMagic.size());
    Again again;
    u64 count = 0, fd = 0;
    std::string_view name, entry;
    for (get_number(text, count); count && get_bytes(text, name) && get_bytes(text, entry); --count)
        again.environment.emplace_back(name, entry);
    for (get_number(text, count); count && get_number(text, fd); --count)
        again.descriptors.push_back(static_cast<int>(fd));
    if (count || !get_bytes(text, name) || !get_bytes(text, entry)) return damaged();
    again.terminal = name;
    again.state = entry;
    return again;
}

/// A file in memory that holds the text, and outlives execve(2); -1: there is none to be had.
int file_with(const std::string& text) {
    const int fd = ::memfd_create("mmuscope again", 0);
    for (usize done = 0; fd >= 0 && done < text.size();) {
        const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
        if (put <= 0 && errno != EINTR) {
            ::close(fd);
            return -1;
        }
        done += static_cast<usize>(std::max<ssize_t>(put, 0));
    }
    return fd;
}

std::string text_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || status.st_size > kMostBytes) return {};
    std::string text(static_cast<usize>(status.st_size), '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    text.resize(static_cast<usize>(std::max<ssize_t>(got, 0)));
    return text;
}

/// The words that this process was executed with.
std::vector<std::string> own_command_line() {
    std::vector<std::string> words;
    std::FILE* const file = std::fopen("/proc/self/cmdline", "re");
    if (!file) return words;
    std::string word;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
        if (c)
            word += static_cast<char>(c);
        else
            words.push_back(std::exchange(word, {}));
    }
    std::fclose(file);
    return words;
}

}  // namespace

Error begin_again(const Options& options, const Again& again) {
    const auto failed = [](const std::string& what) {
        return Error{"the guest cannot begin anew: " + what + ": " + strerror(errno)};
    };
    std::vector<std::string> words = own_command_line();
    if (words.size() < 2) return failed("/proc/self/cmdline");
    if (words[1].starts_with(kOption)) words.erase(words.begin() + 1);
    // The guest's words are the last ones; those of a replay are in its file.
    if (options.replay.empty() && words.size() > options.guest.size()) {
        words.resize(words.size() - options.guest.size());
        words.insert(words.end(), again.guest.begin(), again.guest.end());
    }
    const int file = file_with(bytes_of(again));
    if (file < 0) return failed("memfd_create");
    words.insert(words.begin() + 1, kOption + std::to_string(file));
    for (const int fd : again.descriptors) (void)::fcntl(fd, F_SETFD, 0);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::fflush(nullptr);
    ::execv("/proc/self/exe", pointers.data());
    return failed("/proc/self/exe");
}

Expected<Again, Error> take_again(std::vector<std::string>& arguments) {
    if (arguments.size() < 2 || !arguments[1].starts_with(kOption)) return Again{};
    const std::string number = arguments[1].substr(strlen(kOption));
    const bool digits =
        !number.empty() && number.size() < 7 && number.find_first_not_of("0123456789") == std::string::npos;
    const int fd = digits ? std::stoi(number) : -1;
    auto again = again_of(text_of(fd));
    if (!again) return again;
    ::close(fd);
    arguments.erase(arguments.begin() + 1);
    for (const int each : again->descriptors) (void)::fcntl(each, F_SETFD, FD_CLOEXEC);
    return again;
}

void change_environment(std::vector<std::string>& environment, const Again& again) {
    for (const auto& [name, entry] : again.environment) {
        std::erase_if(environment, [&](const std::string& each) { return each.starts_with(name + "="); });
        if (!entry.empty()) environment.push_back(entry);
    }
}

}  // namespace emu
