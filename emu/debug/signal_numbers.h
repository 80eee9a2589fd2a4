// GDB numbers signals in its own way (include/gdb/signals.def); Linux's are what the guest knows.
#pragma once

namespace emu {

inline constexpr int kGdbOfLinux[32] = {0,   1,  2,  3,  4,  5,  6,  10, 8,  9,  30, 11, 31, 13, 14, 15,
                                        143, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12};

constexpr int gdb_signal(int linux_number) {
    if (linux_number < 0 || linux_number > 64) return 143;  // unknown
    if (linux_number < 32) return kGdbOfLinux[linux_number];
    return linux_number == 32 ? 77 : linux_number == 64 ? 78 : linux_number + 12;
}

/// 0 for what Linux does not have.
constexpr int linux_signal(int gdb_number) {
    for (int n = 1; n <= 64; ++n)
        if (gdb_signal(n) == gdb_number) return n;
    return 0;
}

}  // namespace emu
