#include "emu/prompt/script.h"

#include <regex.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <sstream>

#include "emu/prompt/debug_session.h"
#include "kernel/syscall_table.h"

namespace emu {
namespace {

constexpr usize kMostScript = usize{1} << 20;
constexpr const char* kPrompt = "(mmuscope) ";

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    const auto last = text.find_last_not_of(" \t\r");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

/// "do_anonymous_page", "signal SIGSEGV", "exited", ...: is this how the guest stands?
bool stands_at(DebugSession& session, const std::string& what, std::string& where) {
    const Stop& stop = session.stop();
    if (session.ended()) {
        where = "the guest has ended";
        return what == "exited";
    }
    const bool signalled = stop.kind == Stop::Kind::kSignal || stop.kind == Stop::Kind::kInterrupted;
    if (signalled) where = std::string("signal SIG") + sigabbrev_np(stop.signal);
    if (signalled && what == where) return true;
    if (stop.kind == Stop::Kind::kSyscallEntry || stop.kind == Stop::Kind::kSyscallReturn) {
        const kernel::SyscallRow* const row = kernel::find_syscall(stop.syscall);
        where = "syscall " + (row ? std::string(row->name) : std::to_string(stop.syscall));
        if (what == where) return true;
    }
    if (stop.kind == Stop::Kind::kWatch) {
        where = "watchpoint";
        if (what == where) return true;
    }
    if (stop.kind == Stop::Kind::kCaught) {
        where = stop.what.substr(0, stop.what.find(' '));
        if (what == where || what == "caught") return true;
    }
    const std::string function = session.frames().empty() ? "?" : session.frames()[0].function;
    where += (where.empty() ? "" : ", in ") + function;
    return what == function;
}

class Script {
  public:
    Script(DebugSession& session, const std::function<void(const std::string&)>& show)
        : session_(session), show_(show) {}

    /// What is wrong, or nothing.
    std::optional<std::string> line(const std::string& text) {
        if (text.empty() || text[0] == '#') return std::nullopt;
        if (text.starts_with("expect ") || text == "expect")
            return expectation(text.size() > 7 ? text.substr(7) : "");
        show_(kPrompt + text + "\n");
        answer_ = session_.execute(text);
        command_ = text;
        show_(answer_.text);
        return std::nullopt;
    }
    /// A failure that no expectation has taken.
    std::optional<std::string> unexpected_failure() {
        if (!answer_.failed) return std::nullopt;
        return "'" + command_ + "' failed: " + first_line(answer_.text);
    }

  private:
    static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

    std::optional<std::string> expectation(const std::string& what) {
        if (what.starts_with("error ")) {
            const auto holds = make_matcher(what.substr(6));
            if (!holds) return "no regular expression: " + what.substr(6);
            if (!answer_.failed) return "'" + command_ + "' was expected to fail";
            if (!(*holds)(answer_.text)) return "the failure says otherwise: " + first_line(answer_.text);
            answer_.failed = false;
            return std::nullopt;
        }
        if (what.starts_with("stop ")) {
            std::string where;
            if (stands_at(session_, what.substr(5), where)) return std::nullopt;
            return "expected to stop at " + what.substr(5) + "; the guest stands at: " + where;
        }
        if (what.starts_with("that ")) {
            const auto value = session_.value_of(what.substr(5));
            if (!value) return what.substr(5) + ": " + value.error();
            return value->bits ? std::nullopt : std::optional("does not hold: " + what.substr(5));
        }
        const bool absent = what.starts_with("not ");
        const std::string expression = absent ? what.substr(4) : what;
        const auto holds = expression.empty() ? std::nullopt : make_matcher(expression);
        if (!holds) return "no regular expression: '" + expression + "'";
        if ((*holds)(answer_.text) != absent) return std::nullopt;
        return (absent ? "'" + command_ + "' says what it should not: "
                       : "'" + command_ + "' does not say: ") +
               expression;
    }

    DebugSession& session_;
    const std::function<void(const std::string&)>& show_;
    DebugSession::Answer answer_;
    std::string command_;
};

}  // namespace

std::optional<std::function<bool(const std::string&)>> make_matcher(const std::string& expression) {
    // POSIX's: it answers by a value what std::regex throws.
    auto compiled = std::shared_ptr<regex_t>(new regex_t, [](regex_t* regex) {
        regfree(regex);
        delete regex;
    });
    std::memset(compiled.get(), 0, sizeof(regex_t));
    if (expression.size() > 1000 ||
        regcomp(compiled.get(), expression.c_str(), REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
        return std::nullopt;
    return [compiled](const std::string& text) {
        return regexec(compiled.get(), text.c_str(), 0, nullptr, 0) == 0;
    };
}

std::optional<std::string> run_script(DebugSession& session, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show) {
    if (text.size() > kMostScript) return name + ": longer than a megabyte";
    Script script(session, show);
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(trimmed(line));
    for (usize n = 0; n < lines.size() && !session.quit_asked(); ++n) {
        auto problem = script.line(lines[n]);
        // A command may fail where the next line says so.
        usize next = n + 1;
        while (next < lines.size() && (lines[next].empty() || lines[next][0] == '#')) ++next;
        const bool expected = next < lines.size() && lines[next].starts_with("expect error ");
        if (!problem && !expected) problem = script.unexpected_failure();
        if (problem) return name + ":" + std::to_string(n + 1) + ": " + *problem;
    }
    return std::nullopt;
}

}  // namespace emu
