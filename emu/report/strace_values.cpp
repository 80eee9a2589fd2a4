#include "emu/report/strace_values.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdarg>
#include <cstring>
#include <ctime>

#include "kernel/signal.h"

namespace emu {

namespace {

constexpr u64 kMaxString = 32;  ///< strace -s

}  // namespace

bool GuestView::read(u64 address, void* to, u64 bytes) const {
    for (u64 done = 0; done < bytes;) {
        const u64 at = address + done;
        const u64 step = std::min(bytes - done, mmu::kPageSize - at % mmu::kPageSize);
        if (at < address || at >> 47) return false;
        const auto page = kernel_.hw.peek(mmu::VirtAddr{at}, mmu::Access::kLoad, mmu::Privilege::kUser);
        if (!page || !page->host) return false;
        std::memcpy(static_cast<u8*>(to) + done, page->host, step);
        done += step;
    }
    return true;
}

bool GuestView::text(u64 address, u64 limit, std::string& value, bool& whole) const {
    value.clear();
    whole = false;
    while (value.size() < limit) {
        char byte = 0;
        if (!read(address + value.size(), &byte, 1)) return !value.empty();
        if (!byte) {
            whole = true;
            return true;
        }
        value += byte;
    }
    return true;
}

std::string strace_printf(const char* pattern, ...) {
    char text[512];
    va_list values;
    va_start(values, pattern);
    const int length = std::vsnprintf(text, sizeof text, pattern, values);
    va_end(values);
    return std::string(text, std::min<usize>(static_cast<usize>(std::max(length, 0)), sizeof text - 1));
}

std::string strace_pointer(u64 value) {
    return value ? strace_printf("%#llx", static_cast<unsigned long long>(value)) : "NULL";
}

std::string strace_quoted(const u8* bytes, u64 size, u64 total) {
    std::string text = "\"";
    const u64 shown = std::min(size, kMaxString);
    for (u64 i = 0; i < shown; ++i) {
        const u8 byte = bytes[i];
        static constexpr char kLetters[] = "tnvfr";  // 9 to 13
        if (byte >= 9 && byte <= 13) {
            text += '\\';
            text += kLetters[byte - 9];
        } else if (byte == '"' || byte == '\\') {
            text += '\\';
            text += static_cast<char>(byte);
        } else if (byte >= 32 && byte < 127) {
            text += static_cast<char>(byte);
        } else {  // as few octal digits as the next character allows
            const bool digit = i + 1 < shown && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
            text += strace_printf(digit ? "\\%03o" : "\\%o", byte);
        }
    }
    text += '"';
    if (total > shown) text += "...";
    return text;
}

std::string strace_flags(u64 value, const Name* names, usize count, const char* none, const char* unknown) {
    std::string text;
    for (usize i = 0; i < count; ++i) {
        if (!names[i].value || (value & names[i].value) != names[i].value) continue;
        text += (text.empty() ? "" : "|") + std::string(names[i].name);
        value &= ~names[i].value;
    }
    if (!value) return text.empty() ? none : text;
    const std::string left = strace_printf("%#llx", static_cast<unsigned long long>(value));
    if (!text.empty()) return text + "|" + left;
    return *unknown ? left + " /* " + unknown + " */" : left;
}

std::string strace_one_of(u64 value, const Name* names, usize count, const char* unknown) {
    for (usize i = 0; i < count; ++i)
        if (names[i].value == value) return names[i].name;
    const std::string text = strace_printf("%#llx", static_cast<unsigned long long>(value));
    return *unknown ? text + " /* " + unknown + " */" : text;
}

std::string strace_signal(int signal) {
    if (signal >= 0 && signal <= 32) return kernel::signal_name(signal);
    if (signal > 32 && signal <= 64) return strace_printf("SIGRT_%d", signal - 32);
    return std::to_string(signal);
}

std::string strace_sigset(u64 mask) {
    const bool inverted = __builtin_popcountll(mask) >= 32;
    if (inverted) mask = ~mask;
    std::string text = inverted ? "~[" : "[";
    const char* separator = "";
    for (int signal = 1; signal <= 64; ++signal) {
        if (!(mask >> (signal - 1) & 1)) continue;
        const std::string name = strace_signal(signal);
        text += separator + name.substr(3);
        separator = " ";
    }
    return text + "]";
}

std::string strace_permissions(u32 mode) {
    return mode ? strace_printf(mode < 0100 ? "%#03o" : "%#o", mode) : "000";
}

std::string strace_mode(u32 mode) {
    static constexpr Name kTypes[] = {{S_IFREG, "S_IFREG"},  {S_IFDIR, "S_IFDIR"}, {S_IFCHR, "S_IFCHR"},
                                      {S_IFBLK, "S_IFBLK"},  {S_IFIFO, "S_IFIFO"}, {S_IFLNK, "S_IFLNK"},
                                      {S_IFSOCK, "S_IFSOCK"}};
    std::string text;
    if (mode & S_IFMT) text = strace_one_of(mode & S_IFMT, kTypes, "") + "|";
    if (mode & S_ISUID) text += "S_ISUID|";
    if (mode & S_ISGID) text += "S_ISGID|";
    if (mode & S_ISVTX) text += "S_ISVTX|";
    return text + strace_printf("%#03o", mode & 0777);
}

std::string strace_timespec(i64 seconds, i64 nanoseconds) {
    return strace_printf("{tv_sec=%lld, tv_nsec=%lld}", static_cast<long long>(seconds),
                         static_cast<long long>(nanoseconds));
}

std::string strace_file_time(i64 seconds, i64 nanoseconds) {
    constexpr i64 kNow = (1 << 30) - 1, kOmit = (1 << 30) - 2;  // UTIME_NOW, UTIME_OMIT
    if (nanoseconds == kNow) return "UTIME_NOW";
    if (nanoseconds == kOmit) return "UTIME_OMIT";
    const std::string time = strace_timespec(seconds, nanoseconds);
    std::tm parts{};
    const time_t when = static_cast<time_t>(seconds);
    char text[80];
    if ((!seconds && !nanoseconds) || !gmtime_r(&when, &parts) ||
        !std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts))
        return time;
    const std::string fraction =
        nanoseconds ? strace_printf(".%09lld", static_cast<long long>(nanoseconds)) : std::string{};
    return time + " /* " + text + fraction + "+0000 */";
}

