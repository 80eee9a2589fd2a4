// Values as strace writes them: flags by name, strings with escapes, structures. Sources: strace(1), and the
// headers of Linux for the numbers.
#pragma once

#include <array>
#include <string>

#include "kernel/state.h"
#include "mmu/mmu.h"

namespace emu {

using mmu::i64;
using mmu::u16;
using mmu::u32;
using mmu::u64;
using mmu::u8;
using mmu::usize;

/// Reads guest memory of the task whose address space is loaded; it changes nothing.
class GuestView {
  public:
    explicit GuestView(kernel::KernelState& kernel) : kernel_(kernel) {}
    bool read(u64 address, void* to, u64 bytes) const;
    template <class T>
    bool get(T& value, u64 address) const {
        return address && read(address, &value, sizeof value);
    }
    /// Up to `limit` bytes before a NUL; false: not readable.
    bool text(u64 address, u64 limit, std::string& value, bool& whole) const;

  private:
    kernel::KernelState& kernel_;
};

struct Name {
    u64 value;
    const char* name;
};

std::string strace_pointer(u64 value);  ///< "NULL", "0x1000"
std::string strace_printf(const char* pattern, ...) __attribute__((format(printf, 1, 2)));
/// The first 32 bytes in quotes, "..." behind when there are more.
std::string strace_quoted(const u8* bytes, u64 size, u64 total);
/// "O_RDONLY|O_CLOEXEC": names for bits, what is left in hexadecimal; `none` for 0.
std::string strace_flags(u64 value, const Name* names, usize count, const char* none, const char* unknown);
template <std::size_t N>
std::string strace_flags(u64 value, const Name (&names)[N], const char* none = "0",
                         const char* unknown = "") {
    return strace_flags(value, names, N, none, unknown);
}
/// One of a list; "0x7 /* SEEK_??? */" otherwise.
std::string strace_one_of(u64 value, const Name* names, usize count, const char* unknown);
template <std::size_t N>
std::string strace_one_of(u64 value, const Name (&names)[N], const char* unknown) {
    return strace_one_of(value, names, N, unknown);
}

std::string strace_signal(int signal);     ///< "SIGINT", "SIGRT_1"
std::string strace_sigset(u64 mask);       ///< "[INT CHLD]", "~[KILL]"
std::string strace_mode(u32 mode);         ///< "S_IFREG|0644"
std::string strace_permissions(u32 mode);  ///< "0644"
std::string strace_timespec(i64 seconds, i64 nanoseconds);
std::string strace_file_time(i64 seconds, i64 nanoseconds);  ///< with the date, or UTIME_NOW
std::string strace_socket_address(const u8* bytes, u64 size);
const char* strace_error_text(int error);

}  // namespace emu
