// What a user decides about the machine's operating system, as plain values.
#pragma once

#include <string>
#include <vector>

#include "mmu/base/ints.h"

namespace kernel {

/// Which of the host's files a guest may reach. The default: read what the user may read, write none.
struct FilePolicy {
    std::string root;                    ///< --root DIR: this folder is the guest's "/"; empty: the host's own
    std::vector<std::string> writable;   ///< --rw DIR: folders in which the guest may create and write
    bool none = false;                   ///< --no-files: nothing beyond stdin, stdout and stderr
};

struct KernelConfig {
    mmu::u64 seed = 1;         ///< of AT_RANDOM, getrandom and address-space randomisation
    bool randomize = false;    ///< addresses as with randomize_va_space=2; otherwise as under setarch -R
    mmu::u64 stack_limit = 8u << 20;  ///< RLIMIT_STACK, bytes
    FilePolicy files;
    std::string platform = "x86_64";  ///< AT_PLATFORM
    mmu::u64 hwcap = 0;               ///< AT_HWCAP: CPUID.1:EDX as the CPU reports it
};

}  // namespace kernel
