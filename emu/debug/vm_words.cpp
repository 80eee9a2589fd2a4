#include "emu/debug/vm_words.h"

#include "emu/debug/debugger.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"
#include "mmu/walk_cache.h"

namespace emu {
namespace {

using mmu::Access, mmu::VirtAddr, mmu::Walk, mmu::WalkEnd;

const char* end_words(WalkEnd end) {
    switch (end) {
        case WalkEnd::kTranslated:
            return "translates";
        case WalkEnd::kNotPresent:
            return "this entry is not present";
        case WalkEnd::kReserved:
            return "this entry has a reserved bit set";
        case WalkEnd::kDenied:
            return "the rights of all levels together forbid the access";
    }
    return "";
}

}  // namespace

bool walkable(const mmu::Mmu& mmu, u64 address) {
    return mmu.control().paging() && VirtAddr{address}.is_canonical(mmu.control().virtual_bits());
}

std::string area_words(Debugger& debugger, u64 address) {
    kernel::KernelState& kernel = debugger.machine().kernel().state();
    const kernel::MmStruct& mm = kernel.mm_of(debugger.task());
    const auto& map = mm.mm_mt;
    for (const auto& [end, vma] : map) {
        if (!vma.contains(address)) continue;
        char permissions[5];
        vma.permissions(permissions);
        const std::string name = kernel::vma_name(kernel.system, mm, vma);
        return "area " + hex(vma.vm_start) + "-" + hex(vma.vm_end) + " " + permissions +
               (name.empty() ? "" : " " + name);
    }
    return "no area holds the address";
}

std::string walk_text(Debugger& debugger, u64 address) {
    const mmu::Mmu& mmu = debugger.machine().mmu();
    if (!walkable(mmu, address)) return hex(address) + " is not canonical: #GP before any walk\n";
    const Walk walk = debugger.peek_walk(address, Access::kLoad);
    std::string text = "CR3   " + hex(debugger.control().cr3) + "\n";
    for (unsigned n = 0; n < walk.entries_read; ++n) {
        const mmu::WalkedEntry entry = walk.entry(n);
        text += entry_words(walk.level_of(n), entry.where.value, entry.value.raw) + "\n";
    }
    if (walk.translated() || walk.end == WalkEnd::kDenied)
        text += "physical " + hex(walk.physical(VirtAddr{address}).value) + "\n";
    else
        text += std::string(end_words(walk.end)) + "\n";
    return text + area_words(debugger, address) + "\n";
}

std::string pte_text(Debugger& debugger, u64 address) {
    const mmu::Mmu& mmu = debugger.machine().mmu();
    if (!walkable(mmu, address)) return hex(address) + " is not canonical\n";
    const Walk walk = debugger.peek_walk(address, Access::kLoad);
    const unsigned last = walk.entries_read - 1u;
    const mmu::WalkedEntry entry = walk.entry(last);
    return entry_words(walk.level_of(last), entry.where.value, entry.value.raw) + "\n";
}

std::string page_text(Debugger& debugger, u64 pfn) {
    kernel::KernelState& kernel = debugger.machine().kernel().state();
    if (pfn >= kernel.system.mem_map.frames())
        return "no such frame: RAM has " + hex(kernel.system.mem_map.frames()) + "\n";
    const kernel::Page& page = kernel.system.mem_map[mmu::Pfn{pfn}];
    using P = kernel::Page;
    constexpr std::pair<mmu::u16, const char*> kNames[] = {
        {P::kReserved, "reserved"},       {P::kBuddy, "buddy"}, {P::kTable, "table"}, {P::kAnon, "anon"},
        {P::kAnonExclusive, "exclusive"}, {P::kCache, "cache"}, {P::kShmem, "shmem"}, {P::kDirty, "dirty"},
        {P::kUptodate, "uptodate"}};
    std::string flags;
    for (const auto& [bit, name] : kNames)
        if (page.is(bit)) flags += std::string(flags.empty() ? "" : "|") + name;
    std::string text = "frame " + hex(pfn) + " at physical " + hex(pfn << mmu::kPageShift) + "\nflags " +
                       (flags.empty() ? "none" : flags) + "\nrefcount " + std::to_string(page.refcount) +
                       ", mapcount " + std::to_string(page.mapcount) + "\n";
    if (page.is(P::kBuddy)) text += "free block of order " + std::to_string(page.order) + "\n";
    if (page.is(P::kCache))
        text += "page " + std::to_string(page.index) + " of file " + std::to_string(page.mapping) + "\n";
    return text;
}

std::string walk_cache_text(Debugger& debugger) {
    const mmu::Mmu& mmu = debugger.machine().mmu();
    std::string text;
    for (unsigned level = 2; level <= mmu.control().levels(); ++level) {
        const mmu::WalkCacheLevel& cache = mmu.walk_cache().level(level);
        text += std::string(entry_name(level)) + " cache: " + std::to_string(cache.size()) + " of " +
                std::to_string(cache.capacity()) + " entries\n";
        cache.for_each([&](u64 first, mmu::u16 pcid, const mmu::WalkStart& below) {
            text += "  from " + hex(first) + ", PCID " + std::to_string(pcid) + ": " + table_name(level - 1) +
                    " at " + hex(below.table.value) + "\n";
        });
    }
    return text;
}

std::string stats_text(Debugger& debugger) {
    const Counters& cpu = debugger.machine().counters();
    const mmu::MmuStats& mmu = debugger.machine().mmu().stats();
    std::string text;
    const auto line = [&](const char* name, u64 value) {
        text += std::string(name) + " " + std::to_string(value) + "\n";
    };
    line("instructions", cpu.instructions);
    line("loads", cpu.loads);
    line("stores", cpu.stores);
    u64 misses = 0, l2_misses = 0;
    for (const mmu::RefStats& kind : mmu.user) misses += kind.l1_misses, l2_misses += kind.l2_misses;
    line("L1 TLB misses", misses);
    line("L2 TLB misses", l2_misses);
    line("walk memory references", mmu.walks.memory_references);
    line("page faults", debugger.machine().kernel().stats().faults.total);
    return text;
}

}  // namespace emu
