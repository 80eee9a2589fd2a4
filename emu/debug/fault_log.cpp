#include "emu/debug/fault_log.h"

#include <array>
#include <cstring>
#include <utility>

#include "emu/report/story_words.h"

namespace emu {
namespace {

using kernel::Event, kernel::EventKind;

constexpr std::array<const char*, 11> kCatchable = {"fault",     "fault:anon", "fault:zero", "fault:file",
                                                    "fault:cow", "fault:wp",   "fault:segv", "alloc",
                                                    "flush",     "mmap",       "oom"};

/// The kind that a fault is caught by, from the branch that answered it.
const char* kind_of(EventKind kind) {
    switch (kind) {
        case EventKind::kAnonPage:
        case EventKind::kAnonHugePage:
            return "fault:anon";
        case EventKind::kAnonZeroPage:
            return "fault:zero";
        case EventKind::kFileFault:
        case EventKind::kFaultAround:
            return "fault:file";
        case EventKind::kCowCopy:
            return "fault:cow";
        case EventKind::kCowReuse:
            return "fault:wp";
        default:
            return nullptr;
    }
}

const char* function_of(const Event& event) {
    switch (event.kind) {
        case EventKind::kAnonPage:
        case EventKind::kAnonZeroPage:
            return "do_anonymous_page";
        case EventKind::kAnonHugePage:
            return "do_huge_pmd_anonymous_page";
        case EventKind::kHandlePteFault:
            return std::string_view(event.text) == "do_swap_page" ? event.text : "";
        case EventKind::kFileFault:
            return event.text;
        case EventKind::kFaultAround:
            return "filemap_map_pages";
        case EventKind::kCowCopy:
            return "wp_page_copy";
        case EventKind::kCowReuse:
            return "wp_page_reuse";
        case EventKind::kSpurious:
            return "spurious";
        default:
            return "";
    }
}

}  // namespace

bool FaultLog::catch_event(const std::string& what) {
    bool known = false;
    for (const char* name : kCatchable) known |= what == name;
    if (what.starts_with("alloc:") && what.size() == 7 && what[6] >= '0' && what[6] <= '9') known = true;
    if (known) caught_.insert(what);
    return known;
}

std::optional<std::string> FaultLog::take_caught() {
    return std::exchange(hit_, std::nullopt);
}

void FaultLog::note(const char* kind, const Event& event, const std::string& detail) {
    if (caught_.empty() || hit_) return;
    const std::string exact = detail.empty() ? kind : std::string(kind) + ":" + detail;
    if (caught_.contains(kind) || caught_.contains(exact)) {
        std::string words = kernel_words(event, names_);
        words.erase(0, words.find_first_not_of(' '));
        hit_ = exact + (words.empty() ? "" : " (" + words + ")");
    }
}

/// First what is remembered and caught, so that whoever shows the event as a stage can stop there.
void FaultLog::on_event(const Event& event) {
    record(event);
    if (next_) next_->on_event(event);
}

void FaultLog::record(const Event& event) {
    switch (event.kind) {
        case EventKind::kFaultEntry:
            faults_.push_back({.number = faults_.size() + 1,
                               .instructions = instructions_,
                               .address = event.address,
                               .rip = event.after,
                               .error_code = static_cast<u32>(event.flags)});
            in_fault_ = true;
            kind_noted_ = false;
            note("fault", event);
            return;
        case EventKind::kFaultVerdict:
            if (!in_fault_) return;
            faults_.back().verdict = event.text;
            in_fault_ = false;
            if (std::strncmp(event.text, "SIG", 3) == 0) note("fault:segv", event);
            return;
        case EventKind::kPageAlloc:
            return note("alloc", event, std::to_string(event.order));
        case EventKind::kFlush:
            return note("flush", event);
        case EventKind::kMapChange:
            if (event.level == 0) note("mmap", event);
            return;
        case EventKind::kOom:
            return note("oom", event);
        default:
            break;
    }
    const char* const how = function_of(event);
    if (!in_fault_ || !*how) return;
    faults_.back().how = how;
    faults_.back().pfn = event.kind == EventKind::kCowCopy ? event.after : event.pfn;
    // Pages around a file's may be mapped before the one that was meant: that is one fault.
    if (const char* kind = kind_of(event.kind); kind && !std::exchange(kind_noted_, true)) note(kind, event);
}

}  // namespace emu
