// What a user decides about the machine's operating system, as plain values.
#pragma once

#include <string>
#include <vector>

#include "kernel/inject.h"
#include "mmu/base/ints.h"

namespace kernel {

/// Which of the host's files a guest may reach. The default: read what the user may read, write none.
struct FilePolicy {
    std::string root;                   ///< --root DIR: this folder is the guest's "/"; empty: the host's own
    std::vector<std::string> writable;  ///< --rw DIR: folders in which the guest may create and write
    bool none = false;                  ///< --no-files: nothing beyond stdin, stdout and stderr
};

/// /sys/kernel/mm/transparent_hugepage/enabled
enum class ThpMode : mmu::u8 { kNever, kMadvise, kAlways };

/// vm.overcommit_memory
enum class Overcommit : mmu::u8 { kGuess = 0, kAlways = 1, kNever = 2 };

struct KernelConfig {
    mmu::u64 seed = 1;       ///< of AT_RANDOM, getrandom and address-space randomisation
    bool randomize = false;  ///< addresses as with randomize_va_space=2; otherwise as under setarch -R
    mmu::u64 stack_limit = 8u << 20;  ///< RLIMIT_STACK, bytes
    mmu::u64 quantum = 1'000'000;     ///< instructions that a task runs while others want to, on average
    FilePolicy files;
    bool network = false;  ///< --net: sockets of the internet families, over loopback only
    /// The date at the start, in seconds since 1970: fixed, so that two runs are alike. Later than any file
    /// of the host's, so that none seems to come from the future. 2030-01-01 00:00:00 UTC.
    mmu::u64 epoch = 1893456000;
    bool host_time = false;  ///< --time host: clocks go with the host's, and sleeping takes as long as it says
    std::string platform = "x86_64";  ///< AT_PLATFORM
    ThpMode thp = ThpMode::kMadvise;  ///< transparent huge pages
    mmu::u64 huge_pages_2m = 0, huge_pages_1g = 0;  ///< --hugepages: pages of the hugetlb pools
    bool la57 = false;                ///< 5-level page tables
    mmu::u64 swap_bytes = 0;          ///< of swap space
    Overcommit overcommit = Overcommit::kGuess;
    Injector inject;                  ///< --inject SITE:N
    mmu::u64 readahead_bytes = 128u << 10;    ///< --readahead: the largest window
    mmu::u64 fault_around_bytes = 64u << 10;  ///< pages mapped around a read fault of a file
    bool skip_invlpg = false;         ///< --inject skip-invlpg: TLB flushes are forgotten on purpose
    mmu::u64 hwcap = 0;               ///< AT_HWCAP: CPUID.1:EDX as the CPU reports it
    mmu::u64 hwcap2 = 0;              ///< AT_HWCAP2
    std::string cpuinfo;              ///< /proc/cpuinfo, which tells of the CPU alone
    mmu::u64 xcr0 = 0;                ///< state components that XSAVE keeps; 0: the CPU has no XSAVE
};

}  // namespace kernel
