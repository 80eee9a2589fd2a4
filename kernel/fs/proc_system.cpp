// Purpose: the files of /proc that are about no process and not about memory. See proc_table.h. Linux:
// fs/proc/version.c, uptime.c, loadavg.c, kernel/sysctl.c.
#include "kernel/fs/proc_table.h"

namespace kernel {

namespace {

std::string uptime(KernelState& kernel, Task&) {
    const u64 hundredths = kernel.clock.now_ns() / 10'000'000;
    return proc_format("%llu.%02llu 0.00\n", proc_number(hundredths / 100), proc_number(hundredths % 100));
}
std::string loadavg(KernelState&, Task&) {
    return "0.00 0.00 0.00 1/1 1000\n";
}
std::string version(KernelState&, Task&) {
    return "Linux version 6.12.0 (mmuscope) #1\n";
}
std::string filesystems(KernelState&, Task&) {
    return "nodev\tproc\nnodev\ttmpfs\n";
}
std::string osrelease(KernelState&, Task&) {
    return "6.12.0\n";
}
std::string ostype(KernelState&, Task&) {
    return "Linux\n";
}
std::string hostname(KernelState&, Task&) {
    return "mmuscope\n";
}
std::string pid_max(KernelState&, Task&) {
    return "32768\n";
}
std::string randomize_va_space(KernelState& kernel, Task&) {
    return kernel.config.randomize ? "2\n" : "0\n";
}

std::string locks(KernelState& kernel, Task&) {
    return proc_locks(kernel);
}

constexpr ProcRow kRows[] = {
    {"filesystems", filesystems},
    {"loadavg", loadavg},
    {"locks", locks},
    {"sys/kernel/hostname", hostname},
    {"sys/kernel/osrelease", osrelease},
    {"sys/kernel/ostype", ostype},
    {"sys/kernel/pid_max", pid_max},
    {"sys/kernel/randomize_va_space", randomize_va_space},
    {"uptime", uptime},
    {"version", version},
};

}  // namespace

std::span<const ProcRow> proc_system_rows() {
    return kRows;
}

}  // namespace kernel
