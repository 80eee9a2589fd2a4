#include "emu/prompt/script.h"

#include <regex.h>

#include <cstring>
#include <memory>
#include <sstream>

#include "emu/prompt/session_port.h"

namespace emu {
namespace {

constexpr usize kMostScript = usize{1} << 20;
constexpr const char* kPrompt = "(mmuscope) ";

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    const auto last = text.find_last_not_of(" \t\r");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

class Script {
  public:
    using Run = std::function<DebugSession::Answer(const std::string&)>;
    Script(SessionPort& port, const std::function<void(const std::string&)>& show, const Run& run)
        : port_(port), show_(show), run_(run) {}

    /// What is wrong, or nothing.
    std::optional<std::string> line(const std::string& text) {
        if (text.empty() || text[0] == '#') return std::nullopt;
        if (text.starts_with("expect ") || text == "expect")
            return expectation(text.size() > 7 ? text.substr(7) : "");
        show_(kPrompt + text + "\n");
        answer_ = run_(text);
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
            const SessionPort::Standing standing = port_.stands_at(what.substr(5));
            if (standing.there) return std::nullopt;
            return "expected to stop at " + what.substr(5) + "; the guest stands at: " + standing.where;
        }
        if (what.starts_with("that ")) {
            const auto holds = port_.holds(what.substr(5));
            if (!holds) return what.substr(5) + ": " + holds.error();
            return *holds ? std::nullopt : std::optional("does not hold: " + what.substr(5));
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

    SessionPort& port_;
    const std::function<void(const std::string&)>& show_;
    const Run& run_;
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
    LocalPort port(session);
    return run_script(port, name, text, show);
}

std::optional<std::string> run_script(SessionPort& port, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show) {
    return run_script(port, name, text, show, [&](const std::string& line) { return run_line(port, line); });
}

std::optional<std::string> run_script(SessionPort& port, const std::string& name, const std::string& text,
                                      const std::function<void(const std::string&)>& show,
                                      const std::function<DebugSession::Answer(const std::string&)>& run) {
    if (text.size() > kMostScript) return name + ": longer than a megabyte";
    Script script(port, show, run);
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(trimmed(line));
    for (usize n = 0; n < lines.size() && !port.wishes().quit; ++n) {
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
