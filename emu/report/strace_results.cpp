// What a call returned, and what a signal brings, as strace shows them.
#include <algorithm>

#include "emu/report/strace_args.h"
#include "emu/report/strace_names.h"
#include "emu/report/strace_structs.h"
#include "kernel/signal.h"

namespace emu {

namespace {

std::string ready_poll(const GuestView& guest, const kernel::TracedCall& call) {
    std::string text;
    for (u64 i = 0; i < std::min<u64>(call.args[1], 1024); ++i) {
        pollfd entry;
        if (!guest.get(entry, call.args[0] + i * sizeof entry)) break;
        if (!entry.revents) continue;
        text += (text.empty() ? "" : ", ") + strace_printf("{fd=%d, revents=", entry.fd) +
                strace_flags(static_cast<u16>(entry.revents), kPoll) + "}";
    }
    return text;
}

}  // namespace

std::string strace_value_of_result(kernel::KernelState& kernel, const kernel::Task&,
                                   const kernel::TracedCall& call) {
    const std::string_view name = call.name ? call.name : "";
    const std::string number = std::to_string(call.result);
    const u64 value = static_cast<u64>(call.result);
    const auto flags = [&](const std::string& words) {
        return strace_printf("%#llx (flags %s)", static_cast<unsigned long long>(value), words.c_str());
    };
    if (name == "mmap" || name == "brk" || name == "mremap" || name == "shmat")
        return strace_printf("%#llx", static_cast<unsigned long long>(value));
    if (name == "umask") return strace_permissions(static_cast<u32>(value));
    if (name == "fcntl" && call.args[1] == F_GETFD && value)
        return flags(strace_flags(value, kDescriptorFlags));
    if (name == "fcntl" && call.args[1] == F_GETFL) return flags(strace_open_flags(value));
    if (name == "poll" || name == "ppoll") {
        if (!value) return "0 (Timeout)";
        return number + " ([" + ready_poll(GuestView(kernel), call) + "])";
    }
    if ((name == "select" || name == "pselect6") && !value) return "0 (Timeout)";
    return number;
}

std::string strace_siginfo(const kernel::SigInfo& info) {
    static constexpr struct {
        int signal, code;
        const char* name;
    } kCodes[] = {{SIGSEGV, 1, "SEGV_MAPERR"}, {SIGSEGV, 2, "SEGV_ACCERR"},   {SIGSEGV, 4, "SEGV_PKUERR"},
                  {SIGBUS, 1, "BUS_ADRALN"},   {SIGBUS, 2, "BUS_ADRERR"},     {SIGFPE, 1, "FPE_INTDIV"},
                  {SIGFPE, 2, "FPE_INTOVF"},   {SIGFPE, 3, "FPE_FLTDIV"},     {SIGFPE, 4, "FPE_FLTOVF"},
                  {SIGFPE, 5, "FPE_FLTUND"},   {SIGFPE, 6, "FPE_FLTRES"},     {SIGFPE, 7, "FPE_FLTINV"},
                  {SIGILL, 2, "ILL_ILLOPN"},   {SIGTRAP, 1, "TRAP_BRKPT"},    {SIGTRAP, 2, "TRAP_TRACE"},
                  {SIGCHLD, 1, "CLD_EXITED"},  {SIGCHLD, 2, "CLD_KILLED"},    {SIGCHLD, 3, "CLD_DUMPED"},
                  {SIGCHLD, 5, "CLD_STOPPED"}, {SIGCHLD, 6, "CLD_CONTINUED"}, {SIGIO, 1, "POLL_IN"},
                  {SIGIO, 2, "POLL_OUT"},      {SIGIO, 6, "POLL_HUP"},        {0, 0, "SI_USER"},
                  {0, 0x80, "SI_KERNEL"},      {0, -1, "SI_QUEUE"},           {0, -2, "SI_TIMER"},
                  {0, -6, "SI_TKILL"}};
    std::string code = std::to_string(info.code);
    for (const auto& row : kCodes)
        if (row.code == info.code && (row.signal == info.signo || row.signal == 0)) {
            code = row.name;
            break;
        }
    std::string text = "{si_signo=" + strace_signal(info.signo) + ", si_code=" + code;
    if (info.layout == kernel::SigInfo::Layout::kFault)
        text += ", si_addr=" + strace_pointer(info.address);
    else if (info.layout == kernel::SigInfo::Layout::kChild)
        text += strace_printf(
            ", si_pid=%d, si_uid=%u, si_status=%s, si_utime=%lld, si_stime=%lld", info.pid, info.uid,
            info.code == 1 ? std::to_string(info.status).c_str() : strace_signal(info.status).c_str(),
            static_cast<long long>(info.utime), static_cast<long long>(info.stime));
    else if (info.layout == kernel::SigInfo::Layout::kPoll)
        text += strace_printf(", si_band=%lld, si_fd=%d", static_cast<long long>(info.value), info.status);
    else if (info.code != kernel::kSiKernel)
        text += strace_printf(", si_pid=%d, si_uid=%u", info.pid, info.uid);
    return text + "}";
}

}  // namespace emu
