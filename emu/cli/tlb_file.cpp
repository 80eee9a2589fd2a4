// TLB configurations as TOML: reading; see tlb_file.h. The door to toml++.
#include "emu/cli/tlb_file.h"

// toml++ 3.3 asserts in its parser what a wrong file may break ("[.", "x = ]"). So that such a file is an
// error and not the end of the program, an assertion leaves the parser as a parse error does, and both are
// caught where it is called.
namespace {
struct BrokenAssertion {};
[[noreturn]] void break_off() {
    throw BrokenAssertion{};
}
}  // namespace
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? void() : break_off())
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

#include "mmu/presets.h"

namespace emu {
namespace {

using mmu::Error;
using mmu::Expected;
using mmu::u32;
using mmu::u64;
using mmu::u8;
using mmu::Unexpected;
using mmu::usize;

/// Where errors go; the first one stays.
struct Errors {
    std::string file;
    std::optional<Error> first;

    void at(const toml::source_region& where, std::string what) {
        // It may quote the file: one line, whatever the file holds.
        for (char& c : what)
            if (static_cast<unsigned char>(c) < 0x20) c = ' ';
        if (!first) first = Error{file + ":" + std::to_string(where.begin.line) + ": " + what};
    }
};

template <class Enum>
struct Choice {
    const char* word;
    Enum value;
};

constexpr Choice<mmu::SetIndex> kIndexes[] = {{"linear", mmu::SetIndex::kLinear},
                                              {"xor", mmu::SetIndex::kXor}};
constexpr Choice<mmu::HierarchyRule> kRules[] = {{"non-inclusive", mmu::HierarchyRule::kNonInclusive},
                                                 {"inclusive", mmu::HierarchyRule::kInclusive},
                                                 {"exclusive", mmu::HierarchyRule::kExclusive}};
constexpr Choice<mmu::CacheConfig::Type> kCacheTypes[] = {
    {"data", mmu::CacheConfig::Type::kData},
    {"instruction", mmu::CacheConfig::Type::kInstruction},
    {"unified", mmu::CacheConfig::Type::kUnified}};

/// One table: takes its keys one by one, and then knows which nobody asked for.
class Table {
  public:
    Table(const toml::table& table, Errors& errors) : table_(table), errors_(errors) {}

    void text(const char* key, std::string& out) {
        if (const toml::node* node = take(key)) {
            if (const auto* value = node->as_string())
                out = value->get();
            else
                wrong(*node, key, "a string");
        }
    }
    void flag(const char* key, bool& out) {
        if (const toml::node* node = take(key)) {
            if (const auto* value = node->as_boolean())
                out = value->get();
            else
                wrong(*node, key, "true or false");
        }
    }
    template <class Integer>
    void number(const char* key, Integer& out) {
        if (const toml::node* node = take(key)) integer(*node, key, out);
    }
    template <class Enum, usize count>
    void choice(const char* key, const Choice<Enum> (&choices)[count], Enum& out) {
        const toml::node* node = take(key);
        if (!node) return;
        std::string words;
        for (const auto& [word, value] : choices) {
            if (node->value<std::string_view>() == word) {
                out = value;
                return;
            }
            words += std::string(words.empty() ? "\"" : ", \"") + word + "\"";
        }
        wrong(*node, key, "one of " + words);
    }
    void bytes(const char* key, std::vector<u8>& out) {
        const toml::array* list = array(key);
        if (!list) return;
        out.clear();
        for (const toml::node& node : *list) integer(node, key, out.emplace_back());
    }
    void sizes(const char* key, mmu::PageSizes& out) {
        const toml::array* list = array(key);
        if (!list) return;
        out = {};
        for (const toml::node& node : *list) {
            const auto word = node.value<std::string_view>();
            if (word == "4K")
                out.k4 = true;
            else if (word == "2M")
                out.m2 = true;
            else if (word == "1G")
                out.g1 = true;
            else
                wrong(node, key, "\"4K\", \"2M\" or \"1G\"");
        }
    }
    /// Calls read(Table&) on the table of that name.
    template <class Read>
    void table(const char* key, Read read) {
        if (const toml::node* node = take(key)) sub_table(*node, key, read);
    }
    /// Calls read(Table&, element) for each of an array of tables; they replace what `out` held.
    template <class Element, class Read>
    void tables(const char* key, std::vector<Element>& out, Read read) {
        const toml::array* list = array(key);
        if (!list) return;
        out.clear();
        for (const toml::node& node : *list)
            sub_table(node, key, [&](Table& table) { read(table, out.emplace_back()); });
    }
    /// To be called last.
    void refuse_other_keys() {
        for (const auto& [key, node] : table_) {
            if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
            std::string names;
            for (const char* name : known_) names += std::string(names.empty() ? "" : ", ") + name;
            errors_.at(key.source(),
                       "unknown key \"" + std::string(key.str()) + "\", expected one of " + names);
        }
    }

