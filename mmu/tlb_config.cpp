// What makes a TLB configuration sound; see tlb_config.h.
#include "mmu/tlb_config.h"

#include "mmu/replacement.h"

namespace mmu {
namespace {

constexpr u32 kMostEntries = 1u << 20;
constexpr u32 kMostArraysForASize = 4;

Expected<void, Error> refuse(const std::string& field, const std::string& why) {
    return Unexpected{Error{field + ": " + why}};
}

Expected<void, Error> check_array(const TlbArrayConfig& array, const std::string& field) {
    if (!array.sizes.any()) return refuse(field + ".sizes", "expected at least one of 4K, 2M, 1G");
    if (!is_power_of_two(array.sets)) return refuse(field + ".sets", "expected a power of two");
    if (array.ways == 0) return refuse(field + ".ways", "expected at least 1");
    if (array.sets > kMostEntries || array.ways > kMostEntries / array.sets)
        return refuse(field, "expected at most " + std::to_string(kMostEntries) + " entries");
    const Policy* policy = find_policy(array.policy);
    if (!policy) {
        std::string names;
        for (const Policy& each : kPolicies) names += (names.empty() ? "" : ", ") + std::string(each.name);
        return refuse(field + ".policy", "expected one of " + names + "; got \"" + array.policy + "\"");
    }
    if (const char* why = policy->refuse(array.ways))
        return refuse(field + ".ways", array.policy + " " + why + "; got " + std::to_string(array.ways));
    return {};
}

Expected<void, Error> check_list(const std::vector<TlbArrayConfig>& list, const std::string& field,
                                 bool needs_4k) {
    u32 arrays_of[3] = {};
    for (usize i = 0; i < list.size(); ++i) {
        const std::string name = field + "[" + std::to_string(i) + "]";
        if (auto result = check_array(list[i], name); !result) return result;
        for (PageSize size : kPageSizes) {
            if (!list[i].sizes.holds(size)) continue;
            if (++arrays_of[index_of(size)] > kMostArraysForASize)
                return refuse(name + ".sizes", std::string("expected at most 4 arrays for ") + name_of(size));
        }
    }
    if (needs_4k && arrays_of[0] == 0) return refuse(field, "expected an array that holds 4K pages");
    return {};
}

Expected<void, Error> check_cpu(const CpuIdentity& cpu) {
    if (cpu.vendor.size() != 12) return refuse("cpu.vendor", "expected 12 characters");
    if (cpu.brand.size() > 47) return refuse("cpu.brand", "expected at most 47 characters");
    if (cpu.family > 0xf + 0xff) return refuse("cpu.family", "expected at most 270");
    if (cpu.model > 0xff) return refuse("cpu.model", "expected at most 255");
    if (cpu.stepping > 0xf) return refuse("cpu.stepping", "expected at most 15");
    if (cpu.virtual_bits != 48 && cpu.virtual_bits != 57)
        return refuse("cpu.virtual_bits", "expected 48 or 57");
    if (cpu.physical_bits < 36 || cpu.physical_bits > 52)
        return refuse("cpu.physical_bits", "expected 36 to 52");
    if (cpu.leaf2_descriptors.size() > 15)
        return refuse("cpu.leaf2_descriptors", "expected at most 15 bytes");
    for (usize i = 0; i < cpu.caches.size(); ++i) {
        const CacheConfig& cache = cpu.caches[i];
        const std::string field = "cpu.caches[" + std::to_string(i) + "]";
        if (cache.level < 1 || cache.level > 4) return refuse(field + ".level", "expected 1 to 4");
        if (cache.ways < 1 || cache.ways > 1024) return refuse(field + ".ways", "expected 1 to 1024");
        if (cache.line < 16 || cache.line > 4096 || !is_power_of_two(cache.line))
            return refuse(field + ".line", "expected a power of two from 16 to 4096");
        if (cache.bytes == 0 || cache.bytes > u64{1} << 40 ||
            cache.bytes % (u64{cache.ways} * cache.line) != 0)
            return refuse(field + ".bytes", "expected a multiple of ways x line");
    }
    return {};
}

}  // namespace

Expected<void, Error> TlbConfig::validate() const {
    if (auto result = check_cpu(cpu); !result) return result;
    if (auto result = check_list(l1_instruction, "l1_instruction", true); !result) return result;
    if (auto result = check_list(l1_load, "l1_load", true); !result) return result;
    if (auto result = check_list(l1_store, "l1_store", !l1_store.empty()); !result) return result;
    if (auto result = check_list(l2, "l2", false); !result) return result;
    if (auto result = check_list(l2_instruction, "l2_instruction", false); !result) return result;
    if (l2.empty() && !l2_instruction.empty()) return refuse("l2", "expected arrays, as l2_instruction has");
    if (l2.empty() && rule != HierarchyRule::kNonInclusive)
        return refuse("rule", "expected non-inclusive where there is no l2");
    const u32 most = 4096;
    if (walk_caches.pml5e > most) return refuse("walk_caches.pml5e", "expected at most 4096");
    if (walk_caches.pml4e > most) return refuse("walk_caches.pml4e", "expected at most 4096");
    if (walk_caches.pdpte > most) return refuse("walk_caches.pdpte", "expected at most 4096");
    if (walk_caches.pde > most) return refuse("walk_caches.pde", "expected at most 4096");
    return {};
}

const char* name_of(SetIndex index) {
    return index == SetIndex::kLinear ? "linear" : "xor";
}

const char* name_of(HierarchyRule rule) {
    switch (rule) {
        case HierarchyRule::kNonInclusive:
            return "non-inclusive";
        case HierarchyRule::kInclusive:
            return "inclusive";
        case HierarchyRule::kExclusive:
            return "exclusive";
    }
    return "?";
}

std::string name_of(PageSizes sizes) {
    std::string name;
    for (PageSize size : kPageSizes)
        if (sizes.holds(size)) name += (name.empty() ? "" : "+") + std::string(name_of(size));
    return name;
}

}  // namespace mmu
