#include "emu/prompt/panels.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "emu/debug/monitor.h"
#include "emu/prompt/registers.h"
#include "emu/report/story_words.h"
#include "emu/report/tlb_ways.h"
#include "kernel/state.h"

namespace emu {
namespace {

PanelLine plain(const std::string& text, Style style = Style::kPlain) {
    return {{printable(text), style}};
}

Panel lines_of(const std::string& text) {
    Panel panel;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) panel.push_back(plain(line));
    return panel;
}

/// `rows` of `panel`, so that the line `here` is among them.
Panel around(const Panel& panel, usize here, unsigned rows) {
    if (panel.size() <= rows) return panel;
    const usize half = rows / 2;
    const usize first = std::min(here > half ? here - half : 0, panel.size() - rows);
    return {panel.begin() + static_cast<std::ptrdiff_t>(first),
            panel.begin() + static_cast<std::ptrdiff_t>(first + rows)};
}

}  // namespace

std::string printable(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\t')
            out.append(8 - out.size() % 8, ' ');
        else
            out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out;
}

PanelLine fitted(const PanelLine& line, unsigned columns) {
    PanelLine out;
    usize left = columns;
    for (const Part& part : line) {
        if (left == 0) break;
        out.push_back({part.text.substr(0, left), part.style});
        left -= out.back().text.size();
    }
    if (left > 0) out.push_back({std::string(left, ' '), line.empty() ? Style::kPlain : line.back().style});
    return out;
}

Panel code_panel(DebugSession& session, unsigned rows) {
    if (session.ended() || session.selected() >= session.frames().size()) return {};
    const Frame& frame = session.frames()[session.selected()];
    if (frame.kernel)
        return {plain(frame.function + " has no code here: the kernel and the MMU are not of this machine"),
                plain(frame.does), plain("Linux: " + frame.kernel_file)};
    constexpr u64 kMostBytes = 4096;
    // From the function's beginning: there is no reading backwards.
    const auto symbol = session.modules().symbol_at(frame.pc);
    u64 at = symbol && frame.pc - symbol->address < kMostBytes ? symbol->address : frame.pc;
    Panel panel;
    usize here = 0;
    while (panel.size() < kMostBytes && (at <= frame.pc || panel.size() < here + rows)) {
        u64 next = at;
        const std::string line = session.disassembled_line(next);
        if (at == frame.pc) here = panel.size();
        panel.push_back({{printable((at == frame.pc ? "=> " : "   ") + line),
                          at == frame.pc ? Style::kHere : Style::kPlain}});
        if (next == at) break;
        at = next;
    }
    return around(panel, here, rows);
}

Panel source_panel(DebugSession& session, unsigned rows) {
    if (session.ended() || session.selected() >= session.frames().size()) return {};
    // In the kernel: the guest's line that led there.
    usize number = session.selected();
    while (number + 1 < session.frames().size() && session.frames()[number].kernel) ++number;
    const Frame& frame = session.frames()[number];
    if (!frame.line)
        return {
            plain("no line information for " + (frame.function.empty() ? hex(frame.pc) : frame.function))};
    const unsigned line = frame.line->line;
    Panel panel;
    const unsigned first = line > rows / 2 ? line - rows / 2 : 1;
    for (unsigned n = first; n < first + rows; ++n) {
        const auto text = session.source_line(frame.line->file, n);
        if (!text) break;
        char head[24];
        std::snprintf(head, sizeof head, "%s%5u  ", n == line ? "=>" : "  ", n);
        panel.push_back(plain(head + *text, n == line ? Style::kHere : Style::kPlain));
    }
    if (panel.empty()) return {plain(frame.line->file + ":" + std::to_string(line) + " (cannot be read)")};
    return panel;
}

Panel fault_panel(DebugSession& session) {
    const auto& faults = session.debugger().faults().faults();
    Panel panel;
    if (!faults.empty()) {
        const FaultRecord& last = faults.back();
        panel.push_back(plain("fault " + std::to_string(last.number) + "  " + access_words(last.error_code) +
                              " " + hex(last.address) + " by " + hex(last.rip)));
        panel.push_back(plain("  error code " + error_code_words(last.error_code)));
        if (*last.verdict)
            panel.push_back(plain(std::string("  ") + last.how +
                                  (last.pfn ? ", frame " + hex(last.pfn) : "") + ": " + last.verdict));
    }
    if (!session.debugger().in_stage() || session.frames().empty()) return panel;
    const Frame& frame = session.frames()[0];
    panel.push_back(plain("stage " + frame.function + ": " + frame.does, Style::kHere));
    std::string arguments;
    for (const auto& [name, value] : frame.arguments) arguments += "  " + name + " = " + hex(value);
    if (!arguments.empty()) panel.push_back(plain(arguments));
    return panel;
}