  private:
    const toml::node* take(const char* key) {
        known_.push_back(key);
        return table_.get(key);
    }
    const toml::array* array(const char* key) {
        const toml::node* node = take(key);
        if (node && !node->as_array()) wrong(*node, key, "an array");
        return node ? node->as_array() : nullptr;
    }
    template <class Integer>
    void integer(const toml::node& node, const char* key, Integer& out) {
        constexpr u64 kMost = std::min<u64>(std::numeric_limits<Integer>::max(), u64{1} << 62);
        const auto* value = node.as_integer();
        if (!value || value->get() < 0 || static_cast<u64>(value->get()) > kMost)
            return wrong(node, key, "a whole number from 0 to " + std::to_string(kMost));
        out = static_cast<Integer>(value->get());
    }
    template <class Read>
    void sub_table(const toml::node& node, const char* key, Read read) {
        if (!node.as_table()) return wrong(node, key, "a table");
        Table table(*node.as_table(), errors_);
        read(table);
        table.refuse_other_keys();
    }
    void wrong(const toml::node& node, const char* key, const std::string& expected) {
        errors_.at(node.source(), std::string(key) + ": expected " + expected);
    }

    const toml::table& table_;
    Errors& errors_;
    std::vector<const char*> known_;
};

void read(Table& table, mmu::Provenance& provenance) {
    table.text("source", provenance.source);
    table.flag("assumed", provenance.assumed);
}

void read(Table& table, mmu::TlbArrayConfig& array) {
    table.text("name", array.name);
    table.sizes("pages", array.sizes);
    table.number("sets", array.sets);
    table.number("ways", array.ways);
    table.choice("index", kIndexes, array.index);
    table.text("policy", array.policy);
    table.number("reported_entries", array.reported_entries);
    table.number("reported_ways", array.reported_ways);
    table.number("reported_ways_2m", array.reported_ways_2m);
    read(table, array.provenance);
}

void read(Table& table, mmu::CacheConfig& cache) {
    table.number("level", cache.level);
    table.choice("type", kCacheTypes, cache.type);
    table.number("bytes", cache.bytes);
    table.number("ways", cache.ways);
    table.number("line", cache.line);
}

void read(Table& table, mmu::CpuIdentity& cpu) {
    table.text("vendor", cpu.vendor);
    table.text("brand", cpu.brand);
    table.number("family", cpu.family);
    table.number("model", cpu.model);
    table.number("stepping", cpu.stepping);
    table.number("virtual_bits", cpu.virtual_bits);
    table.number("physical_bits", cpu.physical_bits);
    table.flag("page_1g", cpu.page_1g);
    table.bytes("leaf2_descriptors", cpu.leaf2_descriptors);
    table.flag("leaf18", cpu.leaf18);
    table.tables("caches", cpu.caches, [](Table& each, mmu::CacheConfig& cache) { read(each, cache); });
}

void read(Table& table, mmu::TlbConfig& config) {
    const auto arrays = [&](const char* key, std::vector<mmu::TlbArrayConfig>& list) {
        table.tables(key, list, [](Table& each, mmu::TlbArrayConfig& array) { read(each, array); });
    };
    table.text("name", config.name);
    table.text("description", config.description);
    table.choice("rule", kRules, config.rule);
    table.flag("l2_pieces", config.l2_pieces);
    read(table, config.hierarchy);
    table.table("cpu", [&](Table& each) { read(each, config.cpu); });
    arrays("l1_instruction", config.l1_instruction);
    arrays("l1_load", config.l1_load);
    arrays("l1_store", config.l1_store);
    arrays("l2", config.l2);
    arrays("l2_instruction", config.l2_instruction);
    table.table("walk_caches", [&](Table& each) {
        each.number("pml5e", config.walk_caches.pml5e);
        each.number("pml4e", config.walk_caches.pml4e);
        each.number("pdpte", config.walk_caches.pdpte);
        each.number("pde", config.walk_caches.pde);
        read(each, config.walk_caches.provenance);
    });
    table.table("penalties", [&](Table& each) {
        each.number("l2_hit", config.penalties.l2_hit);
        each.number("walk_reference", config.penalties.walk_reference);
        read(each, config.penalties.provenance);
    });
}

std::string preset_names() {
    std::string names;
    for (const mmu::TlbConfig& preset : mmu::presets()) names += (names.empty() ? "" : ", ") + preset.name;
    return names;
}

/// The preset that the file starts from, if it names one.
void start_from_base(const toml::table& root, Table& table, Errors& errors, mmu::TlbConfig& config) {
    std::string base;
    table.text("base", base);
    if (base.empty()) return;
    if (const auto preset = mmu::find_preset(base))
        config = *preset;
    else
        errors.at(root.get("base")->source(), "base: expected one of " + preset_names());
}

/// What parses `text`, or the reason why not. An assertion of the parser has no place; the first line that
/// leads to it has.
Expected<toml::table, Error> parse(std::string_view text, const std::string& file) {
    const auto try_lines = [&](std::string_view lines) -> Expected<toml::table, Error> {
        Errors errors{file, {}};
        try {
            return toml::parse(lines, file);
        } catch (const toml::parse_error& error) {
            errors.at(error.source(), std::string(error.description()));
        } catch (const BrokenAssertion&) {
            errors.first = Error{};
        }
        return Unexpected{*errors.first};
    };
    auto parsed = try_lines(text);
    if (parsed || !parsed.error().message.empty()) return parsed;
    usize line = 1;
    for (usize end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1), ++line) {
        const auto part = try_lines(text.substr(0, end + 1));
        if (!part && part.error().message.empty()) break;
    }
    return Unexpected{
        Error{file + ":" + std::to_string(line) + ": expected a key, a value or a table's name"}};
}

/// Places an error of TlbConfig::validate(), "path: why", at the line of the path, or of what is nearest to
/// it.
void place_invalid(const toml::table& root, const std::string& message, Errors& errors) {
    std::string path = message.substr(0, message.find(": "));
    while (!path.empty()) {
        if (const auto node = root.at_path(path); node) return errors.at(node.node()->source(), message);
        const auto cut = path.find_last_of(".[");
        path.resize(cut == std::string::npos ? 0 : cut);
    }
    errors.at(toml::source_region{{1, 1}, {1, 1}, nullptr}, message);
}

}  // namespace

