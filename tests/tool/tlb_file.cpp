// TLB files: what is written loads back equal; what is wrong is named with file and line.
#include "emu/cli/tlb_file.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "emu/cli/tlb_command.h"
#include "mmu/presets.h"

#include <catch2/catch.hpp>

using namespace emu;

namespace {

std::string error_of(const std::string& text) {
    const auto config = parse_tlb_toml(text, "my.toml");
    return config ? "" : config.error().message;
}

const char* const kSmallest = R"(
[[l1_instruction]]
pages = ["4K"]
ways = 4
[[l1_load]]
pages = ["4K", "2M"]
sets = 2
ways = 4
policy = "fifo"
)";

}  // namespace

TEST_CASE("tlb file: each preset, written and read, is itself") {
    for (const mmu::TlbConfig& preset : mmu::presets()) {
        INFO(preset.name);
        const auto read = parse_tlb_toml(to_toml(preset), "shown.toml");
        if (!read) FAIL(read.error().message);
        CHECK(*read == preset);
    }
}

TEST_CASE("tlb file: quotes, backslashes and control characters in texts survive") {
    mmu::TlbConfig config = *mmu::find_preset("tiny");
    config.name = "a \"quoted\" \\ name\twith\na line end";
    const auto read = parse_tlb_toml(to_toml(config), "f");
    if (!read) FAIL(read.error().message);
    CHECK(read->name == config.name);
}

TEST_CASE("tlb file: what is left out has its default, or the base preset's value") {
    const auto small = parse_tlb_toml(kSmallest, "f");
    REQUIRE(small.has_value());
    CHECK(small->l1_load[0].entries() == 8);
    CHECK(small->l1_load[0].policy == "fifo");
    CHECK(small->l2.empty());
    const auto based =
        parse_tlb_toml("base = \"zen4\"\nname = \"mine\"\n[[l1_load]]\npages = [\"4K\"]\nways = 128\n", "f");
    REQUIRE(based.has_value());
    CHECK(based->name == "mine");
    CHECK(based->l1_load.size() == 1);
    CHECK(based->l2 == mmu::find_preset("zen4")->l2);
}

TEST_CASE("tlb file: what is wrong is said with file and line") {
    CHECK_THAT(error_of("name = \n"), Catch::StartsWith("my.toml:1: "));
    CHECK_THAT(error_of("name = 3\n"), Catch::Equals("my.toml:1: name: expected a string"));
    CHECK_THAT(
        error_of("\nrule = \"loose\"\n"),
        Catch::Equals("my.toml:2: rule: expected one of \"non-inclusive\", \"inclusive\", \"exclusive\""));
    CHECK_THAT(error_of("base = \"pentium\"\n"),
               Catch::StartsWith("my.toml:1: base: expected one of skylake-sp, "));
    CHECK_THAT(error_of("[[l2]]\nset = 3\n"),
               Catch::StartsWith("my.toml:2: unknown key \"set\", expected one of name, pages, sets, "));
    CHECK_THAT(error_of("[[l2]]\nsets = -1\n"),
               Catch::Equals("my.toml:2: sets: expected a whole number from 0 to 4294967295"));
    CHECK_THAT(error_of("[[l2]]\nsets = 4.0\n"), Catch::Contains("my.toml:2: sets: expected a whole number"));
    CHECK_THAT(error_of("[[l2]]\npages = [\"4K\",\n \"8K\"]\n"),
               Catch::Equals("my.toml:3: pages: expected \"4K\", \"2M\" or \"1G\""));
    CHECK_THAT(error_of("l2 = 7\n"), Catch::Equals("my.toml:1: l2: expected an array"));
    CHECK_THAT(error_of("cpu = []\n"), Catch::Equals("my.toml:1: cpu: expected a table"));
    CHECK_THAT(error_of(""),
               Catch::StartsWith("my.toml:1: l1_instruction: expected an array that holds 4K pages"));
}

TEST_CASE("tlb file: what the parser would end the program for is an error too") {
    CHECK_THAT(error_of("name = \"x\"\n\n[.]\nsets = 1\n"),
               Catch::Equals("my.toml:3: expected a key, a value or a table's name"));
    for (const char* text : {"[,]", "[[=]]", "[\n]", "a = ]", "a = }", "a = ,", "a = [1, =]", "a = {b = }",
                             "[ .", "a.", "\x80", "[\x80]", "a = \"\x01\"", "\"a\\nb\" = 1"}) {
        INFO(text);
        CHECK_THAT(error_of(text), Catch::StartsWith("my.toml:1: "));
        CHECK(error_of(text).find('\n') == std::string::npos);
    }
}

TEST_CASE("tlb file: what does not fit together is said at the line of its field") {
    const std::string small = kSmallest;
    CHECK_THAT(error_of(small + "[[l2]]\npages = [\"4K\"]\nsets = 3\n"),
               Catch::Equals("my.toml:12: l2[0].sets: expected a power of two"));
    CHECK_THAT(error_of(small + "[[l2]]\npages = [\"4K\"]\nways = 6\npolicy = \"tree-plru\"\n"),
               Catch::StartsWith("my.toml:12: l2[0].ways: tree-plru needs a power of two"));
    CHECK_THAT(error_of(small + "[[l2]]\npages = [\"4K\"]\npolicy = \"best\"\n"),
               Catch::StartsWith("my.toml:12: l2[0].policy: expected one of lru, "));
    CHECK_THAT(error_of(small + "[[l2]]\npages = [\"4K\"]\nsets = 1048576\nways = 1048576\n"),
               Catch::StartsWith("my.toml:10: l2[0]: expected at most 1048576 entries"));
    CHECK_THAT(error_of(small + "[walk_caches]\npde = 100000\n"),
               Catch::StartsWith("my.toml:11: walk_caches.pde: expected at most 4096"));
}

TEST_CASE("load_tlb: a preset by name, a file by path, else one line that lists the presets") {
    CHECK(load_tlb("zen3")->name == "zen3");
    const auto neither = load_tlb("zen33");
    REQUIRE(!neither.has_value());
    CHECK_THAT(neither.error().message, Catch::StartsWith("\"zen33\" is neither a file"));
    CHECK(!load_tlb("/").has_value());
    CHECK(!load_tlb("/dev/zero").has_value());

    const std::string path = std::filesystem::temp_directory_path() / "mmuscope_test_tlb_file.toml";
    std::ofstream(path) << kSmallest;
    CHECK(load_tlb(path).has_value());
    std::ofstream(path) << "x";
    const auto wrong = load_tlb(path);
    REQUIRE(!wrong.has_value());
    CHECK_THAT(wrong.error().message, Catch::StartsWith(path + ":1: "));
    std::remove(path.c_str());
}

TEST_CASE("mmuscope tlb: list has a line for each preset, show prints one that loads back") {
    const std::string list = tlb_list_text();
    for (const mmu::TlbConfig& preset : mmu::presets())
        CHECK_THAT(list, Catch::Contains("\n" + preset.name + " "));
    const auto shown = tlb_show_text("ice-lake");
    REQUIRE(shown.has_value());
    CHECK(*parse_tlb_toml(*shown, "f") == *mmu::find_preset("ice-lake"));
    CHECK(!tlb_show_text("none such").has_value());
}
