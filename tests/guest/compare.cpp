#include "tests/guest/compare.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace test {

namespace {

std::string joined(const Words& words) {
    std::ostringstream text;
    for (const std::string& word : words) text << word << ' ';
    return text.str();
}

/// Where two outputs part, with a little of each: a whole sha256sum of a difference helps nobody.
std::string difference(const std::string& expected, const std::string& actual) {
    std::size_t at = 0;
    while (at < expected.size() && at < actual.size() && expected[at] == actual[at]) ++at;
    const std::size_t from = at > 60 ? at - 60 : 0;
    return "outputs part at byte " + std::to_string(at) + " of " + std::to_string(expected.size()) +
           "\nnative:   " + expected.substr(from, 160) + "\nmmuscope: " + actual.substr(from, 160);
}

}  // namespace

std::string test_guest_path(const std::string& name) {
    return std::string(MMUSCOPE_TEST_GUESTS) + "/" + name;
}

std::string guest_path(const std::string& name) {
    return std::string(MMUSCOPE_GUESTS) + "/" + name;
}

ProcessResult emulate(Words options, const Words& guest, const ProcessOptions& process) {
    options.insert(options.begin(), MMUSCOPE_PROGRAM);
    options.push_back("--");
    options.insert(options.end(), guest.begin(), guest.end());
    return run(options, process);
}

void check_as_native(const Words& guest, const ProcessOptions& process, const Words& options) {
    ProcessOptions native_process = process;
    native_process.same_addresses = true;
    const ProcessResult native = run(guest, native_process);
    const ProcessResult emulated = emulate(options, guest, process);
    INFO("guest: " << joined(guest) << "\noptions: " << joined(options) << "\nstderr: " << emulated.err);
    CHECK(!native.timed_out);
    REQUIRE(!emulated.timed_out);
    CHECK(emulated.status == native.status);
    if (emulated.out != native.out) FAIL_CHECK(difference(native.out, emulated.out));
}

nlohmann::json statistics_of(const Words& guest, const Words& options, int status) {
    TemporaryFolder folder;
    Words all = {"stat", "--json", "-o", folder.path() + "/report"};
    all.insert(all.end(), options.begin(), options.end());
    const ProcessResult result = emulate(all, guest);
    INFO("guest: " << joined(guest) << "\nstderr: " << result.err);
    CHECK(result.status == status);
    const nlohmann::json report = nlohmann::json::parse(read_file(folder.path() + "/report"), nullptr, false);
    REQUIRE(!report.is_discarded());
    return report;
}

}  // namespace test