Panel walk_panel(DebugSession& session) {
    if (session.ended()) return {};
    return lines_of(run_monitor(session.debugger(), "vm walk " + hex(session.shown_address())));
}

Panel tlb_panel(DebugSession& session) {
    if (session.ended()) return {};
    const mmu::Mmu& mmu = session.debugger().machine().mmu();
    const u64 address = session.shown_address();
    const auto access = !session.debugger().in_stage() && address == session.registers().rip
                            ? mmu::Access::kFetch
                            : mmu::Access::kLoad;
    TlbWays ways;
    ways.look(mmu.tlb(), access, mmu::VirtAddr{address}, mmu.control().pcid());
    Panel panel;
    for (const std::string& line : ways.lines(2)) {
        const bool match = line.ends_with(": match");
        panel.push_back(plain(line, match ? Style::kHere : Style::kPlain));
    }
    return panel;
}

Panel maps_panel(DebugSession& session, unsigned rows) {
    Panel panel = lines_of(session.process_maps());
    usize here = 0;
    for (usize n = 0; n < panel.size(); ++n) {
        unsigned long long start = 0, end = 0;
        if (std::sscanf(panel[n][0].text.c_str(), "%llx-%llx", &start, &end) != 2) continue;
        if (session.shown_address() < start || session.shown_address() >= end) continue;
        here = n;
        panel[n][0].style = Style::kHere;
    }
    return around(panel, here, rows);
}

Panel registers_panel(DebugSession& session, unsigned columns) {
    if (session.ended()) return {};
    constexpr unsigned kWidth = 27;
    const unsigned on_a_line = std::max(1u, columns / kWidth);
    Panel panel;
    unsigned count = 0;
    for (const std::string_view name : register_names()) {
        const u64 now = *read_general(session.registers(), name),
                  before = *read_general(session.registers_before(), name);
        if (count++ % on_a_line == 0) panel.emplace_back();
        char text[64];
        std::snprintf(text, sizeof text, "%-7s %-18s ", std::string(name).c_str(), hex(now).c_str());
        panel.back().push_back({text, now == before ? Style::kPlain : Style::kChanged});
    }
    return panel;
}

Panel backtrace_panel(DebugSession& session) {
    Panel panel;
    for (unsigned n = 0; n < session.frames().size(); ++n)
        panel.push_back(plain(session.frame_line(n), n == session.selected() ? Style::kHere : Style::kPlain));
    return panel;
}

namespace {

constexpr unsigned kTimelineWords = 52;  ///< columns for its numbers
constexpr unsigned kLeastRows = 12;

/// Lines for timeline, output and input.
unsigned rows_below(unsigned rows) {
    return rows >= kLeastRows ? std::max(4u, rows / 5) : rows;
}

}  // namespace

TimelinePlace timeline_place(unsigned rows, unsigned columns) {
    return {.row = rows - rows_below(rows),
            .first = 2,
            .width = columns > kTimelineWords + 12 ? columns - kTimelineWords - 3 : 0};
}

/// The history from its beginning to the present: ! faults, + snapshots, # where it stands.
PanelLine timeline(DebugSession& session, unsigned columns) {
    const u64 now = session.debugger().instructions();
    const auto& faults = session.debugger().faults().faults();
    const Timeline::Overview* past = session.history() ? &session.overview() : nullptr;
    const bool behind = past && session.history()->in_past();
    const u64 last = past ? std::max(past->last, now) : now;
    std::string words =
        " instruction " + std::to_string(now) + (behind ? " of " + std::to_string(last) : "") + ", fault " +
        std::to_string(faults.size()) + (behind ? " of " + std::to_string(past->faults) : "") + " ";
    const unsigned width = timeline_place(1, columns).width;
    if (width == 0) return plain(words);
    std::string bar(width, '-');
    const auto column = [&](u64 at) {
        const double part = last ? static_cast<double>(at) / static_cast<double>(last) : 0;
        return std::min<usize>(static_cast<usize>(part * (width - 1)), width - 1);
    };
    if (past)
        for (const u64 at : past->snapshots) bar[column(at)] = '+';
    if (past)
        for (const u64 at : past->faults_at) bar[column(at)] = '!';
    else
        for (const FaultRecord& fault : faults) bar[column(fault.instructions)] = '!';
    const usize here = column(now);
    return {{" |" + bar.substr(0, here), Style::kPlain},
            {"#", Style::kHere},
            {bar.substr(here + 1) + "|", Style::kPlain},
            {words, Style::kPlain}};
}

