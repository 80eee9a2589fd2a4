#include "emu/report/story.h"

#include "emu/report/story_words.h"
#include "mmu/base/log.h"

namespace emu {

namespace {

using kernel::EventKind;
using mmu::MmuEvent;
using mmu::Stage;
using mmu::u64;

std::string lookup_words(const MmuEvent& event) {
    const bool fetch = event.access == mmu::Access::kFetch;
    const std::string l1 = fetch ? "L1 iTLB" : "L1 dTLB";
    return event.level == 1   ? l1 + " hit"
           : event.level == 2 ? l1 + " miss, L2 TLB hit"
                              : l1 + " miss, L2 TLB miss";
}

std::string walk_words(const MmuEvent& event) {
    switch (event.stage) {
        case Stage::kTlbLookup:
            return lookup_words(event);
        case Stage::kRewalk:
            return event.verdict == mmu::Verdict::kAllowed ? "the cached entry is clean: walk again to set D"
                                                           : std::string("the cached entry forbids it (") +
                                                                 name_of(event.verdict) + "): walk again";
        case Stage::kWalkBegin:
            return "walk from " +
                   (event.cached ? std::string("the ") + entry_name(event.level + 1u) + " cache" : "CR3") +
                   ": " + table_name(event.level) + " at " + hex(event.physical.value);
        case Stage::kWalkEntry:
            return entry_words(event.level, event.physical.value, event.raw);
        case Stage::kAccessedSet:
            return std::string("  sets A in the ") + entry_name(event.level);
        case Stage::kDirtySet:
            return std::string("  sets D in the ") + entry_name(event.level);
        case Stage::kVerdict:
            return event.verdict == mmu::Verdict::kAllowed
                       ? "translates to physical " + hex(event.physical.value)
                       : std::string("refused: ") + name_of(event.verdict) + ", error code " +
                             hex(event.error_code);
        case Stage::kFill:
            return "L1 and L2 TLB filled";
        default:
            return {};
    }
}

}  // namespace

void Story::line(const char* who, const std::string& text) {
    std::fprintf(out_, "  %-7s %s\n", who, text.c_str());
}

void Story::on_mmu_event(const MmuEvent& event) {
    if (phase_ == Phase::kInFault) return;  // the kernel tells its own flushes
    if (event.stage == Stage::kReference) {
        if (phase_ == Phase::kWaitingForRetry && !walk_.empty()) tell_retry();
        reference_ = event;
        walk_.clear();
        if (told_next() || (told() && phase_ == Phase::kWaitingForRetry))
            ways_.look(mmu_.tlb(), event.access, event.address, mmu_.control().pcid());
        return;
    }
    if (event.stage == Stage::kInvalidate) return;
    if (event.stage == Stage::kTlbLookup)
        for (const std::string& looked : ways_.lines(event.level == 1 ? 1 : 2)) add_line(looked);
    const std::string words = walk_words(event);
    if (!words.empty()) add_line(words);
    if (phase_ == Phase::kWaitingForRetry && event.stage == Stage::kFill) tell_retry();
}

void Story::add_line(const std::string& words) {
    walk_ += "  " + (walk_.empty() ? std::string("mmu     ") : std::string(8, ' ')) + words + "\n";
}

/// The first complete translation of the page that faulted: the same instruction, started again.
void Story::tell_retry() {
    if (reference_.address.page_base().value != fault_page_) return;
    if (told()) std::fprintf(out_, "  retry   the access starts again\n%s\n", walk_.c_str());
    walk_.clear();
    phase_ = Phase::kOutside;
}

void Story::begin_fault(const kernel::Event& event) {
    if (phase_ == Phase::kWaitingForRetry && told()) std::fputc('\n', out_);
    ++number_;
    phase_ = Phase::kInFault;
    flushed_ = replaced_ = false;
    fault_page_ = mmu::align_down(event.address, mmu::kPageSize);
    if (!told()) return;
    // The kernel's own copies have no instruction of the guest's.
    const std::string actor =
        event.after ? "the instruction at " + hex(event.after) : "the kernel, for the guest";
    std::fprintf(out_, "%sfault %llu  %s %s by %s\n", who().c_str(), static_cast<unsigned long long>(number_),
                 access_words(event.flags), hex(event.address).c_str(), actor.c_str());
    std::fputs(walk_.c_str(), out_);
    line("#PF", "error code " + error_code_words(event.flags) + "; CR2 = " + hex(event.address));
}

void Story::on_event(const kernel::Event& event) {
    switch (event.kind) {
        case EventKind::kFaultEntry:
            return begin_fault(event);
        case EventKind::kSyscallEnter:
            in_call_ = std::string_view(event.text) == "brk" || is_area_call(event);
            call_ = {};
            call_.enter = event;
            if (in_call_) call_.heap = heap_words();
            return;
        case EventKind::kSyscallExit:
            if (std::string_view(event.text) == "brk") tell_call(event);
            if (in_call_ && is_area_call(event)) tell_area_call(event);
            in_call_ = false;
            return;
        default:
            break;
    }
    if (phase_ != Phase::kInFault && in_call_) note_in_call(event);
    if (phase_ != Phase::kInFault) return;
    if (told()) tell_kernel(event);
    flushed_ |= event.kind == EventKind::kFlush;
    replaced_ |= event.kind == EventKind::kSetPte && (event.before & 1);
    if (event.kind == EventKind::kFaultVerdict) {
        if (told() && !flushed_ && !replaced_ && std::string_view(event.text).starts_with("m"))
            line("kernel", "no flush: the entries were not present, and such are in no TLB");
        walk_.clear();
        phase_ = Phase::kWaitingForRetry;
    }
}

/// Calls that malloc() makes beside brk. They are told with all brk calls, not with a choice of these.
bool Story::is_area_call(const kernel::Event& event) const {
    const std::string_view name = event.text;
    return calls_ == kAllCalls && (name == "mmap" || name == "munmap");
}

/// The area that holds the last byte of the heap, as /proc/PID/maps has it.
std::string Story::heap_words() const {
    const auto task = kernel_.tasks.find(kernel_.current);
    const auto mm = task == kernel_.tasks.end() ? kernel_.mms.end() : kernel_.mms.find(task->second.mm);
    if (mm == kernel_.mms.end() || mm->second.brk <= mm->second.start_brk) return "none";
    for (const auto& [end, vma] : mm->second.mm_mt) {
        if (!vma.contains(mm->second.brk - 1)) continue;
        char permissions[5];
        vma.permissions(permissions);
        return hex(vma.vm_start) + "-" + hex(vma.vm_end) + " " + permissions;
    }
    return "none";
}

void Story::note_in_call(const kernel::Event& event) {
    call_.frames_taken += event.kind == EventKind::kPageAlloc;
    call_.frames_given += event.kind == EventKind::kPageFree;
    call_.tables_taken += event.kind == EventKind::kTableAlloc;
    call_.tables_given += event.kind == EventKind::kTableFree;
    if ((event.kind == EventKind::kMapChange && event.level == 0) || event.kind == EventKind::kFlush)
        call_.lines += "  kernel  " + kernel_words(event, names_) + "\n";
}

/// One brk call: where the heap ended and ends, which area changed, and what was and was not allocated.
void Story::tell_call(const kernel::Event& exit) {
    const u64 before = last_brk_;
    last_brk_ = exit.after;
    ++call_number_;
    if (call_number_ < calls_.first || call_number_ > calls_.second) return;
    std::fprintf(out_, "%sbrk(%s) = %s\n", who().c_str(), exit.before ? hex(exit.before).c_str() : "NULL",
                 hex(exit.after).c_str());
    if (exit.before && exit.after != exit.before) line("kernel", "refused: the heap stays as it is");
    if (!call_.lines.empty()) {
        if (before) line("kernel", "the heap ended at " + hex(before) + ", it ends at " + hex(exit.after));
        std::fputs(call_.lines.c_str(), out_);
        line("kernel", "the heap's area before: " + call_.heap + "; after: " + heap_words());
        line("kernel", frames_words(exit.after > before));
    }
    std::fputc('\n', out_);
}

/// One mmap or munmap: which area came or went, and what was and was not allocated for it.
void Story::tell_area_call(const kernel::Event& exit) {
    const kernel::Event& enter = call_.enter;
    const bool maps = std::string_view(exit.text) == "mmap";
    const auto result = static_cast<mmu::i64>(exit.after);
    std::fprintf(out_, "%s%s(%s, %llu%s) = %s\n", who().c_str(), exit.text,
                 enter.before ? hex(enter.before).c_str() : "NULL",
                 static_cast<unsigned long long>(enter.start), maps ? ", ..." : "",
                 result < 0 ? "refused" : hex(exit.after).c_str());
    std::fputs(call_.lines.c_str(), out_);
    if (result >= 0) line("kernel", maps ? frames_words(true) : frames_words(false));
    std::fputc('\n', out_);
}

/// What a call has taken, or given back.
std::string Story::frames_words(bool taken) const {
    const auto number = [](u64 count, const char* noun) {
        return (count ? std::to_string(count) : std::string("no")) + " " + noun + (count == 1 ? "" : "s");
    };
    if (taken)
        return "allocated: " + number(call_.frames_taken, "frame") + ", " +
               number(call_.tables_taken, "page table") +
               (call_.frames_taken ? "" : "; a page comes with its first touch");
    return "given back: " + number(call_.frames_given, "frame") + ", of them " +
           number(call_.tables_given, "page table");
}

void Story::tell_kernel(const kernel::Event& event) {
    if (run_ > 0 && event.kind != first_of_run_.kind) tell_run();
    if (event.kind == EventKind::kPageAlloc || event.kind == EventKind::kSetPte) {
        if (run_++ == 0) first_of_run_ = event;
        last_of_run_ = event;
        return;
    }
    const std::string words = kernel_words(event, names_);
    if (!words.empty()) line("kernel", words);
}

/// A file's read-ahead takes frames by the dozen, fault-around sets as many entries: one step each.
void Story::tell_run() {
    const kernel::Event &first = first_of_run_, &last = last_of_run_;
    const std::string count = std::to_string(run_);
    line("kernel",
         run_ == 1 ? kernel_words(first, names_)
         : first.kind == EventKind::kPageAlloc
             ? "  buddy: " + count + " frames from " + hex(first.pfn) + " to " + hex(last.pfn) + " allocated"
             : "set_pte for " + count + " pages from " + hex(first.address) + " to " + hex(last.address));
    run_ = 0;
}

void Story::tell_missing() const {
    const auto look = [](const Range& asked, mmu::u64 there, const char* what) {
        const bool none = asked.first > asked.second, all = asked == kAllCalls;
        if (none || all || (asked.second > 0 && asked.first <= there)) return;
        LOG(warn, "there is no {} {}: the guest has had {}", what, asked.first, there);
    };
    look(faults_, number_, "fault");
    look(calls_, call_number_, "brk call");
}

}  // namespace emu
