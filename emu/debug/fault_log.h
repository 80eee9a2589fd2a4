// Remembers each page fault of a run in a few words, and what the events that may be caught were. It only
// listens (kernel/observer.h). 72 bytes a fault, all of them kept.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "emu/report/kernel_names.h"
#include "kernel/observer.h"

namespace emu {

using mmu::u64, mmu::u32;

struct FaultRecord {
    u64 number = 0;        ///< from 1
    u64 instructions = 0;  ///< retired before it
    u64 address = 0, rip = 0;
    u32 error_code = 0;
    const char* how = "";      ///< the function that answered it, or "": none did
    const char* verdict = "";  ///< minor, major, SIGSEGV ...
    u64 pfn = 0;               ///< the frame that was mapped, if one was
};

class FaultLog final : public kernel::Observer {
  public:
    explicit FaultLog(const u64& instructions) : instructions_(instructions) {}
    void on_event(const kernel::Event& event) override;

    const std::vector<FaultRecord>& faults() const { return faults_; }

    /// What stops: "fault", "fault:anon|zero|file|cow|wp|segv", "alloc", "alloc:ORDER", "flush", "mmap",
    /// "oom". False: no such event.
    bool catch_event(const std::string& what);
    void catch_nothing() { caught_.clear(); }
    const std::set<std::string>& caught() const { return caught_; }
    /// The event since the last call that was to be caught, in words.
    std::optional<std::string> take_caught();

    void set_names(KernelNames names) { names_ = names; }

    /// Tells everything on to another listener too.
    void set_next(kernel::Observer* next) { next_ = next; }

  private:
    void record(const kernel::Event& event);
    void note(const char* kind, const kernel::Event& event, const std::string& detail = {});

    const u64& instructions_;
    std::vector<FaultRecord> faults_;
    bool in_fault_ = false, kind_noted_ = false;
    KernelNames names_ = KernelNames::kCurrent;  ///< of what was caught, in words
    std::set<std::string> caught_;
    std::optional<std::string> hit_;
    kernel::Observer* next_ = nullptr;
};

}  // namespace emu
