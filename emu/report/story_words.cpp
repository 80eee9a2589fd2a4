#include "emu/report/story_words.h"

#include "mmu/arch/fault.h"
#include "mmu/arch/pte.h"

namespace emu {

namespace {

using kernel::EventKind;
using mmu::u64;
using mmu::u8;

constexpr const char* kEntryNames[] = {"?", "PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
constexpr const char* kTableNames[] = {"?", "page table", "page directory", "PDPT", "PML4", "PML5"};

/// "rw-p", as /proc/PID/maps has it.
std::string permissions(u64 vm_flags) {
    std::string text = "---p";
    if (vm_flags & 1) text[0] = 'r';
    if (vm_flags & 2) text[1] = 'w';
    if (vm_flags & 4) text[2] = 'x';
    if (vm_flags & 8) text[3] = 's';
    return text;
}

std::string range(u64 start, u64 end) {
    return hex(start) + "-" + hex(end);
}

std::string count(u64 number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string area_words(const kernel::Event& e) {
    if (e.start == 0 && e.end == 0) return "find_vma: none";
    const bool inside = e.start <= e.address && e.address < e.end;
    return "find_vma: " + range(e.start, e.end) + " " + permissions(e.flags) +
           (inside ? "" : " (above the address)");
}

std::string buddy_words(const kernel::Event& e) {
    std::string words = "buddy: frame " + hex(e.pfn) + ", order " + std::to_string(e.order);
    if (e.after) words += ", " + count(e.after, e.kind == EventKind::kPageAlloc ? "split" : "merge");
    return words + (e.kind == EventKind::kPageAlloc ? " allocated" : " freed");
}

}  // namespace

std::string hex(u64 value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

const char* entry_name(unsigned level) {
    return kEntryNames[level <= 5 ? level : 0];
}
const char* table_name(unsigned level) {
    return kTableNames[level <= 5 ? level : 0];
}

std::string flag_words(u64 raw) {
    const mmu::Pte entry{raw};
    if (!entry.present()) return raw ? "not present, bits kept" : "not present";
    std::string words = "frame " + hex(entry.pfn().value) + " present";
    words += entry.writable() ? " write" : " read-only";
    if (entry.user()) words += " user";
    if (entry.accessed()) words += " accessed";
    if (entry.dirty()) words += " dirty";
    if (entry.special()) words += " special";
    if (entry.no_execute()) words += " NX";
    return words;
}

std::string entry_words(unsigned level, u64 physical, u64 raw) {
    char text[96];
    std::snprintf(text, sizeof text, "%-5s @ %#llx = %#llx: ", entry_name(level),
                  static_cast<unsigned long long>(physical), static_cast<unsigned long long>(raw));
    return text + flag_words(raw);
}

const char* access_words(u64 error_code) {
    if (error_code & mmu::PageFaultCode::kFetch) return "fetch from";
    return error_code & mmu::PageFaultCode::kWrite ? "write to" : "read of";
}

std::string error_code_words(u64 error_code) {
    using Code = mmu::PageFaultCode;
    std::string words = hex(error_code) + " (";
    words += error_code & Code::kPresent ? "present" : "not present";
    words += error_code & Code::kFetch   ? ", instruction fetch"
             : error_code & Code::kWrite ? ", write"
                                         : ", read";
    words += error_code & Code::kUser ? ", user" : ", kernel";
    if (error_code & Code::kReserved) words += ", reserved bit";
    if (error_code & Code::kProtectionKey) words += ", protection key";
    return words + ")";
}

std::string kernel_words(const kernel::Event& e, KernelNames names) {
    const std::string text(name_in(names, e.text));
    const auto named = [&](const char* function) { return std::string(name_in(names, function)); };
    switch (e.kind) {
        case EventKind::kKernelAddress:
            return named("do_kern_addr_fault") + ": " + hex(e.address) + " is no user address";
        case EventKind::kFindVma:
            return area_words(e);
        case EventKind::kStackExpand:
            return "expand_stack: vm_start " + hex(e.before) + " -> " + hex(e.after) +
                   (text.empty() ? "" : " " + text);
        case EventKind::kAccessError:
            return "access_error: the area is " + permissions(e.flags);
        case EventKind::kHandleMmFault:
            return "handle_mm_fault";
        case EventKind::kTableAlloc:
            return std::string("  new ") + table_name(e.level) + " in frame " + hex(e.pfn);
        case EventKind::kHandlePteFault:
            return "handle_pte_fault: PTE " + hex(e.before) + (text.empty() ? "" : ", " + text);
        case EventKind::kAnonZeroPage:
            return "do_anonymous_page: a read, the zero page (frame " + hex(e.pfn) + ")";
        case EventKind::kAnonPage:
            return "do_anonymous_page: a write, zeroed frame " + hex(e.pfn);
        case EventKind::kAnonHugePage:
            return "do_huge_pmd_anonymous_page: a " + text + ", " +
                   (text == "read" ? "the huge zero page" : "512 zeroed frames") + " from " + hex(e.pfn);
        case EventKind::kCollapseHugePage:
            return "collapse_huge_page: small pages copied together, frames from " + hex(e.pfn);
        case EventKind::kSplitHugePmd:
            return "__split_huge_pmd: frames from " + hex(e.pfn) + " are mapped one by one now";
        case EventKind::kFileFault:
            return text + ": page " + std::to_string(e.start) + " of the file, frame " + hex(e.pfn);
        case EventKind::kFaultAround:
            return "filemap_map_pages: " + count(e.after, "page") + " around it mapped too";
        case EventKind::kPageCacheMiss:
            return "filemap_fault: pages " + std::to_string(e.start) + " to " + std::to_string(e.end) +
                   " read";
        case EventKind::kCowCopy:
            return named("wp_page_copy") + ": frame " + hex(e.before) + " copied to " + hex(e.after);
        case EventKind::kCowReuse:
            return "wp_page_reuse: frame " + hex(e.pfn) + " is ours alone";
        case EventKind::kSpurious:
            return "nothing to change";
        case EventKind::kFaultVerdict:
            return "done: " + text;
        case EventKind::kSetPte:
            return "set_pte " + hex(e.before) + " -> " + hex(e.after) + ": " + flag_words(e.after);
        case EventKind::kPageAlloc:
        case EventKind::kPageFree:
            return "  " + buddy_words(e);
        case EventKind::kFlush:
            return "flush " + text + ": " + count(e.after, "page") + " at " + hex(e.start);
        case EventKind::kMapChange:
            return text + ": area " + range(e.start, e.end) + " " + permissions(e.flags);
        case EventKind::kOom:
            return "out of memory: " + count(e.after, "frame") + " free";
        default:
            return {};
    }
}

}  // namespace emu