std::string strace_socket_address(const u8* bytes, u64 size) {
    sockaddr_storage storage{};
    std::memcpy(&storage, bytes, std::min<u64>(size, sizeof storage));
    char text[INET6_ADDRSTRLEN];
    if (size < 2) return "{}";
    if (storage.ss_family == AF_UNIX) {
        if (size <= 2) return "{sa_family=AF_UNIX}";
        const u64 room = size - 2;
        const u8* path = bytes + 2;
        if (!*path)
            return "{sa_family=AF_UNIX, sun_path=@" + strace_quoted(path + 1, room - 1, room - 1) + "}";
        const u64 length = strnlen(reinterpret_cast<const char*>(path), room);
        return "{sa_family=AF_UNIX, sun_path=" + strace_quoted(path, length, length) + "}";
    }
    if (storage.ss_family == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, &storage, sizeof address);
        inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
        return strace_printf("{sa_family=AF_INET, sin_port=htons(%u), sin_addr=inet_addr(\"%s\")}",
                             ntohs(address.sin_port), text);
    }
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 address;
        std::memcpy(&address, &storage, sizeof address);
        inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
        return strace_printf(
            "{sa_family=AF_INET6, sin6_port=htons(%u), sin6_flowinfo=htonl(%u), "
            "inet_pton(AF_INET6, \"%s\", &sin6_addr), sin6_scope_id=%u}",
            ntohs(address.sin6_port), ntohl(address.sin6_flowinfo), text, address.sin6_scope_id);
    }
    return strace_printf("{sa_family=%#x /* AF_??? */}", storage.ss_family);
}

const char* strace_error_text(int error) {
    const char* text = strerrordesc_np(error);
    return text ? text : "Unknown error";
}

}  // namespace emu
