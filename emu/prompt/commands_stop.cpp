// Commands that say where the guest is to stop.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <sstream>

#include "emu/debug/kernel_functions.h"
#include "emu/debug/monitor.h"
#include "emu/prompt/debug_session.h"
#include "emu/report/story_words.h"
#include "kernel/syscall_table.h"

namespace emu {

using Answer = DebugSession::Answer;
using mmu::Expected, mmu::Unexpected;

namespace {

constexpr usize kMostPoints = 1000;

/// "main if x == 1" in two.
std::pair<std::string, std::string> split_condition(const std::string& text) {
    if (text.starts_with("if ")) return {"", text.substr(3)};
    const auto at = text.find(" if ");
    if (at == std::string::npos) return {text, ""};
    const auto end = text.find_last_not_of(" \t", at);
    return {text.substr(0, end + 1), text.substr(at + 4)};
}

bool all_digits(const std::string& text) {
    return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<int> signal_number(std::string name) {
    if (all_digits(name)) {
        const int number = std::stoi(name);
        return number >= 1 && number <= 64 ? std::optional(number) : std::nullopt;
    }
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (int signal = 1; signal < 65; ++signal)
        if (const char* const own = sigabbrev_np(signal); own && name == own) return signal;
    return std::nullopt;
}

std::optional<u64> syscall_number(const std::string& name) {
    if (all_digits(name)) return std::stoull(name);
    constexpr u64 kMostCalls = 600;
    for (u64 number = 0; number < kMostCalls; ++number)
        if (const kernel::SyscallRow* const row = kernel::find_syscall(number); row && name == row->name)
            return number;
    return std::nullopt;
}

}  // namespace

StopPoint* DebugSession::point(const std::string& number) {
    if (!all_digits(number)) return nullptr;
    for (StopPoint& point : state_.stop_points)
        if (point.number == std::stoi(number)) return &point;
    return nullptr;
}

Expected<u64, std::string> DebugSession::place_of_line(const std::string& file, const std::string& line) {
    const auto address = modules_.address_of(file, static_cast<unsigned>(std::stoul(line)));
    if (!address) return Unexpected{"no code at line " + line + " of " + file};
    return *address;
}

/// FUNCTION, FILE:LINE, LINE, *ADDRESS, or nothing: here.
Expected<u64, std::string> DebugSession::place(const std::string& text) {
    if (text.empty()) return registers().rip;
    if (text[0] == '*') return word_of(text.substr(1));
    const auto colon = text.rfind(':');
    if (colon != std::string::npos && all_digits(text.substr(colon + 1)))
        return place_of_line(text.substr(0, colon), text.substr(colon + 1));
    if (all_digits(text)) {
        const Frame* const frame = selected_ < frames().size() ? &frames()[selected_] : nullptr;
        if (!frame || !frame->line)
            return Unexpected{std::string("which file? there is no line information here")};
        return place_of_line(frame->line->file, text);
    }
    if (const auto symbol = modules_.find(text)) return modules_.behind_prologue(*symbol);
    const usize number = kernel_function(text);
    if (number == kernel_functions().size())
        return Unexpected{"Function \"" + text.substr(0, 80) + "\" not defined."};
    if (kernel_functions()[number].trap)
        return Unexpected{
            text + " cannot be stopped in; what it calls can: exc_page_fault, __do_sys, mmu_translate"};
    return address_of(number) + kBody;
}

Answer DebugSession::add_break(Arguments arguments, bool temporary) {
    if (state_.stop_points.size() >= kMostPoints) return {"1000 breakpoints are the most\n", true};
    const auto [where, condition] = split_condition(arguments);
    const auto address = place(where);
    if (!address) return {address.error() + "\n", true};
    StopPoint point{.number = state_.next_number++, .what = where.empty() ? hex(*address) : where};
    point.condition = condition;
    point.address = *address;
    point.temporary = temporary;
    std::string text = (temporary ? "Temporary breakpoint " : "Breakpoint ") + std::to_string(point.number) +
                       " at " + hex(*address);
    if (const usize number = (*address - kKernelText) / kFunctionBytes;
        *address >= kKernelText && number < kernel_functions().size())
        text += ": " + std::string(name_in(debugger_.kernel_names(), kernel_functions()[number].name)) + ", " +
                std::string(kernel_functions()[number].file);
    else if (const auto line = modules_.line_at(*address))
        text += ": file " + line->file + ", line " + std::to_string(line->line);
    state_.stop_points.push_back(std::move(point));
    return {text + ".\n"};
}

Answer DebugSession::set_break(Arguments arguments) {
    return add_break(arguments, false);
}

Answer DebugSession::set_temporary_break(Arguments arguments) {
    return add_break(arguments, true);
}

Answer DebugSession::add_watch(Arguments arguments, bool reads, bool writes) {
    if (state_.stop_points.size() >= kMostPoints) return {"1000 breakpoints are the most\n", true};
    const auto [what, condition] = split_condition(arguments);
    if (what.empty()) return {"watch what? a variable, or *ADDRESS\n", true};
    const auto value = value_of(what);
    if (!value) return {value.error() + "\n", true};
    if (!value->address) return {what + " is not in memory\n", true};
    const u64 size = value->type && value->type->size ? value->type->size : 8;
    StopPoint point{.number = state_.next_number++, .kind = StopPoint::Kind::kWatchpoint, .what = what};
    point.condition = condition;
    point.range = {*value->address, *value->address + size - 1, reads, writes};
    point.value = value_text(*value, [this](u64 a, std::span<u8> b) { return debugger_.read(a, b); });
    const char* const kind = !reads    ? "Hardware watchpoint "
                             : !writes ? "Hardware read watchpoint "
                                       : "Hardware access (read/write) watchpoint ";
    const std::string text = kind + std::to_string(point.number) + ": " + what + "\n";
    state_.stop_points.push_back(std::move(point));
    return {text};
}

Answer DebugSession::watch(Arguments arguments) {
    return add_watch(arguments, false, true);
}
Answer DebugSession::watch_reads(Arguments arguments) {
    return add_watch(arguments, true, false);
}
Answer DebugSession::watch_accesses(Arguments arguments) {
    return add_watch(arguments, true, true);
}

/// catch syscall [NAME...], catch off, or an event of `vm catch`.
Answer DebugSession::catch_event(Arguments arguments) {
    std::istringstream words(arguments);
    std::string what;
    words >> what;
    if (what == "syscall") {
        std::vector<u64> numbers;
        for (std::string name; words >> name;) {
            const auto number = syscall_number(name);
            if (!number) return {"no system call named " + name + "\n", true};
            numbers.push_back(*number);
        }
        state_.catching_syscalls = true;
        state_.caught_syscalls = std::move(numbers);
        return {state_.caught_syscalls.empty() ? "Catching every system call.\n"
                                               : "Catching system calls: " + arguments.substr(7) + "\n"};
    }
    if (what == "off") state_.catching_syscalls = false, state_.caught_syscalls.clear();
    const std::string text = run_monitor(debugger_, "vm catch " + arguments);
    return {text, text.starts_with("no such event")};
}

Answer DebugSession::remove(Arguments arguments) {
    if (arguments.empty()) {
        state_.stop_points.clear();
        state_.catching_syscalls = false;
        debugger_.faults().catch_nothing();
        return {};
    }
    std::istringstream words(arguments);
    for (std::string word; words >> word;) {
        const StopPoint* const found = point(word);
        if (!found) return {"No breakpoint number " + word.substr(0, 40) + ".\n", true};
        const int number = found->number;
        std::erase_if(state_.stop_points, [&](const StopPoint& each) { return each.number == number; });
    }
    return {};
}

Answer DebugSession::enable_points(Arguments arguments, bool on) {
    if (arguments.empty())
        for (StopPoint& each : state_.stop_points) each.enabled = on;
    std::istringstream words(arguments);
    for (std::string word; words >> word;) {
        StopPoint* const found = point(word);
        if (!found) return {"No breakpoint number " + word.substr(0, 40) + ".\n", true};
        found->enabled = on;
    }
    return {};
}

Answer DebugSession::enable(Arguments arguments) {
    return enable_points(arguments, true);
}
Answer DebugSession::disable(Arguments arguments) {
    return enable_points(arguments, false);
}

/// condition N [EXPRESSION]
Answer DebugSession::set_condition(Arguments arguments) {
    const auto end = std::min(arguments.find(' '), arguments.size());
    StopPoint* const found = point(arguments.substr(0, end));
    if (!found) return {"condition NUMBER [EXPRESSION]: no such breakpoint\n", true};
    found->condition = end < arguments.size() ? arguments.substr(end + 1) : "";
    return {found->condition.empty() ? "Breakpoint " + std::to_string(found->number) + " now unconditional.\n"
                                     : ""};
}

/// ignore N COUNT
Answer DebugSession::ignore(Arguments arguments) {
    const auto end = arguments.find(' ');
    StopPoint* const found = end == std::string::npos ? nullptr : point(arguments.substr(0, end));
    const auto count = found ? word_of(arguments.substr(end + 1)) : Expected<u64, std::string>(0);
    if (!found || !count) return {"ignore NUMBER COUNT: the next COUNT times are passed\n", true};
    found->ignore = *count;
    return {"Will ignore next " + std::to_string(*count) + " crossings of breakpoint " +
            std::to_string(found->number) + ".\n"};
}

/// handle SIGNAL stop|nostop|pass|nopass ...
Answer DebugSession::handle_signal(Arguments arguments) {
    std::istringstream words(arguments);
    std::string name;
    words >> name;
    const auto number = signal_number(name);
    if (!number)
        return {"handle SIGNAL stop|nostop|pass|nopass ...: no such signal: " + name.substr(0, 40) + "\n",
                true};
    SignalPolicy policy = state_.signals[*number];
    for (std::string word; words >> word;) {
        if (word == "stop" || word == "nostop")
            policy.stop = word == "stop";
        else if (word == "pass" || word == "nopass")
            policy.pass = word == "pass";
        else if (word != "print" && word != "noprint")
            return {"handle SIGNAL stop|nostop|pass|nopass: " + word.substr(0, 40) + " is none of these\n",
                    true};
    }
    state_.signals[*number] = policy;
    return {std::string("SIG") + sigabbrev_np(*number) + ": " + (policy.stop ? "stop" : "nostop") + ", " +
            (policy.pass ? "pass" : "nopass") + "\n"};
}

}  // namespace emu
