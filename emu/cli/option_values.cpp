// Purpose: see option_values.h.
#include "emu/cli/option_values.h"

namespace emu {

namespace {

using mmu::u64;

bool parse_range(const std::string& text, std::pair<u64, u64>& range) {
    const std::size_t dash = text.find('-');
    const auto number = [](const std::string& digits, u64& value) {
        if (digits.empty() || digits.size() > 18 ||
            digits.find_first_not_of("0123456789") != std::string::npos)
            return false;
        value = std::stoull(digits);
        return true;
    };
    if (!number(text.substr(0, dash), range.first)) return false;
    if (dash == std::string::npos) {
        range.second = range.first;
        return true;
    }
    if (dash + 1 == text.size()) return true;
    return number(text.substr(dash + 1), range.second) && range.first <= range.second;
}

/// --readahead and --fault-around. Empty, or what is wrong.
std::string finish_readahead(Options& options, const RawOptions& raw) {
    constexpr u64 kLargest = u64{1} << 30;
    if (!raw.readahead.empty()) {
        const std::optional<u64> size = parse_size(raw.readahead);
        if (!size || *size > kLargest) return "--readahead: '" + raw.readahead + "' is no size from 0 to 1G";
        options.kernel.readahead_bytes = *size;
    }
    if (!raw.fault_around.empty()) {
        const std::optional<u64> size = parse_size(raw.fault_around);
        if (!size || *size < 4096 || *size > (u64{2} << 20) || (*size & (*size - 1)))
            return "--fault-around: '" + raw.fault_around + "' is no power of two from 4K to 2M";
        options.kernel.fault_around_bytes = *size;
    }
    return {};
}

/// "16", "4:2M", "16,1:1G". False: it is none of these.
bool parse_huge_pages(const std::string& text, kernel::KernelConfig& config) {
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t end = std::min(text.find(',', from), text.size());
        const std::string part = text.substr(from, end - from);
        const std::size_t colon = std::min(part.find(':'), part.size());
        const std::string digits = part.substr(0, colon);
        if (digits.empty() || digits.size() > 9 ||
            digits.find_first_not_of("0123456789") != std::string::npos)
            return false;
        const std::optional<u64> size =
            colon == part.size() ? u64{2} << 20 : parse_size(part.substr(colon + 1));
        if (size == u64{2} << 20) {
            config.huge_pages_2m = std::stoull(digits);
        } else if (size == u64{1} << 30) {
            config.huge_pages_1g = std::stoull(digits);
        } else {
            return false;
        }
        from = end + 1;
    }
    return true;
}

void set_variable(std::vector<std::string>& environment, const std::string& assignment) {
    const std::string name = assignment.substr(0, assignment.find('=') + 1);
    for (std::string& variable : environment)
        if (variable.starts_with(name)) {
            variable = assignment;
            return;
        }
    environment.push_back(assignment);
}

}  // namespace

std::string finish_options(Options& options, const RawOptions& raw, std::vector<std::string> environment) {
    constexpr u64 kSmallest = u64{4} << 20, kLargest = u64{1} << 40;
    if (!raw.memory.empty()) {
        const std::optional<u64> size = parse_size(raw.memory);
        if (!size) return "--memory: '" + raw.memory + "' is no size (such as 256M or 2G)";
        if (*size < kSmallest || *size > kLargest)
            return "--memory: " + raw.memory + " is not within 4M to 1T";
        options.memory_bytes = *size & ~u64{4095};
    }
    if (!raw.swap.empty()) {
        const std::optional<u64> size = parse_size(raw.swap);
        if (!size) return "--swap: '" + raw.swap + "' is no size (such as 256M)";
        if (*size < 4096 || *size > kLargest) return "--swap: " + raw.swap + " is not within 4K to 1T";
        options.kernel.swap_bytes = *size & ~u64{4095};
    }
    if (!raw.hugepages.empty() && !parse_huge_pages(raw.hugepages, options.kernel))
        return "--hugepages: '" + raw.hugepages + "' is not such as 16, 4:2M or 16,1:1G";
    if (!raw.stack.empty()) {
        const std::optional<u64> size = parse_size(raw.stack);
        if (!size) return "--stack: '" + raw.stack + "' is no size (such as 8M)";
        if (*size < (u64{128} << 10) || *size > (u64{1} << 36))
            return "--stack: " + raw.stack + " is not within 128K to 64G";
        options.kernel.stack_limit = *size & ~u64{4095};
    }
    StraceOptions& strace = options.strace;
    if (strace.follow || strace.summary || !strace.filter.empty() || !strace.file.empty())
        strace.enabled = true;
    if (!raw.story_faults.empty()) {
        if (!parse_range(raw.story_faults, options.story_faults))
            return "--story-faults: '" + raw.story_faults + "' is no range (such as 3, 3-7 or 3-)";
        options.story = true;
    }
    if (!raw.names.empty()) {
        const auto names = kernel_names_of(raw.names);
        if (!names) return "--names: '" + raw.names + "' is neither 6.12 nor 2.6.32";
        options.names = *names;
    }
    for (const std::string& fault : raw.inject) {
        if (fault == "skip-invlpg")
            options.kernel.skip_invlpg = true;
        else if (!options.kernel.inject.parse(fault))
            return "--inject: '" + fault +
                   "' is none of alloc:N, disk-read:N, disk-write:N, swap:N, swap-read:N, flush:N, "
                   "SITE:every:N, "
                   "skip-invlpg";
    }
    if (const std::string problem = finish_readahead(options, raw); !problem.empty()) return problem;
    if (raw.json && !raw.csv.empty()) return "--json and -x exclude each other";
    if (raw.json) options.format = ReportFormat::kJson;
    if (!raw.csv.empty()) {
        options.format = ReportFormat::kCsv;
        options.csv_separator = raw.csv;
    }
    if (raw.clear_environment) environment.clear();
    for (const std::string& assignment : raw.set_environment) {
        if (assignment.find('=') == std::string::npos || assignment[0] == '=')
            return "--env: '" + assignment + "' is not NAME=VALUE";
        set_variable(environment, assignment);
    }
    options.environment = std::move(environment);
    return {};
}

std::string finish_explain(Options& options, const RawOptions& raw) {
    constexpr std::pair<u64, u64> kNone = {1, 0};
    options.story = true;
    if (raw.faults.empty() && raw.calls.empty()) return {};
    if (raw.faults.empty()) options.story_faults = kNone;
    if (raw.calls.empty()) options.story_calls = kNone;
    if (!raw.faults.empty() && !parse_range(raw.faults, options.story_faults))
        return "--fault: '" + raw.faults + "' is no range (such as 3, 3-7 or 3-)";
    if (!raw.calls.empty() && !parse_range(raw.calls, options.story_calls))
        return "--brk: '" + raw.calls + "' is no range (such as 3, 3-7 or 3-)";
    return {};
}

std::string finish_diff_host(const Options& options) {
    const kernel::FilePolicy& files = options.kernel.files;
    if (!files.root.empty() || !files.writable.empty() || files.none)
        return "diff-host runs the program on the host itself, where --root, --rw and --no-files mean "
               "nothing";
    if (options.kernel.randomize) return "diff-host compares addresses: not with --randomize";
    if (!options.gdb.empty() || options.story || options.strace.enabled)
        return "diff-host goes with neither --gdb, --story nor --strace";
    return {};
}

}  // namespace emu
