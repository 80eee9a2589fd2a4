#include "emu/prompt/remote_port.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "emu/prompt/wire.h"
#include "kernel/host/journal.h"

namespace emu {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;

namespace {

constexpr int kPatienceMs = 50;  ///< a signal that comes just before a wait does not end it
constexpr usize kMostOutput = 65536;

char code(WireKind kind) {
    return static_cast<char>(kind);
}

}  // namespace

/// The answer; empty where the guest's process is gone.
std::string RemotePort::ask(char kind, const std::string& text) {
    if (gone_ || !send_frame(stream_, kind + text)) gone_ = true;
    while (!gone_) {
        pollfd wait[2] = {{stream_, POLLIN, 0}, {guest_output_, POLLIN, 0}};
        const int ready = ::poll(wait, 2, kPatienceMs);
        if (interrupted_.exchange(false)) send_frame(stream_, std::string(1, code(WireKind::kInterrupt)));
        if (ready <= 0) continue;
        if (wait[1].revents & POLLIN) take_in();
        if (!wait[0].revents) continue;
        auto answer = receive_frame(stream_);
        if (answer) return std::move(*answer);
        gone_ = true;
    }
    return {};
}

void RemotePort::take_in() {
    char part[4096];
    const ssize_t got = ::read(guest_output_, part, sizeof part);
    if (got <= 0) return;
    // Terminals end lines with two characters.
    char* const end = std::remove(part, part + got, '\r');
    output_.append(part, static_cast<usize>(end - part));
    if (output_.size() > kMostOutput) output_.erase(0, output_.size() - kMostOutput);
}

std::string RemotePort::take_output() {
    pollfd entry{guest_output_, POLLIN, 0};
    while (guest_output_ >= 0 && ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN)) take_in();
    return std::exchange(output_, {});
}

DebugSession::Answer RemotePort::execute(const std::string& line) {
    const std::string bytes = ask(code(WireKind::kExecute), line);
    wishes_ = {};
    std::string_view rest = bytes, text, name, script;
    u64 failed = 0, quit = 0, tui = 0, source = 0;
    const bool whole = get_bytes(rest, text) && get_number(rest, failed) && get_number(rest, quit) &&
                       get_number(rest, tui) && get_number(rest, source);
    if (!whole) {
        wishes_.quit = true;
        return {"mmuscope: the guest's process has ended unexpectedly\n", true};
    }
    wishes_.quit = quit != 0;
    wishes_.tui = tui != 0;
    if (source && get_bytes(rest, name) && get_bytes(rest, script))
        wishes_.source = ScriptFile{std::string(name), std::string(script)};
    return {std::string(text), failed != 0};
}

std::vector<std::string> RemotePort::complete(const std::string& line) {
    const std::string bytes = ask(code(WireKind::kComplete), line);
    std::vector<std::string> words;
    std::string_view rest = bytes, word;
    while (get_bytes(rest, word)) words.emplace_back(word);
    return words;
}

Panel RemotePort::screen(const ScreenText& text, unsigned rows, unsigned columns) {
    std::string question;
    put_number(question, rows);
    put_number(question, columns);
    for (const std::string* part : {&text.output, &text.input, &text.status}) put_bytes(question, *part);
    const std::string bytes = ask(code(WireKind::kScreen), question);
    std::string_view rest = bytes, part;
    u64 lines = 0, parts = 0, style = 0;
    Panel panel;
    for (get_number(rest, lines); lines && get_number(rest, parts); --lines) {
        panel.emplace_back();
        for (; parts && get_number(rest, style) && get_bytes(rest, part); --parts)
            panel.back().push_back({std::string(part), static_cast<Style>(style)});
    }
    return panel;
}

mmu::Expected<bool, std::string> RemotePort::holds(const std::string& expression) {
    const std::string bytes = ask(code(WireKind::kHolds), expression);
    std::string_view rest = bytes, problem;
    u64 value = 0;
    if (!get_number(rest, value) || !get_bytes(rest, problem))
        return mmu::Unexpected{std::string("the guest's process has ended")};
    if (value == 0) return mmu::Unexpected{std::string(problem)};
    return value == 2;
}

SessionPort::Standing RemotePort::stands_at(const std::string& what) {
    const std::string bytes = ask(code(WireKind::kStandsAt), what);
    std::string_view rest = bytes, where;
    u64 there = 0;
    if (!get_number(rest, there) || !get_bytes(rest, where)) return {};
    return {there != 0, std::string(where)};
}

void RemotePort::use_own_terminal(bool own) {
    (void)ask(code(WireKind::kTerminal), own ? "1" : "0");
}

void RemotePort::say_bye(int status) {
    send_frame(stream_, {code(WireKind::kBye), static_cast<char>(status)});
}

}  // namespace emu
