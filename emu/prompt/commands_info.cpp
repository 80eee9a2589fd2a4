// info, help, and what the MMU and the kernel hold (the words of `monitor vm`).
#include <algorithm>
#include <csignal>
#include <cstring>
#include <regex>
#include <sstream>

#include "emu/debug/kernel_functions.h"
#include "emu/debug/monitor.h"
#include "emu/debug/vm_words.h"
#include "emu/prompt/command_table.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/registers.h"
#include "emu/prompt/script.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"

namespace emu {

using Answer = DebugSession::Answer;

namespace {

std::string first_word(const std::string& text) {
    return text.substr(0, std::min(text.find_first_of(" \t"), text.size()));
}
std::string behind_first_word(const std::string& text) {
    const auto end = text.find_first_of(" \t");
    const auto rest = end == std::string::npos ? end : text.find_first_not_of(" \t", end);
    return rest == std::string::npos ? "" : text.substr(rest);
}

}  // namespace

/// `vm WORD ARGUMENTS`, where each argument with a $ or a name may be an expression.
Answer DebugSession::vm(Arguments arguments) {
    const std::string word = first_word(arguments), rest = behind_first_word(arguments);
    for (const char* const addressed : {"walk", "why", "pte", "page", "tlb", "rmap", "slab"})
        if (word == addressed) return vm_address(word, rest);
    if (word == "watch" && rest.starts_with("pte ")) {
        const auto address = word_of(rest.substr(4));
        if (!address) return {address.error() + "\n", true};
        return {run_monitor(debugger_, "vm watch pte " + hex(*address))};
    }
    const std::string text = run_monitor(debugger_, "vm " + arguments);
    if (word == "names") frames_.reset();
    const bool failed = text.starts_with("no such") || text.starts_with("there is no guest");
    return {text, failed};
}

Answer DebugSession::vm_address(const std::string& word, Arguments arguments) {
    const bool optional = word == "tlb" || word == "slab";
    if (ended()) return {"there is no guest any more\n", true};
    std::string argument;
    const kernel::MemorySystem& system = debugger_.machine().kernel().state().system;
    if (word == "slab" && cache_named(system, arguments)) {
        argument = arguments;
    } else if (!arguments.empty() || !optional) {
        const auto address =
            arguments.empty() ? mmu::Expected<u64, std::string>(shown_address()) : word_of(arguments);
        // What is no expression may be a word of its own (`tlb set 3`).
        argument = address ? hex(*address) : arguments;
        if (!address && word != "tlb") return {address.error() + "\n", true};
        if (address && (word == "walk" || word == "why" || word == "pte" || word == "tlb")) shown_ = *address;
    }
    return {run_monitor(debugger_, "vm " + word + (argument.empty() ? "" : " " + argument))};
}

std::string DebugSession::registers_text(const std::string& which) {
    const mmu::Registers& regs =
        selected_ < frames().size() ? frames()[selected_].guest.registers : registers();
    std::string text;
    for (const std::string_view name : register_names()) {
        if (!which.empty() && name != which) continue;
        const u64 value = *read_general(regs, name);
        char line[80];
        std::snprintf(line, sizeof line, "%-15s%-19s", std::string(name).c_str(), hex(value).c_str());
        text += line;
        if (name == "rip")
            text += hex(value) + " " + symbolic(value);
        else if (name == "eflags")
            text += flags_text(value);
        else if (name == "rsp" || name == "rbp")
            text += hex(value);
        else
            text += std::to_string(static_cast<mmu::i64>(value));
        text += "\n";
    }
    for (const char* const name : {"cr2", "cr3", "pf_err", "fault_no", "icount"}) {
        if (!which.empty() && which != name) continue;
        char line[80];
        const u64 value = dollar_value(name)->bits;
        std::snprintf(line, sizeof line, "%-15s%-19s%llu\n", name, hex(value).c_str(),
                      static_cast<unsigned long long>(value));
        text += line;
    }
    return text;
}

std::string DebugSession::points_text() {
    if (state_.stop_points.empty() && !state_.catching_syscalls && debugger_.faults().caught().empty())
        return "No breakpoints or watchpoints.\n";
    std::string text = "Num     Type           Disp Enb Address            What\n";
    for (const StopPoint& point : state_.stop_points) {
        const bool breaks = point.kind == StopPoint::Kind::kBreakpoint;
        const char* const type = breaks                ? "breakpoint"
                                 : !point.range.reads  ? "hw watchpoint"
                                 : !point.range.writes ? "read watchpoint"
                                                       : "acc watchpoint";
        char line[96];
        std::snprintf(line, sizeof line, "%-7d %-14s %-4s %-3s %-18s ", point.number, type,
                      point.temporary ? "del" : "keep", point.enabled ? "y" : "n",
                      breaks ? formatted(point.address, 'z', 8).c_str() : "");
        text += line + point.what + "\n";
        if (!point.condition.empty()) text += "\tstop only if " + point.condition + "\n";
        if (point.hits)
            text += "\tbreakpoint already hit " + std::to_string(point.hits) + " time" +
                    (point.hits == 1 ? "" : "s") + "\n";
        if (point.ignore) text += "\tignore next " + std::to_string(point.ignore) + " hits\n";
    }
    if (state_.catching_syscalls) {
        text += "        catchpoint     keep y                      syscalls";
        for (const u64 number : state_.caught_syscalls) text += " " + std::to_string(number);
        text += "\n";
    }
    for (const std::string& name : debugger_.faults().caught())
        text += "        catchpoint     keep y                      " + name + "\n";
    return text;
}

std::string DebugSession::signals_text() {
    std::string text = "Signal        Stop  Pass\n";
    for (int signal = 1; signal < 32; ++signal) {
        const SignalPolicy policy = state_.policy(signal);
        char line[64];
        std::snprintf(line, sizeof line, "SIG%-10s %-5s %s\n", sigabbrev_np(signal),
                      policy.stop ? "Yes" : "No", policy.pass ? "Yes" : "No");
        text += line;
    }
    return text;
}

std::string DebugSession::locals_text(bool arguments) {
    if (selected_ >= frames().size()) return "No frame selected.\n";
    const Frame& frame = frames()[selected_];
    std::string text;
    if (frame.kernel) {
        for (const auto& [name, value] : frame.arguments)
            if (arguments) text += name + " = " + hex(value) + "\n";
        return text.empty() ? arguments ? "No arguments.\n" : "No locals.\n" : text;
    }
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    for (const Variable& variable : modules_.locals(frame.guest, selected_ == 0)) {
        if (variable.argument != arguments) continue;
        const auto value =
            variable.address ? value_at(*variable.address, variable.type, read)
            : variable.gpr
                ? std::optional(Value{frame.guest.registers.gpr[*variable.gpr], variable.type, {}, {}})
                : std::nullopt;
        text += variable.name + " = " + (value ? value_text(*value, read) : "<optimized out>") + "\n";
    }
    return text.empty() ? arguments ? "No arguments.\n" : "No locals.\n" : text;
}

std::string DebugSession::functions_text(const std::string& pattern) {
    std::string text;
    // std::regex throws for what is none.
    const auto holds = make_matcher(pattern.empty() ? "." : pattern);
    if (!holds) return "no regular expression: " + pattern + "\n";
    for (const std::string& name : modules_.names_with("", 100000)) {
        const auto symbol = modules_.find(name);
        if (symbol && symbol->function && !pattern.empty() && (*holds)(name))
            text += formatted(symbol->address, 'z', 8) + "  " + name + "\n";
    }
    for (const KernelFunction& function : kernel_functions())
        if (const std::string name(name_in(debugger_.kernel_names(), function.name));
            !function.trap && (*holds)(name))
            text += "kernel and MMU      " + name + ": " + std::string(function.does) + "\n";
    return text.empty() ? "none\n" : text;
}

Answer DebugSession::info_symbol(Arguments arguments) {
    const auto address = word_of(arguments);
    if (!address) return {address.error() + "\n", true};
    const auto symbol = modules_.symbol_at(*address);
    if (!symbol) return {"No symbol matches " + arguments + ".\n", true};
    const u64 offset = *address - symbol->address;
    return {symbol->name + (offset ? " + " + std::to_string(offset) : "") + "\n"};
}

Answer DebugSession::info_line(Arguments arguments) {
    const auto address = place(arguments);
    if (!address) return {address.error() + "\n", true};
    const auto line = modules_.line_at(*address);
    if (!line) return {"No line number information available for address " + hex(*address) + ".\n", true};
    return {"Line " + std::to_string(line->line) + " of \"" + line->file + "\" starts at address " +
            hex(line->start) + " and ends at " + hex(line->end) + ".\n"};
}

/// Where the run stands: what the timeline shows.
Answer DebugSession::position_text() {
    return {"instruction " + std::to_string(debugger_.instructions()) + ", fault " +
            std::to_string(debugger_.faults().faults().size()) +
            (timeline_ && timeline_->in_past()
                 ? ", in the past of " + std::to_string(timeline_->last().instructions)
                 : "") +
            (debugger_.in_stage() && !looked_at_ ? ", in the kernel's or the MMU's work, " +
                                                       std::to_string(runner_.depth()) + " functions deep\n"
                                                 : "\n")};
}

Answer DebugSession::info(Arguments arguments) {
    const std::string given = first_word(arguments), rest = behind_first_word(arguments);
    if (given.empty()) return {help_text("info"), true};
    const auto names = info_words();
    std::vector<std::string> fitting;
    for (const auto& [name, help] : names) {
        if (given == name) fitting = {std::string(name)};
        if (given == name) break;
        if (name.starts_with(given)) fitting.emplace_back(name);
    }
    if (given == "b") fitting = {"breakpoints"};
    if (given == "r") fitting = {"registers"};
    if (given == "s") fitting = {"stack"};
    if (fitting.size() > 1)
        return {"info " + given + " may be " + fitting[0] + " or " + fitting[1] + "\n", true};
    if (fitting.empty()) return {"no such thing: info " + given.substr(0, 40) + " (see help info)\n", true};
    const std::string& word = fitting[0];
    if (word == "breakpoints" || word == "watchpoints") return {points_text()};
    if (word == "signals") return {signals_text()};
    if (word == "position") return position_text();
    if (word == "record")
        return {!timeline_             ? "No history is kept.\n"
                : timeline_->in_past() ? timeline_->describe() + "the present:\n" + overview().text
                                       : overview().text};
    if (word == "functions") return {functions_text(rest)};
    if (word == "faults" || word == "stats") return vm(word + (rest.empty() ? "" : " " + rest));
    if (word == "display") {
        std::string text;
        for (const Display& each : state_.displays)
            text += std::to_string(each.number) + ":  " + each.format + " " + each.expression + "\n";
        return {text.empty() ? "There are no auto-display expressions now.\n" : text};
    }
    if (ended()) return {"there is no guest any more\n", true};
    if (word == "registers") {
        std::string name = rest;
        if (name.starts_with("$")) name.erase(0, 1);
        const std::string text = registers_text(name);
        return text.empty() ? Answer{"Invalid register `" + rest + "'\n", true} : Answer{text};
    }
    if (word == "frame") return select_frame("");
    if (word == "stack") return backtrace(rest);
    if (word == "locals") return {locals_text(false)};
    if (word == "args") return {locals_text(true)};
    if (word == "threads") return {threads_text()};
    if (word == "inferiors") return {inferiors_text()};
    if (word == "symbol") return info_symbol(rest);
    if (word == "line") return info_line(rest);
    if (word == "mappings" || word == "proc") return {process_maps()};
    if (word == "sharedlibrary") return {modules_.files_text()};
    return vm(word + (rest.empty() ? "" : " " + rest));
}

Answer DebugSession::help(Arguments arguments) {
    const std::string text = help_text(arguments);
    return {text, text.starts_with("no such command")};
}

Answer DebugSession::echo(Arguments arguments) {
    std::string text;
    for (usize n = 0; n < arguments.size(); ++n) {
        const bool escape = arguments[n] == '\\' && n + 1 < arguments.size();
        if (escape && arguments[n + 1] == 'n')
            text += '\n', ++n;
        else if (escape && arguments[n + 1] == '\\')
            text += '\\', ++n;
        else
            text += arguments[n];
    }
    return {arguments.ends_with("\\n") ? text : text + "\n"};
}

Answer DebugSession::source(Arguments arguments) {
    if (arguments.empty()) return {"source FILE\n", true};
    const auto script = file_text(arguments);
    if (!script) return {arguments + ": cannot be read\n", true};
    source_wish_ = ScriptFile{arguments, *script};
    return {};
}

Answer DebugSession::tui(Arguments) {
    tui_wish_ = true;
    return {};
}

}  // namespace emu
