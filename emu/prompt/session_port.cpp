#include "emu/prompt/session_port.h"

#include <cstring>

#include "emu/prompt/script.h"
#include "kernel/syscall_table.h"

namespace emu {

using Answer = DebugSession::Answer;

namespace {

constexpr unsigned kMostNested = 16;

Answer run_nested(SessionPort& port, const std::string& line, unsigned depth) {
    const Answer answer = port.execute(line);
    if (!port.wishes().source) return answer;
    if (depth == kMostNested) return {"files within files: 16 at the most\n", true};
    const ScriptFile script = *port.wishes().source;
    std::string text;
    const auto failure = run_script(
        port, script.name, script.text, [&](const std::string& part) { text += part; },
        [&](const std::string& nested) { return run_nested(port, nested, depth + 1); });
    if (failure) return {text + *failure + "\n", true};
    return {text};
}

}  // namespace

Answer run_line(SessionPort& port, const std::string& line) {
    return run_nested(port, line, 0);
}

Answer LocalPort::execute(const std::string& line) {
    Answer answer = session_.execute(line);
    wishes_ = take_wishes();
    return answer;
}

SessionPort::Wishes LocalPort::take_wishes() {
    return {.quit = session_.quit_asked(),
            .tui = session_.take_tui_wish(),
            .source = session_.take_source_wish()};
}

mmu::Expected<bool, std::string> LocalPort::holds(const std::string& expression) {
    const auto value = session_.value_of(expression);
    if (!value) return mmu::Unexpected{value.error()};
    return value->bits != 0;
}

SessionPort::Standing LocalPort::stands_at(const std::string& what) {
    const Stop& stop = session_.stop();
    if (session_.ended()) return {what == "exited", "the guest has ended"};
    std::string where;
    switch (stop.kind) {
        case Stop::Kind::kSignal:
        case Stop::Kind::kInterrupted:
            where = std::string("signal SIG") + sigabbrev_np(stop.signal);
            break;
        case Stop::Kind::kSyscallEntry:
        case Stop::Kind::kSyscallReturn: {
            const kernel::SyscallRow* const row = kernel::find_syscall(stop.syscall);
            where = "syscall " + (row ? std::string(row->name) : std::to_string(stop.syscall));
            break;
        }
        case Stop::Kind::kWatch:
            where = "watchpoint";
            break;
        case Stop::Kind::kCaught:
            where = stop.what.substr(0, stop.what.find(' '));
            if (what == "caught") return {true, where};
            break;
        case Stop::Kind::kHistoryBegin:
            where = "beginning";
            break;
        case Stop::Kind::kHorizon:
            where = "present";
            break;
        default:
            break;
    }
    if (!where.empty() && what == where) return {true, where};
    const std::string function = session_.frames().empty() ? "?" : session_.frames()[0].function;
    return {what == function, where + (where.empty() ? "" : ", in ") + function};
}

}  // namespace emu
