#include "emu/report/strace.h"

#include <algorithm>

#include "emu/report/strace_args.h"
#include "emu/report/strace_values.h"
#include "kernel/state.h"
#include "kernel/wait.h"

namespace emu {

using kernel::TracedCall;

namespace {

constexpr usize kResultColumn = 40;  ///< strace -a

/// Calls that do not come back, or not to the program that made them: shown when they begin.
bool shown_at_entry(const char* name) {
    const std::string_view call = name ? name : "";
    return call == "exit" || call == "exit_group" || call == "execve";
}

}  // namespace

mmu::Expected<Strace, mmu::Error> Strace::create(const StraceOptions& options, std::FILE* out) {
    Strace trace;
    trace.options_ = options;
    trace.out_ = out;
    std::string filter = options.filter;
    for (const char* prefix : {"trace=", "t="})
        if (filter.starts_with(prefix)) filter = filter.substr(std::string_view(prefix).size());
    if (filter.starts_with('!')) {
        trace.inverted_ = true;
        filter = filter.substr(1);
    }
    for (usize from = 0; from < filter.size();) {
        const usize end = std::min(filter.find(',', from), filter.size());
        std::string set = filter.substr(from, end - from);
        if (strace_in_set(set, "") == InSet::kUnknownSet)
            return mmu::Unexpected{mmu::Error{"--strace-e: there is no system call or class '" + set + "'"}};
        trace.sets_.push_back(std::move(set));
        from = end + 1;
    }
    return trace;
}

bool Strace::traced(const kernel::Task& task, const char* name) const {
    if (!options_.follow && task.pid != first_) return false;
    if (sets_.empty()) return true;
    const bool member = std::any_of(sets_.begin(), sets_.end(), [&](const std::string& set) {
        return strace_in_set(set, name) == InSet::kYes;
    });
    return member != inverted_;
}

void Strace::begin_line(const kernel::Task& task) {
    if (task.pid != first_) prefixed_ = true;
    if (options_.follow && !options_.file.empty())
        std::fprintf(out_, "%-5d ", task.pid);
    else if (prefixed_)
        std::fprintf(out_, "[pid %5d] ", task.pid);
}

/// Another task's call is under way: its line ends here and is taken up later.
void Strace::suspend_others(int pid) {
    for (auto& [other, open] : open_) {
        if (other == pid || open.printed) continue;
        open.printed = true;
        kernel::Task named;
        named.pid = other;
        begin_line(named);
        std::fprintf(out_, "%s(%s <unfinished ...>\n", open.call.name ? open.call.name : "?",
                     open.shown.c_str());
    }
}

void Strace::end_call(const std::string& text, const std::string& result) {
    const std::string padding(text.size() < kResultColumn - 1 ? kResultColumn - 1 - text.size() : 0, ' ');
    std::fprintf(out_, "%s%s = %s\n", text.c_str(), padding.c_str(), result.c_str());
    std::fflush(out_);
}

void Strace::on_enter(kernel::KernelState& kernel, const kernel::Task& task, const TracedCall& call) {
    if (!traced(task, call.name) || open_.count(task.pid)) return;
    Open& open = open_[task.pid];
    open.call = call;
    open.began = kernel.clock.instructions;
    const int length = strace_length_argument(call);
    u32 room = 0;
    if (length >= 0 && GuestView(kernel).get(room, call.args[static_cast<usize>(length)]))
        open.entry.length = room;
    if (shown_at_entry(call.name)) open.shown = strace_arguments(kernel, task, call, true, open.entry);
}

void Strace::on_exit(kernel::KernelState& kernel, const kernel::Task& task, const TracedCall& call) {
    const auto found = open_.find(task.pid);
    if (found == open_.end()) return;
    Open& open = found->second;
    if (call.result == -kernel::kCallBlocked) {
        if (!open.shown.empty()) return;
        open.shown = strace_arguments(kernel, task, open.call, false, open.entry);
        open.entry.shown = strace_arguments_before(open.call);
        return;
    }
    TracedCall done = open.call;
    done.result = call.result;
    const char* name = done.name ? done.name : "?";
    Count& count = counts_[name];
    count.calls++;
    count.errors += done.result < 0 && done.result > -4096;
    count.instructions += kernel.clock.instructions - open.began;
    if (!options_.summary) {
        suspend_others(task.pid);
        std::string rest;
        if (!shown_at_entry(done.name)) rest = strace_arguments(kernel, task, done, true, open.entry);
        if (done.name && std::string_view(done.name) == "rt_sigreturn")  // what it has brought back
            rest = "{mask=" + strace_sigset(task.signals.blocked) + "}";
        begin_line(task);
        const std::string text = open.printed ? std::string("<... ") + name + " resumed>" + rest + ")"
                                              : std::string(name) + "(" + open.shown + rest + ")";
        end_call(text, strace_result(kernel, task, done));
    }
    open_.erase(found);
}

void Strace::begin(const std::string& path, const std::vector<std::string>& arguments, usize variables,
                   u64 envp) {
    const bool wanted = sets_.empty() || std::any_of(sets_.begin(), sets_.end(), [](const std::string& set) {
                                             return strace_in_set(set, "execve") == InSet::kYes;
                                         }) != inverted_;
    if (options_.follow && !options_.file.empty()) {
        kernel::Task first;
        first.pid = kernel::kFirstPid;
        if (wanted && !options_.summary) begin_line(first);
    }
    if (!wanted) return;
    counts_["execve"].calls++;
    if (options_.summary) return;
    const auto quoted = [](const std::string& text, usize shown) {
        const usize size = std::min(text.size(), shown);
        return strace_quoted(reinterpret_cast<const u8*>(text.data()), size, text.size());
    };
    std::string text = "execve(\"" + path + "\", [";
    for (usize i = 0; i < arguments.size(); ++i) text += (i ? ", " : "") + quoted(arguments[i], 32);
    text += strace_printf("], %#llx /* %zu var%s */)", static_cast<unsigned long long>(envp), variables,
                          variables == 1 ? "" : "s");
    end_call(text, "0");
}

void Strace::on_signal(kernel::KernelState&, const kernel::Task& task, const kernel::SigInfo& info) {
    if (options_.summary || (!options_.follow && task.pid != first_)) return;
    begin_line(task);
    std::fprintf(out_, "--- %s %s ---\n", strace_signal(info.signo).c_str(), strace_siginfo(info).c_str());
}

void Strace::on_end(kernel::KernelState&, const kernel::Task& task, kernel::ExitStatus status) {
    const auto found = open_.find(task.pid);
    if (found != open_.end()) {
        if (!options_.summary) {
            suspend_others(task.pid);
            begin_line(task);
            end_call(std::string(found->second.call.name) + "(" + found->second.shown + ")", "?");
        }
        counts_[found->second.call.name].calls++;
        open_.erase(found);
    }
    if (options_.summary || (!options_.follow && task.pid != first_)) return;
    begin_line(task);
    if (status.killed_by)
        std::fprintf(out_, "+++ killed by %s +++\n", strace_signal(status.killed_by).c_str());
    else
        std::fprintf(out_, "+++ exited with %d +++\n", status.code);
    std::fflush(out_);
}

/// Deviation: seconds are virtual, a nanosecond an instruction that passed during the call.
void Strace::finish() {
    if (!options_.summary) return;
    std::vector<std::pair<std::string, Count>> rows(counts_.begin(), counts_.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a.second.instructions != b.second.instructions ? a.second.instructions > b.second.instructions
                                                              : a.second.calls > b.second.calls;
    });
    Count total;
    for (const auto& [name, count] : rows) {
        total.calls += count.calls;
        total.errors += count.errors;
        total.instructions += count.instructions;
    }
    const auto line = [&](const Count& count, const char* name) {
        const double share = total.instructions ? 100.0 * static_cast<double>(count.instructions) /
                                                      static_cast<double>(total.instructions)
                                                : 0.0;
        const std::string errors = count.errors ? std::to_string(count.errors) : "";
        std::fprintf(
            out_, "%6.2f %11.6f %11llu %9llu %9s %s\n", share, static_cast<double>(count.instructions) / 1e9,
            static_cast<unsigned long long>(count.calls ? count.instructions / count.calls / 1000 : 0),
            static_cast<unsigned long long>(count.calls), errors.c_str(), name);
    };
    constexpr const char* kRule = "------ ----------- ----------- --------- --------- ----------------\n";
    std::fprintf(out_, "%% time     seconds  usecs/call     calls    errors syscall\n%s", kRule);
    for (const auto& [name, count] : rows) line(count, name.c_str());
    std::fputs(kRule, out_);
    line(total, "total");
    std::fflush(out_);
}

}  // namespace emu
