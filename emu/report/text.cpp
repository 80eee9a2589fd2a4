// The report as perf stat prints it: " Performance counter stats for", a value of 18 columns, the event, a
// comment.
#include <cinttypes>
#include <cstdio>

#include "emu/report/report.h"

namespace emu {

namespace {

using mmu::u64;

/// "1,234,567", as perf does with big numbers.
std::string grouped(u64 value) {
    std::string digits = std::to_string(value);
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string percentage(u64 part, u64 whole) {
    char text[32];
    std::snprintf(text, sizeof text, "%6.2f %%",
                  whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0);
    return text;
}

void append_line(std::string& out, const std::string& value, std::string_view event,
                 const std::string& comment) {
    char text[160];
    std::snprintf(text, sizeof text, "%18s      %-34.*s", value.c_str(), static_cast<int>(event.size()),
                  event.data());
    std::string line = text;
    if (!comment.empty()) line += "#  " + comment;
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
}

void append_statistic(std::string& out, const Report& report, const Statistic& row) {
    const u64 value = row.value(report);
    std::string comment;
    if (row.whole) comment = percentage(value, row.whole(report)) + " " + std::string(row.whole_name);
    if (!row.note.empty()) comment += (comment.empty() ? "" : "; ") + std::string(row.note);
    append_line(out, grouped(value), std::string(row.group) + "." + std::string(row.name), comment);
}

/// Figures that are quotients of two rows.
std::string quotient(const char* format, u64 part, u64 whole) {
    char text[96];
    std::snprintf(text, sizeof text, format,
                  whole ? static_cast<double>(part) / static_cast<double>(whole) : 0.0);
    return text;
}

u64 value_of(const Report& report, std::string_view group, std::string_view name) {
    for (const Statistic& row : statistics())
        if (row.group == group && row.name == name) return row.value(report);
    return 0;
}

/// What a group's heading adds: its one figure of merit.
std::string figure_of(const Report& report, std::string_view group) {
    if (group == "walks")
        return quotient(": %.2f references a walk", value_of(report, "walks", "memory_references"),
                        value_of(report, "walks", "started"));
    if (group == "l2_tlb") {
        const u64 walks = value_of(report, group, "load_misses") + value_of(report, group, "store_misses") +
                          value_of(report, group, "fetch_misses");
        return quotient(": %.3f misses (walks) per 1000 instructions", walks * 1000, report.cpu.instructions);
    }
    return {};
}

std::string guest_name(const Report& report) {
    std::string name;
    for (const std::string& argument : report.arguments) name += (name.empty() ? "" : " ") + argument;
    return name;
}

/// The TLB's own rows always stand; elsewhere what did not happen is left out (JSON and CSV have all rows).
bool shown_when_zero(std::string_view group) {
    return group.ends_with("tlb") && group != "kernel_tlb";
}

void append_outcome(std::string& out, const Report& report) {
    char text[160];
    if (report.exit.killed_by)
        std::snprintf(text, sizeof text, " killed by signal %d (exit status %d)\n", report.exit.killed_by,
                      report.exit.shell_status());
    else
        std::snprintf(text, sizeof text, " exit status %d\n", report.exit.code);
    out += text;
    if (!report.state_hash.empty()) out += " state hash " + report.state_hash + "\n";
}

void append_host(std::string& out, const Report& report) {
    char text[64];
    const double seconds = report.cpu.host_seconds;
    std::snprintf(text, sizeof text, "%.6f", seconds);
    append_line(out, text, "seconds of host CPU", "");
    char share[64];
    std::snprintf(text, sizeof text, "%.6f", report.cpu.decode_seconds);
    std::snprintf(share, sizeof share, "%.2f %% of them",
                  seconds > 0 ? 100 * report.cpu.decode_seconds / seconds : 0.0);
    append_line(out, text, "seconds of decoding", share);
    std::snprintf(text, sizeof text, "%.1f",
                  seconds > 0 ? static_cast<double>(report.cpu.instructions) / seconds / 1e6 : 0.0);
    append_line(out, text, "guest MIPS", "millions of guest instructions a second of host CPU");
}

}  // namespace

std::string render_text(const Report& report) {
    std::string out = "\n Performance counter stats for '" + guest_name(report) + "':\n\n";
    out += " TLB model " + report.tlb.name +
           (report.tlb.description.empty() ? "" : ": " + report.tlb.description) + "\n";
    for (const std::string& line : describe(report.tlb)) out += "   " + line + "\n";
    std::string_view group;
    for (const Statistic& row : statistics()) {
        if (row.value(report) == 0 && !shown_when_zero(row.group)) continue;
        if (row.group != group) {
            group = row.group;
            out += "\n " + std::string(title_of(group)) + figure_of(report, group) + "\n";
        }
        append_statistic(out, report, row);
    }
    out += render_tasks(report.tasks) + "\n";
    append_outcome(out, report);
    out += "\n";
    append_host(out, report);
    out += "\n";
    return out;
}

std::string render_csv(const Report& report, std::string_view separator) {
    std::string out;
    const std::string s(separator);
    for (const Statistic& row : statistics()) {
        const u64 value = row.value(report);
        out += std::to_string(value) + s + s + std::string(row.group) + "." + std::string(row.name) + s +
               std::to_string(report.cpu.instructions) + s + "100.00" + s;
        if (row.whole) {
            const u64 whole = row.whole(report);
            out += quotient("%.4f", value * 100, whole) + s + "% " + std::string(row.whole_name);
        } else {
            out += s;
        }
        out += "\n";
    }
    return out;
}

}  // namespace emu
