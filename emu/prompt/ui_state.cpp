#include "emu/prompt/ui_state.h"

#include <csignal>

namespace emu {
namespace {

constexpr u64 kVersion = 0x6d75736431;
constexpr u64 kMost = 1u << 20;  ///< elements of a list: more are no bytes of ours

/// One list of fields for both ways: what is written is what is read.
class Writer {
  public:
    std::string bytes;
    bool good = true;
    void word(u64& value) {
        for (unsigned n = 0; n < 8; ++n) bytes += static_cast<char>(value >> 8 * n);
    }
    void text(std::string& value) {
        u64 size = value.size();
        word(size);
        bytes += value;
    }
    template <class List, class Each>
    void list(List& values, Each each) {
        u64 size = values.size();
        word(size);
        for (auto& value : values) each(value);
    }
};

class Reader {
  public:
    explicit Reader(const std::string& given) : bytes(given) {}
    const std::string& bytes;
    std::size_t at = 0;
    bool good = true;
    void word(u64& value) {
        value = 0;
        if (bytes.size() - at < 8) {
            good = false;
            return;
        }
        for (unsigned n = 0; n < 8; ++n) value |= u64{static_cast<u8>(bytes[at++])} << 8 * n;
    }
    void text(std::string& value) {
        u64 size = 0;
        word(size);
        if (!good || size > bytes.size() - at) {
            good = false;
            return;
        }
        value = bytes.substr(at, size);
        at += size;
    }
    template <class List, class Each>
    void list(List& values, Each each) {
        u64 size = 0;
        word(size);
        if (!good || size > kMost) {
            good = false;
            return;
        }
        for (u64 n = 0; n < size && good; ++n) {
            values.emplace_back();
            each(values.back());
        }
    }
};

template <class Stream, class Number>
void number(Stream& stream, Number& value) {
    u64 word = static_cast<u64>(value);
    stream.word(word);
    value = static_cast<Number>(word);
}

struct SignalRow {
    int signal = 0;
    SignalPolicy policy;
};

template <class Stream>
void fields(Stream& s, UiState& state, std::vector<SignalRow>& signals) {
    s.list(state.stop_points, [&](StopPoint& point) {
        number(s, point.number);
        number(s, point.kind);
        s.text(point.what);
        s.text(point.condition);
        s.word(point.address);
        s.word(point.range.first);
        s.word(point.range.last);
        number(s, point.range.reads);
        number(s, point.range.writes);
        number(s, point.enabled);
        number(s, point.temporary);
        s.word(point.ignore);
        s.word(point.hits);
        s.text(point.value);
    });
    s.list(state.displays, [&](Display& display) {
        number(s, display.number);
        s.text(display.format);
        s.text(display.expression);
    });
    s.list(signals, [&](SignalRow& row) {
        number(s, row.signal);
        number(s, row.policy.stop);
        number(s, row.policy.pass);
    });
    number(s, state.next_number);
    number(s, state.next_display);
    s.text(state.list_file);
    s.word(state.list_line);
    s.text(state.last_command);
    s.list(state.values, [&](u64& value) { s.word(value); });
    number(s, state.catching_syscalls);
    s.list(state.caught_syscalls, [&](u64& value) { s.word(value); });
}

}  // namespace

SignalPolicy UiState::policy(int signal) const {
    if (const auto own = signals.find(signal); own != signals.end()) return own->second;
    // What programs live with is not worth a stop.
    const bool quiet = signal == SIGCHLD || signal == SIGALRM || signal == SIGURG || signal == SIGIO ||
                       signal == SIGWINCH || signal == SIGVTALRM || signal == SIGPROF;
    return {.stop = !quiet, .pass = true};
}

std::string UiState::save() const {
    Writer writer;
    UiState copy = *this;
    std::vector<SignalRow> rows;
    for (const auto& [signal, policy] : signals) rows.push_back({signal, policy});
    u64 version = kVersion;
    writer.word(version);
    fields(writer, copy, rows);
    return std::move(writer.bytes);
}

std::optional<UiState> UiState::restore(const std::string& bytes) {
    Reader reader(bytes);
    UiState state;
    std::vector<SignalRow> rows;
    u64 version = 0;
    reader.word(version);
    if (version != kVersion) return std::nullopt;
    fields(reader, state, rows);
    if (!reader.good || reader.at != bytes.size()) return std::nullopt;
    for (const SignalRow& row : rows) state.signals[row.signal] = row.policy;
    return state;
}

}  // namespace emu
