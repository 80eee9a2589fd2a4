// Error numbers of the system call interface: Linux's own (the host's <cerrno> has the same numbers on
// x86-64), and their names for log lines. Inside the kernel an error is a negative number, as in Linux:
// `return -ENOENT`.
#pragma once

#include <cerrno>

namespace kernel {

/// "ENOENT" for 2; "E?" for a number that Linux does not have.
const char* errno_name(int number);

}  // namespace kernel
