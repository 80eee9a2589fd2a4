#include "emu/debug/vm_words.h"

#include "emu/debug/debugger.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"
#include "mmu/walk_cache.h"

namespace emu {
namespace {

using mmu::Access, mmu::VirtAddr, mmu::Walk, mmu::WalkEnd;

bool walkable(const mmu::Mmu& mmu, u64 address) {
    return mmu.control().paging() && VirtAddr{address}.is_canonical(mmu.control().virtual_bits());
}

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

/// What the kernel would do about a fault that the walk ends in.
std::string kernel_would(Debugger& debugger, u64 address, Access access, const Walk& walk) {
    kernel::KernelState& kernel = debugger.machine().kernel().state();
    kernel::MmStruct& mm = kernel.mm_of(debugger.task());
    const kernel::VmAreaStruct* vma = mm.mm_mt.find_vma(address);
    if (!vma) return "SIGSEGV (MAPERR): no area lies at or above it";
    if (vma->vm_start > address)
        return vma->vm_flags & kernel::VM_GROWSDOWN ? "the stack would try to grow down to it"
                                                    : "SIGSEGV (MAPERR): no area holds it";
    const u64 needed = access == Access::kStore   ? kernel::VM_WRITE
                       : access == Access::kFetch ? kernel::VM_EXEC
                                                  : kernel::VM_READ;
    if (!(vma->vm_flags & needed)) return "SIGSEGV (ACCERR): the area forbids it";
    const bool write = access == Access::kStore;
    if (walk.end == WalkEnd::kDenied)
        return write ? "do_wp_page: copy or reuse the page" : "a spurious fault: flush";
    if (vma->is_anonymous())
        return write ? "do_anonymous_page: a zeroed frame" : "do_anonymous_page: the zero page, read-only";
    return !write                              ? "do_read_fault: the page cache's page"
           : vma->vm_flags & kernel::VM_SHARED ? "do_shared_fault: the page cache's page, writable"
                                               : "do_cow_fault: a private copy of the file's page";
}

}  // namespace

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

std::string why_text(Debugger& debugger, u64 address) {
    const mmu::Mmu& mmu = debugger.machine().mmu();
    if (!walkable(mmu, address)) return hex(address) + " is not canonical: every access raises #GP\n";
    std::string text = area_words(debugger, address) + "\n";
    constexpr std::pair<Access, const char*> kAccesses[] = {
        {Access::kLoad, "read "}, {Access::kStore, "write"}, {Access::kFetch, "fetch"}};
    for (const auto& [access, name] : kAccesses) {
        const Walk walk = debugger.peek_walk(address, access);
        text += std::string(name) + "  ";
        if (walk.translated()) {
            text += "goes to physical " + hex(walk.physical(VirtAddr{address}).value) + "\n";
            continue;
        }
        const unsigned last = walk.entries_read - 1u;
        text += "#PF, error code " + error_code_words(walk.error_code) + ": ";
        if (walk.end == WalkEnd::kDenied) {
            unsigned at = last;
            for (unsigned n = 0; n < walk.entries_read; ++n) {
                const mmu::Pte entry = walk.entry(n).value;
                const bool forbids = !entry.user() || (access == Access::kStore && !entry.writable()) ||
                                     (access == Access::kFetch && entry.no_execute());
                if (forbids) {
                    at = n;
                    break;
                }
            }
            const mmu::Pte entry = walk.entry(at).value;
            text += std::string(entry_name(walk.level_of(at))) + (!entry.user()              ? " has U=0"
                                                                  : access == Access::kStore ? " has W=0"
                                                                                             : " has NX=1");
        } else {
            text += std::string(entry_name(walk.level_of(last))) + " at " +
                    hex(walk.entry(last).where.value) +
                    (walk.end == WalkEnd::kReserved ? " has a reserved bit set" : " has P=0");
        }
        text += "; then " + kernel_would(debugger, address, access, walk) + "\n";
    }
    return text;
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