namespace {

/// A title and at most `rows - 1` lines, all of this width; shorter panels are filled.
void add(Panel& out, const std::string& title, const Panel& panel, unsigned rows, unsigned columns) {
    if (rows == 0) return;
    std::string head = "-- " + title + " ";
    head.resize(std::max<usize>(head.size(), columns), '-');
    out.push_back(fitted({{head, Style::kTitle}}, columns));
    for (unsigned n = 0; n + 1 < rows; ++n)
        out.push_back(fitted(n < panel.size() ? panel[n] : PanelLine{}, columns));
}

Panel left_column(DebugSession& session, unsigned rows, unsigned columns) {
    const Panel registers = registers_panel(session, columns), fault = fault_panel(session);
    const unsigned for_registers = std::min<unsigned>(static_cast<unsigned>(registers.size()) + 1, rows / 4);
    const unsigned for_fault = std::min(6u, rows / 5);
    const unsigned for_code = (rows - for_registers - for_fault) / 2;
    const unsigned for_source = rows - for_registers - for_fault - for_code;
    Panel out;
    add(out, "code", code_panel(session, for_code ? for_code - 1 : 0), for_code, columns);
    add(out, "source", source_panel(session, for_source ? for_source - 1 : 0), for_source, columns);
    add(out, "fault", fault, for_fault, columns);
    add(out, "registers (changed ones stand out)", registers, for_registers, columns);
    return out;
}

Panel right_column(DebugSession& session, unsigned rows, unsigned columns) {
    const unsigned for_walk = std::min(8u, rows / 3), for_tlb = std::min(6u, rows / 5);
    const unsigned for_maps = (rows - for_walk - for_tlb) / 2;
    const std::string address = session.ended() ? "" : " " + hex(session.shown_address());
    Panel out;
    add(out, "walk" + address, walk_panel(session), for_walk, columns);
    add(out, "TLB sets of" + address, tlb_panel(session), for_tlb, columns);
    add(out, "memory map", maps_panel(session, for_maps ? for_maps - 1 : 0), for_maps, columns);
    add(out, "backtrace", backtrace_panel(session), rows - for_walk - for_tlb - for_maps, columns);
    return out;
}

}  // namespace

Panel compose(DebugSession& session, const ScreenText& text, unsigned rows, unsigned columns) {
    Panel out;
    constexpr unsigned kLeastColumns = 40;
    const unsigned below = rows_below(rows);
    const unsigned above = rows - below;
    if (above > 0 && columns >= kLeastColumns) {
        const unsigned left = columns * 11 / 20, right = columns - left - 1;
        const Panel one = left_column(session, above, left), two = right_column(session, above, right);
        for (unsigned n = 0; n < above; ++n) {
            PanelLine line = one[n];
            line.push_back({"|", Style::kTitle});
            line.insert(line.end(), two[n].begin(), two[n].end());
            out.push_back(std::move(line));
        }
    } else if (above > 0) {
        out = left_column(session, above, columns);
    }
    // Timeline, output, input: what there is room for, the last first.
    Panel output = lines_of(text.output);
    const unsigned for_output = below > 2 ? below - 2 : 0;
    if (below >= 2) out.push_back(fitted(timeline(session, columns), columns));
    for (unsigned n = 0; n < for_output; ++n) {
        const usize first = output.size() > for_output ? output.size() - for_output : 0;
        out.push_back(fitted(first + n < output.size() ? output[first + n] : PanelLine{}, columns));
    }
    const std::string input = text.input.empty() ? text.status : text.input;
    if (below >= 1)
        out.push_back(
            fitted(plain(input.size() > columns && !text.input.empty() ? input.substr(input.size() - columns)
                                                                       : input,
                         Style::kTitle),
                   columns));
    return out;
}

}  // namespace emu
