#include "emu/debug/monitor.h"

#include <sstream>
#include <vector>

#include "emu/debug/debugger.h"
#include "emu/debug/table.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/fs/proc.h"
#include "kernel/state.h"

namespace emu {
namespace {

constexpr const char* kHelp =
    "vm walk ADDRESS       the page walk of an address, entry by entry\n"
    "vm why ADDRESS        what a read, a write and a fetch there would do now, and what decides\n"
    "vm pte ADDRESS        its page-table entry\n"
    "vm page PFN           the kernel's struct page of a frame\n"
    "vm maps [-X]          the areas of the address space as in /proc/PID/maps (-X: smaps)\n"
    "vm tlb [ADDRESS|set N] the TLBs' valid entries (of the page of an address, in one set of each)\n"
    "vm pwc                how full the paging-structure caches are\n"
    "vm pgtables | buddy | vmas | tasks\n"
    "vm slab [CACHE]       the kernel's caches of objects; one cache's slabs and free objects\n"
    "vm slab PFN|ADDRESS   which cache has a frame, whose object is at a kernel address\n"
    "vm rmap PFN|ADDRESS   who maps a frame, in all processes\n"
    "vm heap               glibc's malloc: arenas, top chunks, bins, mapped chunks, and which pages are "
    "resident\n"
    "vm names [2.6.32]     the kernel's functions by the names of Linux 2.6.32, or of 6.12 (the default)\n"
    "vm faults [last N]    the page faults so far\n"
    "vm faults no N        one of them\n"
    "vm faults va ADDRESS|FIRST-LAST   those of a page, or of a range\n"
    "vm faults hidden      steps never enter the kernel; breakpoints on its functions still stop (the "
    "default)\n"
    "vm faults step        a step on an instruction that faults enters exc_page_fault\n"
    "vm faults stop        every fault stops at exc_page_fault\n"
    "vm watch phys ADDRESS[,LENGTH]   stop when these bytes of physical memory change, whoever does it\n"
    "vm watch pte ADDRESS  stop when the entry that translates it changes: by the kernel, by A and D\n"
    "vm watch [off]        what is watched (nothing any more)\n"
    "vm catch EVENT        stop at: fault, fault:anon|zero|file|cow|wp|segv, alloc, alloc:ORDER, flush, "
    "mmap, oom,\n"
    "                      tlbmiss [ADDRESS|FIRST-LAST], evict\n"
    "vm catch off          no more\n"
    "vm stats              counts of references, walks and faults\n"
    "info tlb, info mem    the same as vm tlb and vm maps\n"
    "Numbers may be 0x... or decimal, or $REGISTER in GDB after `eval`.\n";

constexpr const char* kFaultsUsage =
    "usage: vm faults [last N | no N | va ADDRESS|FIRST-LAST | hidden | step | stop]\n";

using Words = std::vector<std::string>;

Words split(const std::string& text) {
    std::istringstream stream(text);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

std::optional<u64> number_of(const std::string& text) {
    if (text.empty() || text[0] == '-') return std::nullopt;
    char* end = nullptr;
    errno = 0;
    const u64 value = std::strtoull(text.c_str(), &end, 0);
    if (errno || *end) return std::nullopt;
    return value;
}

/// Both ends included.
struct Range {
    u64 first = 0, last = 0;
};

/// "ADDRESS" (its page) or "FIRST-LAST".
std::optional<Range> range_of(const std::string& text) {
    const auto dash = text.find('-');
    const auto first = number_of(text.substr(0, dash));
    if (!first) return std::nullopt;
    if (dash == std::string::npos)
        return Range{*first & ~mmu::kPageOffsetMask, *first | mmu::kPageOffsetMask};
    const auto last = number_of(text.substr(dash + 1));
    return last && *first <= *last ? std::optional(Range{*first, *last}) : std::nullopt;
}

/// vm watch [phys ADDRESS[,LENGTH] | pte ADDRESS | off]
std::string watch(Debugger& debugger, const Words& words) {
    VmWatch& watch = debugger.vm_watch();
    if (words.size() == 2) return watch.list();
    if (words[2] == "off") {
        watch.clear();
        return "nothing is watched any more\n";
    }
    if (words.size() != 4 || (words[2] != "phys" && words[2] != "pte"))
        return "usage: vm watch phys ADDRESS[,LENGTH] | pte ADDRESS | off\n";
    if (words[2] == "pte") {
        const auto address = number_of(words[3]);
        const auto control = debugger.control();
        if (!address || !mmu::VirtAddr{*address}.is_canonical(control.virtual_bits()))
            return "no canonical address: " + words[3] + "\n";
        return watch.watch_entry(*address, control.root().value);
    }
    constexpr u64 kMostBytes = 1 << 20;
    const auto comma = words[3].find(',');
    const auto first = number_of(words[3].substr(0, comma));
    const auto length = comma == std::string::npos ? u64{8} : number_of(words[3].substr(comma + 1));
    const u64 bytes = debugger.machine().memory().frames() * mmu::kPageSize;
    if (!first || !length || *length == 0 || *length > kMostBytes || *first >= bytes ||
        *length > bytes - *first)
        return "not in RAM, or too long: " + words[3] + "\n";
    return watch.watch_physical(*first, *first + *length - 1);
}

std::string table_text(Debugger& debugger, const std::string& name) {
    const auto table = debug_table(debugger, name);
    return table ? table->text() : "there is no guest any more\n";
}

std::string faults(Debugger& debugger, const Words& words) {
    auto table = *debug_table(debugger, "faults");
    if (words.size() == 2) return table.text();
    if (words.size() != 4) return kFaultsUsage;
    const auto number = number_of(words[3]);
    if (words[2] == "va") {
        const auto range = range_of(words[3]);
        if (!range) return "no address or range: " + words[3] + "\n";
        std::erase_if(table.rows, [&](const auto& row) {
            const u64 address = std::stoull(row[2], nullptr, 0);
            return address < range->first || address > range->last;
        });
        return table.rows.empty() ? "no fault there so far\n" : table.text();
    }
    if (words[2] != "last" && words[2] != "no") return kFaultsUsage;
    if (!number) return "no number: " + words[3] + "\n";
    if (words[2] == "no") {
        std::erase_if(table.rows, [&](const auto& row) { return row[0] != std::to_string(*number); });
        return table.rows.empty() ? "no such fault has been seen\n" : table.text();
    }
    if (table.rows.size() > *number)
        table.rows.erase(table.rows.begin(), table.rows.end() - static_cast<std::ptrdiff_t>(*number));
    return table.text();
}

std::string tlb(Debugger& debugger, const Words& words) {
    auto table = *debug_table(debugger, "tlb");
    if (words.size() == 4 && words[2] == "set") {
        std::erase_if(table.rows, [&](const auto& row) { return row[1] != words[3]; });
        if (table.rows.empty()) return "no TLB has an entry in set " + words[3] + "\n";
    } else if (words.size() > 2) {
        const auto address = number_of(words[2]);
        if (!address) return "no address: " + words[2] + "\n";
        std::erase_if(table.rows, [&](const auto& row) {
            const u64 bytes = row[5] == "4K" ? mmu::kPageSize : row[5] == "2M" ? u64{2} << 20 : u64{1} << 30;
            return std::stoull(row[3], nullptr, 0) != (*address & ~(bytes - 1));
        });
        if (table.rows.empty()) return "no TLB holds the page of " + words[2] + "\n";
    }
    return table.text();
}

/// vm slab [CACHE|PFN|ADDRESS]
std::string slab(Debugger& debugger, const Words& words) {
    if (words.size() == 2) return slab_table(debugger).text();
    if (words.size() > 3) return "usage: vm slab [CACHE|PFN|ADDRESS]\n";
    const auto number = number_of(words[2]);
    return number ? slab_text(debugger, *number) : slab_text(debugger, words[2]);
}

std::string catch_event(Debugger& debugger, const Words& words) {
    FaultLog& log = debugger.faults();
    if (words.size() < 3) {
        std::string text;
        for (const std::string& name : log.caught()) text += " " + name;
        text += debugger.vm_watch().caught();
        return text.empty() ? "nothing is caught\n" : "caught:" + text + "\n";
    }
    if (words[2] == "off") {
        log.catch_nothing();
        debugger.vm_watch().clear_catches();
        return "nothing is caught any more\n";
    }
    if (words[2] == "evict") {
        debugger.vm_watch().catch_evictions();
        return "the guest stops behind each instruction that evicts an entry of a TLB or of a "
               "paging-structure cache\n";
    }
    if (words[2] == "tlbmiss") {
        const auto range = words.size() > 3 ? range_of(words[3]) : Range{0, ~u64{0}};
        if (!range) return "no address or range: " + words[3] + "\n";
        debugger.vm_watch().catch_misses(range->first, range->last);
        return "the guest stops behind each instruction that misses the TLBs\n";
    }
    if (log.catch_event(words[2])) return "the guest stops at each " + words[2] + "\n";
    return "no such event: " + words[2] + " (see monitor vm help)\n";
}

std::string fault_mode(Debugger& debugger, const std::string& name) {
    using Mode = Debugger::FaultMode;
    if (name == "hidden")
        debugger.set_fault_mode(Mode::kHidden);
    else if (name == "step")
        debugger.set_fault_mode(Mode::kStep);
    else if (name == "stop")
        debugger.set_fault_mode(Mode::kStop);
    else
        return kFaultsUsage;
    return "faults: " + name + "\n";
}

/// vm names [2.6.32|6.12]
std::string names(Debugger& debugger, const Words& words) {
    if (words.size() > 2) {
        const auto version = words.size() == 3 ? kernel_names_of(words[2]) : std::nullopt;
        if (!version) return "usage: vm names [2.6.32|6.12]\n";
        debugger.set_kernel_names(*version);
    }
    const bool old = debugger.kernel_names() == KernelNames::k2632;
    Table table{{"6.12", "2.6.32"}, {}};
    for (const auto& [current, before] : renamed_functions())
        table.rows.push_back({std::string(current), std::string(before)});
    return table.text() + "shown as in " + (old ? "2.6.32" : "6.12") + "; breakpoints take either name\n";
}

std::string with_address(Debugger& debugger, const Words& words, std::string (*tell)(Debugger&, u64)) {
    if (words.size() != 3) return "usage: vm " + words[1] + " ADDRESS\n";
    const auto address = number_of(words[2]);
    return address ? tell(debugger, *address) : "no number: " + words[2] + "\n";
}

}  // namespace

std::string run_monitor(Debugger& debugger, const std::string& command) {
    Words words = split(command);
    if (words.empty() || words[0] == "help") return kHelp;
    if (words[0] == "info" && words.size() >= 2)
        words[1] = words[1] == "mem" ? "maps" : words[1], words[0] = "vm";
    if (words[0] != "vm" || words.size() < 2 || words[1] == "help") return kHelp;
    const std::string& verb = words[1];
    if (debugger.machine().ended() && verb != "faults" && verb != "stats")
        return "there is no guest any more\n";
    if (verb == "walk") return with_address(debugger, words, walk_text);
    if (verb == "why") return with_address(debugger, words, why_text);
    if (verb == "pte") return with_address(debugger, words, pte_text);
    if (verb == "page") return with_address(debugger, words, page_text);
    if (verb == "tlb") return tlb(debugger, words);
    if (verb == "pwc") return walk_cache_text(debugger);
    if (verb == "faults" && words.size() == 3) return fault_mode(debugger, words[2]);
    if (verb == "faults") return faults(debugger, words);
    if (verb == "catch") return catch_event(debugger, words);
    if (verb == "watch") return watch(debugger, words);
    if (verb == "names") return names(debugger, words);
    if (verb == "rmap") return with_address(debugger, words, rmap_text);
    if (verb == "slab") return slab(debugger, words);
    if (verb == "heap") return heap_text(debugger);
    if (verb == "stats") return stats_text(debugger);
    if (verb == "maps") {
        kernel::KernelState& kernel = debugger.machine().kernel().state();
        const bool extended = words.size() > 2 && words[2] == "-X";
        return extended ? kernel::proc_smaps(kernel.system, kernel.mm_of(debugger.task()))
                        : kernel::proc_maps(kernel.system, kernel.mm_of(debugger.task()));
    }
    if (verb == "pgtables" || verb == "buddy" || verb == "vmas" || verb == "tasks")
        return table_text(debugger, verb);
    return "no such command: " + command + "\n" + kHelp;
}

}  // namespace emu
