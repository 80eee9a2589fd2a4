// What is said when the guest stands: why, where, and what is to be displayed each time.
#include <algorithm>
#include <cstring>

#include "emu/prompt/debug_session.h"
#include "emu/report/story_words.h"
#include "kernel/kernel.h"
#include "kernel/state.h"
#include "kernel/syscall_table.h"

namespace emu {

std::string DebugSession::arguments_text(const Frame& frame, bool innermost) {
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    std::string text;
    for (const auto& [name, value] : frame.arguments)
        text += (text.empty() ? "" : ", ") + name + "=" + hex(value);
    if (frame.kernel) return text;
    for (const Variable& variable : modules_.locals(frame.guest, innermost)) {
        if (!variable.argument) continue;
        text += (text.empty() ? "" : ", ") + variable.name + "=";
        const auto value =
            variable.address ? value_at(*variable.address, variable.type, read)
            : variable.gpr
                ? std::optional(Value{frame.guest.registers.gpr[*variable.gpr], variable.type, {}, {}})
                : std::nullopt;
        text += value ? value_text(*value, read) : "<optimized out>";
    }
    return text;
}

/// "touch (p=0x4d0000, n=16384) at debuggee.c:19"
std::string DebugSession::location_text(const Frame& frame) {
    const bool innermost = !frames().empty() && frames()[0].pc == frame.pc;
    const std::string name = frame.function.empty() ? "??" : frame.function;
    std::string text = name + " (" + arguments_text(frame, innermost) + ")";
    if (frame.kernel) return text + " at " + frame.kernel_file;
    if (!frame.line) return text;
    const auto slash = frame.line->file.rfind('/');
    return text + " at " + frame.line->file.substr(slash == std::string::npos ? 0 : slash + 1) + ":" +
           std::to_string(frame.line->line);
}

std::string DebugSession::frame_text(unsigned number, const Frame& frame) {
    if (frame.guest.signal) return "#" + std::to_string(number) + "  <signal handler called>\n";
    char where[32] = "";
    const bool within = !frame.kernel && (!frame.line || frame.line->start != frame.pc);
    if (within)
        std::snprintf(where, sizeof where, "0x%016llx in ", static_cast<unsigned long long>(frame.pc));
    std::string gap = number < 10 ? "  " : " ";
    return "#" + std::to_string(number) + gap + where + location_text(frame) + "\n";
}

std::string DebugSession::watch_text() {
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    std::string text;
    for (const int number : hit_) {
        StopPoint* const point = this->point(std::to_string(number));
        if (!point || point->kind != StopPoint::Kind::kWatchpoint) continue;
        const auto value = value_of(point->what);
        const std::string now = value ? value_text(*value, read) : "<not there>";
        const char* const kind = !point->range.reads    ? "Hardware watchpoint "
                                 : !point->range.writes ? "Hardware read watchpoint "
                                                        : "Hardware access (read/write) watchpoint ";
        text += "\n" + std::string(kind) + std::to_string(number) + ": " + point->what + "\n\n";
        if (now == point->value)
            text += "Value = " + now + "\n";
        else
            text += "Old value = " + point->value + "\nNew value = " + now + "\n";
        point->value = now;
    }
    return text;
}

/// Why, where, and the displays.
std::string DebugSession::stop_text() {
    std::string text;
    switch (stop_.kind) {
        case Stop::Kind::kExited: {
            const auto exit = debugger_.machine().kernel().exit_status();
            if (!exit) return debugger_.machine().error() ? debugger_.machine().error()->message + "\n" : "";
            if (exit->killed_by)
                return std::string("\nProgram terminated with signal SIG") + sigabbrev_np(exit->killed_by) +
                       ", " + sigdescr_np(exit->killed_by) + ".\nThe program no longer exists.\n";
            if (exit->shell_status() == 0) return "[the guest has exited normally]\n";
            return "[the guest has exited with code " + std::to_string(exit->shell_status()) + "]\n";
        }
        case Stop::Kind::kBreakpoint:
            for (const int number : hit_) {
                StopPoint* const point = this->point(std::to_string(number));
                if (!point) continue;
                text += (text.empty() ? "\n" : "") +
                        std::string(point->temporary ? "Temporary breakpoint " : "Breakpoint ") +
                        std::to_string(number) + ", ";
                break;
            }
            break;
        case Stop::Kind::kWatch:
            text = watch_text() + "\n";
            break;
        case Stop::Kind::kSyscallEntry:
        case Stop::Kind::kSyscallReturn: {
            const kernel::SyscallRow* const row = kernel::find_syscall(stop_.syscall);
            text = std::string("\nCatchpoint (") +
                   (stop_.kind == Stop::Kind::kSyscallEntry ? "call to" : "returned from") + " syscall " +
                   (row ? std::string(row->name) : std::to_string(stop_.syscall)) + "), ";
            break;
        }
        case Stop::Kind::kCaught:
            text = "\nCaught " + stop_.what + ", ";
            break;
        case Stop::Kind::kSignal:
        case Stop::Kind::kInterrupted:
            text = std::string("\nProgram received signal SIG") + sigabbrev_np(stop_.signal) + ", " +
                   sigdescr_np(stop_.signal) + ".\n";
            break;
        case Stop::Kind::kHistoryBegin:
            text = "\nNo more history: the guest has not begun before this.\n";
            break;
        case Stop::Kind::kHorizon:
            text = "\nHere the past ends: what comes now is new.\n";
            break;
        default:  // steps; events of tasks are not asked for
            break;
    }
    if (frames().empty()) return text + "\n";
    const Frame& frame = frames()[0];
    const bool line_start = frame.line && frame.line->start == frame.pc;
    if (!frame.kernel && !line_start) text += "0x" + formatted(frame.pc, 'z', 8).substr(2) + " in ";
    text += location_text(frame) + "\n";
    if (frame.kernel)
        text += "\t" + frame.does + "\n";
    else if (frame.line) {
        const auto source = source_line(frame.line->file, frame.line->line);
        text += std::to_string(frame.line->line) + "\t" + source.value_or("in " + frame.line->file) + "\n";
    }
    std::erase_if(state_.stop_points, [this](const StopPoint& point) {
        return point.temporary && std::find(hit_.begin(), hit_.end(), point.number) != hit_.end();
    });
    return text + display_text();
}

std::string DebugSession::display_text() {
    std::string text;
    if (ended()) return text;
    for (const Display& display : state_.displays)
        text += std::to_string(display.number) + ": " + display_one(display);
    return text;
}

}  // namespace emu
