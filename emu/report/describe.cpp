// The TLBs of a run in words, one line an array: a count means nothing without the structure it was counted
// in.
#include "emu/report/report.h"

namespace emu {

namespace {

std::string describe_array(const mmu::TlbArrayConfig& array) {
    std::string shape = array.sets == 1   ? "fully associative"
                        : array.ways == 1 ? "direct-mapped"
                                          : std::to_string(array.ways) + "-way";
    std::string line =
        array.name + ": " + std::to_string(array.entries()) + " entries, " + shape + ", " + array.policy;
    if (array.sets > 1 && array.index != mmu::SetIndex::kLinear)
        line += ", " + std::string(name_of(array.index)) + " index";
    line += ", pages of " + name_of(array.sizes);
    if (array.provenance.assumed) line += " (assumed)";
    return line;
}

}  // namespace

std::vector<std::string> describe(const mmu::TlbConfig& tlb) {
    std::vector<std::string> lines;
    for (const auto* arrays :
         {&tlb.l1_instruction, &tlb.l1_load, &tlb.l1_store, &tlb.l2, &tlb.l2_instruction})
        for (const mmu::TlbArrayConfig& array : *arrays) lines.push_back(describe_array(array));
    const mmu::WalkCacheConfig& caches = tlb.walk_caches;
    lines.push_back("walk caches: PML5E " + std::to_string(caches.pml5e) + ", PML4E " +
                    std::to_string(caches.pml4e) + ", PDPTE " + std::to_string(caches.pdpte) + ", PDE " +
                    std::to_string(caches.pde) + " entries" +
                    (caches.provenance.assumed ? " (assumed)" : ""));
    return lines;
}

}  // namespace emu
