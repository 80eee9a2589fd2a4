// The command line: what belongs to mmuscope, what to the guest, and what is refused with which words.
#include "emu/cli/options.h"

#include <catch2/catch.hpp>

using emu::EarlyExit;
using emu::Options;
using mmu::u64;

namespace {

Options parsed(std::vector<std::string> words, std::vector<std::string> environment = {"A=1", "HOME=/root"}) {
    words.insert(words.begin(), "mmuscope");
    auto options = emu::parse_options(words, std::move(environment));
    INFO((options ? "" : options.error().text));
    REQUIRE(options);
    return *options;
}

EarlyExit refused(std::vector<std::string> words) {
    words.insert(words.begin(), "mmuscope");
    auto options = emu::parse_options(words, {});
    REQUIRE(!options);
    return options.error();
}

}  // namespace

TEST_CASE("Options: a program alone is run, and all that follows it is its own") {
    const Options options = parsed({"./a.out", "--tlb", "zen4", "-o", "x", "--", "stat"});
    CHECK(options.command == emu::Command::kRun);
    CHECK(options.guest == std::vector<std::string>{"./a.out", "--tlb", "zen4", "-o", "x", "--", "stat"});
    CHECK(options.tlb == "skylake-sp");
    CHECK(options.output.empty());
    CHECK(options.memory_bytes == u64{1} << 30);
}

TEST_CASE("Options: values never pass for the guest, however they are written") {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"stat", "--tlb", "zen4", "-o", "f", "./g", "x"},
          {"stat", "--tlb=zen4", "-of", "./g", "x"},
          {"stat", "--tlb", "zen4", "--output=f", "--", "./g", "x"}}) {
        const Options options = parsed(words);
        CHECK(options.command == emu::Command::kStat);
        CHECK(options.tlb == "zen4");
        CHECK(options.output == "f");
        CHECK(options.guest == std::vector<std::string>{"./g", "x"});
    }
    CHECK(parsed({"stat", "--json", "--", "-x"}).guest == std::vector<std::string>{"-x"});
}

TEST_CASE("Options: --rw may be repeated and takes one folder each") {
    const Options options = parsed({"run", "--rw", "/a", "--rw", "/b", "./g", "/c"});
    CHECK(options.kernel.files.writable == std::vector<std::string>{"/a", "/b"});
    CHECK(options.guest == std::vector<std::string>{"./g", "/c"});
}

TEST_CASE("Options: the environment is inherited, changed by --env, emptied by --clear-env") {
    CHECK(parsed({"./g"}).environment == std::vector<std::string>{"A=1", "HOME=/root"});
    CHECK(parsed({"--env", "A=2", "--env", "B=", "./g"}).environment ==
          std::vector<std::string>{"A=2", "HOME=/root", "B="});
    CHECK(parsed({"--clear-env", "--env", "B=1", "./g"}).environment == std::vector<std::string>{"B=1"});
    CHECK(refused({"--env", "nonsense", "./g"}).text == "mmuscope: --env: 'nonsense' is not NAME=VALUE\n");
}

TEST_CASE("Options: sizes have binary suffixes and sane limits") {
    CHECK(emu::parse_size("4096") == 4096);
    CHECK(emu::parse_size("512KiB") == 512 << 10);
    CHECK(emu::parse_size("2g") == u64{2} << 30);
    CHECK(emu::parse_size("16EB") == std::nullopt);
    CHECK(emu::parse_size("99999999999T") == std::nullopt);
    CHECK(emu::parse_size("-1") == std::nullopt);
    CHECK(emu::parse_size("") == std::nullopt);
    CHECK(parsed({"--memory", "64M", "./g"}).memory_bytes == 64 << 20);
    CHECK(refused({"--memory", "1K", "./g"}).text == "mmuscope: --memory: 1K is not within 4M to 1T\n");
    CHECK(refused({"--memory", "lots", "./g"}).text ==
          "mmuscope: --memory: 'lots' is no size (such as 256M or 2G)\n");
    CHECK(refused({"--stack", "1", "./g"}).status == 125);
}

TEST_CASE("Options: a range of faults is FROM-TO, and asks for the story") {
    CHECK(parsed({"--story-faults", "3-7", "./g"}).story_faults == std::pair<u64, u64>{3, 7});
    CHECK(parsed({"--story-faults", "3", "./g"}).story_faults == std::pair<u64, u64>{3, 3});
    CHECK(parsed({"--story-faults", "3-", "./g"}).story_faults.second == ~u64{0});
    CHECK(parsed({"--story-faults", "3-7", "./g"}).story);
    for (const char* range : {"7-3", "a-b", "-3", "1-x"})
        CHECK(refused({"--story-faults", range, "./g"}).status == 125);
}

TEST_CASE("Options: what is wrong is said in one line, with status 125") {
    CHECK(refused({"run"}).text == "mmuscope: no program to run; see mmuscope --help\n");
    CHECK(refused({"stat", "--json", "-x", ";", "./g"}).text ==
          "mmuscope: --json and -x exclude each other\n");
    const EarlyExit unknown = refused({"--bogus", "./g"});
    CHECK(unknown.status == 125);
    CHECK(unknown.text.find("--bogus") != std::string::npos);
    CHECK(refused({"--seed", "x", "./g"}).status == 125);
    CHECK(refused({}).status == 125);
    CHECK(refused({"tlb", "shwo"}).status == 125);
}

TEST_CASE("Options: help and version go to stdout with status 0") {
    CHECK(refused({"--version"}).text == "mmuscope 0.1.0\n");
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--help"}, {"run", "--help"}, {"stat", "-h"}, {"tlb", "--help"}}) {
        const EarlyExit help = refused(words);
        CHECK(help.status == 0);
        CHECK(help.text.find("sage: mmuscope") != std::string::npos);
    }
}

TEST_CASE("Options: the guest's date is tonight unless it is given") {
    CHECK(!parsed({"./g"}).epoch_given);
    const Options options = parsed({"--epoch", "1000000000", "./g"});
    CHECK(options.epoch_given);
    CHECK(options.kernel.epoch == 1000000000);
}

TEST_CASE("Options: tlb list and tlb show") {
    CHECK(parsed({"tlb", "list"}).command == emu::Command::kTlbList);
    const Options show = parsed({"tlb", "show", "zen5"});
    CHECK(show.command == emu::Command::kTlbShow);
    CHECK(show.tlb == "zen5");
}
