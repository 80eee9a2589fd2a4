// TLB configurations as TOML: writing; see tlb_file.h. It is the format's documentation too, so it comments
// as it goes.
#include <sstream>

#include "emu/cli/tlb_file.h"
#include "mmu/replacement.h"

namespace emu {
namespace {

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            result += escape;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

const char* word(bool flag) {
    return flag ? "true" : "false";
}

const char* word(mmu::CacheConfig::Type type) {
    using Type = mmu::CacheConfig::Type;
    return type == Type::kData ? "data" : type == Type::kInstruction ? "instruction" : "unified";
}

void write(std::ostream& out, const mmu::Provenance& provenance) {
    out << "source = " << quoted(provenance.source) << "\n";
    if (provenance.assumed) out << "assumed = true\n";
}

void write(std::ostream& out, const char* key, const std::vector<mmu::TlbArrayConfig>& list) {
    for (const mmu::TlbArrayConfig& array : list) {
        out << "\n[[" << key << "]]\nname = " << quoted(array.name) << "\npages = [";
        const char* separator = "";
        for (const mmu::PageSize size : mmu::kPageSizes) {
            if (!array.sizes.holds(size)) continue;
            out << separator << '"' << name_of(size) << '"';
            separator = ", ";
        }
        out << "]\nsets = " << array.sets << "\nways = " << array.ways << "\nindex = \""
            << name_of(array.index) << "\"\npolicy = " << quoted(array.policy) << "\n";
        if (array.reported_entries) out << "reported_entries = " << array.reported_entries << "\n";
        if (array.reported_ways) out << "reported_ways = " << array.reported_ways << "\n";
        if (array.reported_ways_2m) out << "reported_ways_2m = " << array.reported_ways_2m << "\n";
        write(out, array.provenance);
    }
}

void write(std::ostream& out, const mmu::CpuIdentity& cpu) {
    out << "\n[cpu]  # what CPUID says\nvendor = " << quoted(cpu.vendor) << "\nbrand = " << quoted(cpu.brand)
        << "\nfamily = " << cpu.family << "\nmodel = " << cpu.model << "\nstepping = " << cpu.stepping
        << "\nvirtual_bits = " << cpu.virtual_bits << "  # 48, or 57: 5-level paging"
        << "\nphysical_bits = " << cpu.physical_bits << "\npage_1g = " << word(cpu.page_1g)
        << "\nleaf2_descriptors = [";
    const char* separator = "";
    for (const mmu::u8 descriptor : cpu.leaf2_descriptors) {
        char text[8];
        std::snprintf(text, sizeof text, "0x%02x", descriptor);
        out << separator << text;
        separator = ", ";
    }
    out << "]\nleaf18 = " << word(cpu.leaf18) << "\n";
    for (const mmu::CacheConfig& cache : cpu.caches)
        out << "[[cpu.caches]]\nlevel = " << cache.level << "\ntype = \"" << word(cache.type)
            << "\"\nbytes = " << cache.bytes << "\nways = " << cache.ways << "\nline = " << cache.line
            << "\n";
}

void write_format_notes(std::ostream& out) {
    std::string policies;
    for (const mmu::Policy& policy : mmu::kPolicies) {
        if (!policies.empty()) policies += ", ";
        policies += policy.name;
    }
    out << R"(# The TLBs of one CPU. Save this, edit it, and give it to --tlb FILE.
#
# [[l1_instruction]], [[l1_load]], [[l1_store]], [[l2]], [[l2_instruction]]: one block for each array of the list.
#   Without l1_store, loads and stores share l1_load; without l2_instruction, code and data share l2; l2 may be left
#   out. Each L1 needs an array for 4K pages; a page of a size that no array of an L1 holds is cached there in pieces.
#   pages    any of "4K", "2M", "1G"
#   sets     a power of two; 1 = fully associative      ways     1 = direct-mapped
#   index    "linear", or "xor": the low page-number bits XOR the next ones
#   policy   )"
        << policies << R"(
#   reported_entries, reported_ways, reported_ways_2m   what CPUID says where that differs
# rule       "non-inclusive": a walk fills both levels, an L2 hit re-inserts in L1, an L1 hit leaves L2 alone;
#            "inclusive": and what leaves L2 leaves L1; "exclusive": L2 holds what L1 has evicted
# l2_pieces  true: a page of a size that no array of L2 holds is cached there in pieces; false: not at all
# base       a preset's name: what is left out is as there (a list that is given replaces the whole list)
# source, assumed   where a figure comes from, and that it is a guess; shown in reports

)";
}

}  // namespace

std::string to_toml(const mmu::TlbConfig& config) {
    std::ostringstream out;
    write_format_notes(out);
    out << "name = " << quoted(config.name) << "\ndescription = " << quoted(config.description)
        << "\nrule = \"" << name_of(config.rule) << "\"\nl2_pieces = " << word(config.l2_pieces) << "\n";
    write(out, config.hierarchy);
    write(out, "l1_instruction", config.l1_instruction);
    write(out, "l1_load", config.l1_load);
    write(out, "l1_store", config.l1_store);
    write(out, "l2", config.l2);
    write(out, "l2_instruction", config.l2_instruction);
    const mmu::WalkCacheConfig& caches = config.walk_caches;
    out << "\n[walk_caches]  # entries of the paging-structure caches, fully associative, LRU; 0 = "
           "none\npml5e = "
        << caches.pml5e << "\npml4e = " << caches.pml4e << "\npdpte = " << caches.pdpte
        << "\npde = " << caches.pde << "\n";
    write(out, caches.provenance);
    out << "\n[penalties]  # cycles, for reports\nl2_hit = " << config.penalties.l2_hit
        << "\nwalk_reference = " << config.penalties.walk_reference << "\n";
    write(out, config.penalties.provenance);
    write(out, config.cpu);
    return out.str();
}

}  // namespace emu
