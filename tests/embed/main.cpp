// The MMU without a CPU or a kernel: two page tables' worth of mappings by hand, some references, and their
// counts. Built against the installed package only: find_package(mmuscope), mmuscope::mmu.
#include <cstdio>

#include "mmu/arch/pte.h"
#include "mmu/mmu.h"
#include "mmu/presets.h"

using namespace mmu;

namespace {

constexpr u64 kTable = Pte::kPresent | Pte::kWritable | Pte::kUser;
constexpr u64 kPages = 200;
constexpr u64 kStart = 0x400000;

/// PML4, PDPT, page directory and page table in frames 1 to 4; `kPages` pages from kStart on frames 16 and
/// up.
void build_tables(PhysicalMemory& memory) {
    const VirtAddr start{kStart};
    const auto entry = [&](u64 frame, unsigned level) {
        return PhysAddr{(frame << kPageShift) + 8 * start.table_index(level)};
    };
    memory.write64(entry(1, 4), Pte(Pfn{2}, kTable).raw);
    memory.write64(entry(2, 3), Pte(Pfn{3}, kTable).raw);
    memory.write64(entry(3, 2), Pte(Pfn{4}, kTable).raw);
    for (u64 i = 0; i < kPages; ++i)
        memory.write64(PhysAddr{entry(4, 1).value + 8 * i}, Pte(Pfn{16 + i}, kTable).raw);
}

/// One load from each page; how many were refused.
u64 touch_all(Mmu& mmu) {
    u64 faults = 0;
    for (u64 i = 0; i < kPages + 1; ++i)
        if (!mmu.translate(VirtAddr{kStart + i * kPageSize}, Access::kLoad, Privilege::kUser)) ++faults;
    return faults;
}

}  // namespace

int main() {
    auto memory = PhysicalMemory::create(u64{4} << 20);
    const auto tlb = find_preset("skylake-sp");
    if (!memory || !tlb) return 1;
    build_tables(*memory);

    Mmu mmu(*memory, *tlb, PagingFeatures{}, 1);
    if (!mmu.load_cr3(1 << kPageShift)) return 1;
    u64 faults = 0;
    for (int round = 0; round < 2; ++round) faults += touch_all(mmu);
    mmu.invlpg(VirtAddr{kStart});

    const RefStats& loads = mmu.stats().user[0];
    std::printf(
        "L1 dTLB misses %llu, L2 TLB hits %llu, L2 TLB misses %llu, faults %llu, references to tables %llu\n",
        static_cast<unsigned long long>(loads.l1_misses), static_cast<unsigned long long>(loads.l2_hits),
        static_cast<unsigned long long>(loads.l2_misses), static_cast<unsigned long long>(faults),
        static_cast<unsigned long long>(mmu.stats().walks.memory_references));
    // 200 pages do not fit 64 L1 entries, so each load misses L1; in the second round the L2 has all but the
    // one that is not mapped.
    return loads.l1_misses == 402 && loads.l2_hits == 200 && faults == 2 ? 0 : 1;
}
