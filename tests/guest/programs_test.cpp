// Every program of guest/: its output and exit status as its header says and as they are natively, its faults
// as stated.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/guest/compare.h"

namespace {

using test::Words;

/// The machine-readable lines of a guest's header (guest/README.md).
struct Expectations {
    Words arguments, options;
    bool host = true;  ///< natively it prints the same
    std::string standard_output;
    bool has_output = false;
    int exit_status = 0;
    Words faults;
};

/// Splits as a shell does with double quotes.
Words split_quoted(const std::string& text) {
    Words words;
    std::string word;
    bool quoted = false, any = false;
    for (char c : text + " ") {
        if (c == '"') {
            quoted = !quoted;
            any = true;
        } else if (c == ' ' && !quoted) {
            if (any || !word.empty()) words.push_back(word);
            word.clear();
            any = false;
        } else {
            word += c;
        }
    }
    return words;
}

Expectations expectations_of(const std::string& source) {
    Expectations expected;
    std::istringstream lines(test::read_file(source));
    const auto value = [](const std::string& line, const std::string& key) {
        const std::string start = "// " + key + ": ";
        return line.starts_with(start) ? std::optional(line.substr(start.size())) : std::nullopt;
    };
    for (std::string line; std::getline(lines, line) && line.starts_with("//");) {
        if (const auto text = value(line, "args")) expected.arguments = split_quoted(*text);
        if (const auto text = value(line, "options")) expected.options = split_quoted(*text);
        if (const auto text = value(line, "host")) expected.host = *text != "no";
        if (const auto text = value(line, "expect-stdout")) {
            expected.standard_output += *text + "\n";
            expected.has_output = true;
        }
        if (const auto text = value(line, "expect-exit")) expected.exit_status = std::stoi(*text);
        if (const auto text = value(line, "expect-faults")) expected.faults = split_quoted(*text);
    }
    return expected;
}

/// "anonymous>=16" or "signalled=1" against the report.
void check_fault_count(const nlohmann::json& report, const std::string& condition) {
    const std::size_t equals = condition.find('=');
    const bool at_least = condition[equals - 1] == '>';
    const std::string kind = condition.substr(0, equals - (at_least ? 1 : 0));
    const long expected = std::stol(condition.substr(equals + 1));
    const long actual = report.at("page_faults").at(kind).get<long>();
    INFO(condition << ", counted " << actual);
    CHECK((at_least ? actual >= expected : actual == expected));
}

/// Whether a header says exactly how many faults something costs: "16 faults", "3 minor, 0 major faults" in
/// the output, or a kind with '='.
bool counts_faults(const Expectations& expected) {
    static const std::regex count("\\d+ (fault|minor)");
    if (std::regex_search(expected.standard_output, count)) return true;
    return std::any_of(expected.faults.begin(), expected.faults.end(),
                       [](const std::string& kind) { return kind.find(">=") == std::string::npos; });
}

void check_guest(const std::string& source, const std::string& program) {
    const Expectations expected = expectations_of(source);
    Words guest = {program};
    guest.insert(guest.end(), expected.arguments.begin(), expected.arguments.end());
    Words run = expected.options;
    run.insert(run.begin(), "run");
    if (expected.host) test::check_as_native(guest, {}, run);
    if (expected.has_output) {
        const test::ProcessResult result = test::emulate(run, guest);
        CHECK(result.out == expected.standard_output);
        CHECK(result.status == expected.exit_status);
    }
    const nlohmann::json report = test::statistics_of(guest, expected.options, expected.exit_status);
    for (const std::string& condition : expected.faults) check_fault_count(report, condition);
}

void check_all(const std::string& library) {
    unsigned count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(MMUSCOPE_GUEST_SOURCES)) {
        if (entry.path().extension() != ".c") continue;
        const std::string name = entry.path().stem().string();
        const std::string program = test::guest_path(name + "." + library);
        if (!std::filesystem::exists(program)) continue;  // needs glibc, or musl-gcc is not installed
        DYNAMIC_SECTION(name << "." << library) {
            check_guest(entry.path().string(), program);
        }
        ++count;
    }
    CHECK(count > 0);
}

}  // namespace

TEST_CASE("Guests: each of memory says exactly which faults its steps cost") {
    std::istringstream lines(test::read_file(MMUSCOPE_GUEST_SOURCES "/README.md"));
    unsigned guests = 0;
    bool memory = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("| of memory")) memory = true;
        if (line.empty()) memory = false;
        if (!memory) continue;
        static const std::regex name("`([a-z_0-9]+)`");
        for (std::sregex_iterator at(line.begin(), line.end(), name), last; at != last; ++at, ++guests) {
            INFO((*at)[1]);
            CHECK(counts_faults(expectations_of(MMUSCOPE_GUEST_SOURCES "/" + (*at)[1].str() + ".c")));
        }
    }
    CHECK(guests >= 45);
}

TEST_CASE("Guests: with glibc each prints, faults and ends as its header and the host's Linux say") {
    check_all("glibc");
}

TEST_CASE("Guests: with musl each prints, faults and ends as its header and the host's Linux say") {
    check_all("musl");
}