Expected<mmu::TlbConfig, Error> parse_tlb_toml(std::string_view text, const std::string& file) {
    const auto parsed = parse(text, file);
    if (!parsed) return Unexpected{parsed.error()};
    const toml::table& root = *parsed;
    Errors errors{file, {}};
    mmu::TlbConfig config;
    Table table(root, errors);
    start_from_base(root, table, errors, config);
    read(table, config);
    table.refuse_other_keys();
    if (!errors.first)
        if (const auto valid = config.validate(); !valid) place_invalid(root, valid.error().message, errors);
    if (errors.first) return Unexpected{*errors.first};
    return config;
}

Expected<mmu::TlbConfig, Error> load_tlb(const std::string& preset_or_file) {
    if (auto preset = mmu::find_preset(preset_or_file)) return *preset;
    constexpr usize kMostBytes = 1 << 20;
    std::ifstream file(preset_or_file, std::ios::binary);
    std::string text(kMostBytes + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad() || (file.gcount() == 0 && !file.eof()))
        return Unexpected{Error{"\"" + preset_or_file +
                                "\" is neither a file that can be read nor a preset (" + preset_names() +
                                ")"}};
    text.resize(static_cast<usize>(file.gcount()));
    if (text.size() > kMostBytes) return Unexpected{Error{preset_or_file + ": larger than 1 MiB"}};
    return parse_tlb_toml(text, preset_or_file);
}

}  // namespace emu
