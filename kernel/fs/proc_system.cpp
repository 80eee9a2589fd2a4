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
std::string randomize_va_space(KernelState&, Task&) {
    return "2\n";  // personality() is what turns it off
}

std::string locks(KernelState& kernel, Task&) {
    return proc_locks(kernel);
}

/// The lines that programs look for: one CPU, its time in ticks, the processes.
std::string stat(KernelState& kernel, Task&) {
    constexpr u64 kTick_ns = 10'000'000;
    const unsigned long long busy = kernel.clock.instructions / kTick_ns,
                             idle = kernel.clock.slept_ns / kTick_ns;
    std::string text = proc_format("cpu  %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 %llu 0 0 %llu 0 0 0 0 0 0\nintr 0\n",
                                   busy, idle, busy, idle);
    text += proc_format("ctxt %llu\nbtime %llu\nprocesses %d\n", proc_number(kernel.stats.context_switches),
                        proc_number(kernel.config.epoch), kernel.last_pid - kFirstPid + 1);
    return text + proc_format("procs_running %zu\nprocs_blocked 0\n", kernel.sched.run_queue.size() + 1);
}
std::string cpuinfo(KernelState& kernel, Task&) {
    return kernel.config.cpuinfo;
}
std::string tty_drivers(KernelState&, Task&) {
    return "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
           "pty_slave            /dev/pts      136 0-1048575 pty:slave\n";
}
template <const char* const& kText>
std::string fixed(KernelState&, Task&) {
    return kText;
}
constexpr const char* k40 = "40\n";
constexpr const char* k4096 = "4096\n";
constexpr const char* k65534 = "65534\n";
constexpr const char* k65536 = "65536\n";
constexpr const char* kMega = "1048576\n";
constexpr const char* kNothing = "";

constexpr ProcRow kRows[] = {
    {"cmdline", fixed<kNothing>},
    {"cpuinfo", cpuinfo},
    {"filesystems", filesystems},
    {"loadavg", loadavg},
    {"locks", locks},
    {"stat", stat},
    {"sys/fs/nr_open", fixed<kMega>},
    {"sys/fs/pipe-max-size", fixed<kMega>},
    {"sys/kernel/cap_last_cap", fixed<k40>},
    {"sys/kernel/hostname", hostname},
    {"sys/kernel/ngroups_max", fixed<k65536>},
    {"sys/kernel/osrelease", osrelease},
    {"sys/kernel/ostype", ostype},
    {"sys/kernel/overflowgid", fixed<k65534>},
    {"sys/kernel/overflowuid", fixed<k65534>},
    {"sys/kernel/pid_max", pid_max},
    {"sys/kernel/randomize_va_space", randomize_va_space},
    {"sys/net/core/somaxconn", fixed<k4096>},
    {"tty/drivers", tty_drivers},
    {"uptime", uptime},
    {"version", version},
};

}  // namespace

std::span<const ProcRow> proc_system_rows() {
    return kRows;
}

}  // namespace kernel
