// Who maps a frame: every entry of every address space that leads to it, found by looking at all tables.
// Linux finds the same by mm/rmap.c rmap_walk(), from the page's side.
#include <algorithm>

#include "emu/debug/debugger.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"

namespace emu {
namespace {

using mmu::PhysAddr, mmu::Pte;

struct Mapping {
    u64 address = 0;
    unsigned level = 0;
    u64 where = 0, raw = 0;
};

/// The entries below `table` that map `pfn`. Tables of an address space form a tree.
void collect(std::vector<Mapping>& out, const mmu::PhysicalMemory& memory, PhysAddr table, unsigned level,
             u64 base, u64 pfn) {
    const unsigned shift = 12 + 9 * (level - 1);
    for (u64 n = 0; n < 512; ++n) {
        const Pte entry{memory.read64(table + 8 * n)};
        if (!entry.present()) continue;
        const u64 address = base + (n << shift);
        if (level > 1 && !entry.large()) {
            collect(out, memory, entry.address(), level - 1, address, pfn);
            continue;
        }
        const u64 frames = u64{1} << (shift - 12);
        const u64 first = (entry.address().value >> 12) & ~(frames - 1);
        if (pfn < first || pfn >= first + frames) continue;
        out.push_back({address + ((pfn - first) << 12), level, (table + 8 * n).value, entry.raw});
    }
}

std::string owners(const kernel::KernelState& kernel, kernel::MmId id) {
    std::string text;
    for (const auto& [pid, task] : kernel.tasks)
        if (task.mm == id && task.pid == task.tgid)
            text += (text.empty() ? "process " : ", ") + std::to_string(pid) + " (" + task.comm + ")";
    return text.empty() ? "an address space of no process" : text;
}

}  // namespace

std::vector<WatchRange> ranges_mapping(Debugger& debugger, const WatchRange& physical) {
    std::vector<WatchRange> ranges;
    const unsigned levels = debugger.machine().mmu().control().levels();
    for (u64 pfn = physical.first >> mmu::kPageShift; pfn <= physical.last >> mmu::kPageShift; ++pfn) {
        const u64 start = pfn << mmu::kPageShift;
        const u64 first = std::max(physical.first, start) - start;
        const u64 last = std::min(physical.last, start + mmu::kPageOffsetMask) - start;
        std::vector<Mapping> found;
        for (auto& [id, mm] : debugger.machine().kernel().state().mms)
            collect(found, debugger.machine().memory(), mm.pgd.address(), levels, 0, pfn);
        for (const Mapping& mapping : found) {
            const WatchRange range{mapping.address + first, mapping.address + last, false, true};
            if (std::find(ranges.begin(), ranges.end(), range) == ranges.end()) ranges.push_back(range);
        }
    }
    return ranges;
}

std::string rmap_text(Debugger& debugger, u64 number) {
    kernel::KernelState& kernel = debugger.machine().kernel().state();
    const mmu::ControlRegisters control = debugger.control();
    u64 pfn = number;
    std::string text;
    if (pfn >= kernel.system.mem_map.frames()) {
        if (!mmu::VirtAddr{number}.is_canonical(control.virtual_bits()))
            return hex(number) + " is neither a frame nor a canonical address\n";
        const mmu::Walk walk = debugger.peek_walk(number, mmu::Access::kLoad);
        if (!walk.translated() && walk.end != mmu::WalkEnd::kDenied)
            return "no frame is mapped at " + hex(number) + "\n";
        pfn = walk.physical(mmu::VirtAddr{number}).value >> mmu::kPageShift;
        text = hex(number) + " is in ";
    }
    text += "frame " + hex(pfn);
    usize count = 0;
    std::string lines;
    for (auto& [id, mm] : kernel.mms) {
        std::vector<Mapping> found;
        collect(found, debugger.machine().memory(), mm.pgd.address(), control.levels(), 0, pfn);
        for (const Mapping& mapping : found) {
            const kernel::VmAreaStruct* vma = mm.mm_mt.vma_lookup(mapping.address);
            const std::string name = vma ? kernel::vma_name(kernel.system, mm, *vma) : "";
            lines += "  " + hex(mapping.address) + " of " + owners(kernel, id) +
                     (name.empty() ? "" : ", " + name) + ": " +
                     entry_words(mapping.level, mapping.where, mapping.raw) + "\n";
            ++count;
        }
    }
    return text + ": " + std::to_string(count) + (count == 1 ? " mapping\n" : " mappings\n") + lines;
}

}  // namespace emu
