// The report: fixed numbers in, fixed text out; JSON that parses; sums that agree.
#include "emu/report/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "mmu/presets.h"

using emu::Report;
using mmu::u64;

namespace {

Report sample() {
    Report report;
    report.arguments = {"./g1", "two"};
    report.tlb = *mmu::find_preset("skylake-sp");
    report.cpu = {.instructions = 1234567,
                  .loads = 400000,
                  .stores = 100000,
                  .fetches = 1300000,
                  .blocks_decoded = 77,
                  .host_seconds = 0.01};
    report.mmu.user[0] = {
        .references = 0, .l1_misses = 4000, .l2_hits = 3000, .l2_misses = 1000, .faults = 20};
    report.mmu.user[1] = {.references = 0, .l1_misses = 500, .l2_hits = 100, .l2_misses = 400, .faults = 30};
    report.mmu.user[2] = {.references = 0, .l1_misses = 13, .l2_hits = 3, .l2_misses = 10, .faults = 1};
    report.mmu.walks.completed = {1300, 59, 0};
    report.mmu.walks.faulted = 51;
    report.mmu.walks.cache_hits = {1200, 100, 10, 0};
    report.mmu.walks.cache_misses = 100;
    report.mmu.walks.memory_references = 1830;
    report.kernel.faults.total = 51;
    report.kernel.faults.minor = 50;
    report.kernel.faults.signalled = 1;
    report.kernel.memory.peak_rss_bytes = 5 << 20;
    return report;
}

u64 value(const Report& report, std::string_view group, std::string_view name) {
    for (const emu::Statistic& row : emu::statistics())
        if (row.group == group && row.name == name) return row.value(report);
    FAIL("no such statistic");
    return 0;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Report: hits and misses add up to references on each level") {
    const Report r = sample();
    CHECK(value(r, "l1_dtlb", "load_hits") + value(r, "l1_dtlb", "load_misses") ==
          value(r, "l1_dtlb", "loads"));
    CHECK(value(r, "l1_dtlb", "store_hits") + value(r, "l1_dtlb", "store_misses") ==
          value(r, "l1_dtlb", "stores"));
    CHECK(value(r, "l1_itlb", "fetch_hits") + value(r, "l1_itlb", "fetch_misses") ==
          value(r, "l1_itlb", "fetches"));
    CHECK(value(r, "l2_tlb", "load_hits") + value(r, "l2_tlb", "load_misses") ==
          value(r, "l1_dtlb", "load_misses"));
    CHECK(value(r, "walks", "started") == 1410);
}

TEST_CASE("Report: every statistic has its own name in a group with a title") {
    std::set<std::string> names;
    for (const emu::Statistic& row : emu::statistics()) {
        CHECK(names.insert(std::string(row.group) + "." + std::string(row.name)).second);
        CHECK(emu::title_of(row.group) != row.group);
        CHECK((row.whole == nullptr) == row.whole_name.empty());
    }
}

TEST_CASE("Report: the text has perf stat's columns and says which level missed") {
    const std::string text = emu::render_text(sample());
    CHECK(contains(text, "\n Performance counter stats for './g1 two':\n"));
    CHECK(contains(text,
                   "\n         1,234,567      program.instructions              #  perf: instructions:u\n"));
    CHECK(contains(text,
                   "\n             4,000      l1_dtlb.load_misses               #    1.00 % of L1 dTLB "
                   "loads; asked the L2 TLB\n"));
    CHECK(contains(text,
                   "\n             1,000      l2_tlb.load_misses                #   25.00 % of L1 load "
                   "misses; walks; perf: dTLB-load-misses\n"));
    CHECK(contains(text, "\n Page walks: 1.30 references a walk\n"));
    CHECK(contains(text, "\n              59      walks.completed_2m") == false);
    CHECK(contains(text,
                   "\n                59      walks.completed_2m                #    4.18 % of walks; perf: "
                   "*.walk_completed_2m_4m\n"));
    CHECK(contains(text, "\n             123.5      guest MIPS"));
    CHECK(contains(text, "\n exit status 0\n"));
    CHECK(!contains(text, " TLB misses\n"));
}

TEST_CASE("Report: the text leaves out what did not happen, but for the TLBs' own rows") {
    Report r = sample();
    r.mmu.user[1].l2_hits = 0;
    r.kernel.processes = 0;
    const std::string text = emu::render_text(r);
    CHECK(contains(text, "\n                 0      l2_tlb.store_hits "));
    CHECK(!contains(text, "walks.completed_1g"));
    CHECK(!contains(text, "System calls"));
}

TEST_CASE("Report: only the last two rows depend on the host's clock") {
    Report first = sample(), second = sample();
    second.cpu.host_seconds = 3.25;
    const auto stable = [](const std::string& text) { return text.substr(0, text.find(" exit status")); };
    CHECK(stable(emu::render_text(first)) == stable(emu::render_text(second)));
    CHECK(emu::render_csv(first, ",") == emu::render_csv(second, ","));
    auto a = nlohmann::json::parse(emu::render_json(first)),
         b = nlohmann::json::parse(emu::render_json(second));
    for (auto* json : {&a, &b}) json->erase("host_seconds"), json->erase("host_mips"), json->erase("decode_seconds");
    CHECK(a == b);
}

TEST_CASE("Report: JSON holds every statistic under group and name, whatever the guest is called") {
    Report report = sample();
    report.arguments = {"./g1", "\xff\"\n"};
    report.exit.killed_by = 11;
    report.state_hash = "00ff";
    const auto json = nlohmann::json::parse(emu::render_json(report));
    for (const emu::Statistic& row : emu::statistics())
        CHECK(json.at(std::string(row.group)).at(std::string(row.name)) == row.value(report));
    CHECK(json.at("exit").at("status") == 139);
    CHECK(json.at("exit").at("signal") == 11);
    CHECK(json.at("state_hash") == "00ff");
    CHECK(json.at("tlb").at("name") == "skylake-sp");
}

TEST_CASE("Report: nothing divides by zero before the guest's first instruction") {
    Report report;
    report.arguments = {"g"};
    CHECK(contains(emu::render_text(report), "0.00 % of L1 dTLB loads"));
    CHECK(nlohmann::json::parse(emu::render_json(report)).at("host_mips") == 0);
}

TEST_CASE("Report: CSV has perf's seven fields") {
    const std::string csv = emu::render_csv(sample(), ";");
    CHECK(contains(csv, "4000;;l1_dtlb.load_misses;1234567;100.00;1.0000;% of L1 dTLB loads\n"));
    CHECK(contains(csv, "1234567;;program.instructions;1234567;100.00;;\n"));
}
