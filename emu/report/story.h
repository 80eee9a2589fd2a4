// Tells a run as a story: each brk, mmap and munmap call, and each page fault from the access through the
// walk and the kernel's decision to the retry. It only listens to the two streams of events (mmu/observer.h,
// kernel/observer.h) and writes lines; it changes nothing and keeps no more than one translation.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <utility>

#include "emu/report/kernel_names.h"
#include "emu/report/tlb_ways.h"
#include "kernel/observer.h"
#include "kernel/state.h"
#include "mmu/mmu.h"
#include "mmu/observer.h"

namespace emu {

class Story final : public mmu::Observer, public kernel::Observer {
  public:
    using Range = std::pair<mmu::u64, mmu::u64>;
    static constexpr Range kAllCalls = {1, ~mmu::u64{0}};
    /// Tells the faults and brk calls numbered first to last (from 1) into `out`. Of `mmu` and `kernel` it
    /// reads what the events do not carry: ways of TLBs, the heap's area.
    Story(std::FILE* out, const mmu::Mmu& mmu, const kernel::KernelState& kernel, Range faults,
          Range calls = kAllCalls)
        : out_(out), mmu_(mmu), kernel_(kernel), faults_(faults), calls_(calls) {}
    /// Says who runs, in front of each fault and call: "[1001 sh] ", or nothing when there is but one.
    void set_teller(std::function<std::string()> teller) { teller_ = std::move(teller); }

    /// By which names the kernel's functions go.
    void set_names(KernelNames names) { names_ = names; }

    /// After the guest's end: says of what was asked for that there was none.
    void tell_missing() const;

    void on_mmu_event(const mmu::MmuEvent& event) override;
    void on_event(const kernel::Event& event) override;

  private:
    void begin_fault(const kernel::Event& event);
    void tell_kernel(const kernel::Event& event);
    void tell_retry();
    void note_in_call(const kernel::Event& event);
    void tell_call(const kernel::Event& exit);
    bool is_area_call(const kernel::Event& event) const;
    void tell_area_call(const kernel::Event& exit);
    std::string frames_words(bool taken) const;
    bool told() const { return faults_.first <= number_ && number_ <= faults_.second; }
    void add_line(const std::string& words);
    void line(const char* who, const std::string& text);
    void tell_run();
    bool told_next() const { return faults_.first <= number_ + 1 && number_ + 1 <= faults_.second; }
    std::string heap_words() const;

    enum class Phase : mmu::u8 { kOutside, kInFault, kWaitingForRetry };

    std::string who() const { return teller_ ? teller_() : std::string{}; }

    std::FILE* out_;
    const mmu::Mmu& mmu_;
    const kernel::KernelState& kernel_;
    TlbWays ways_;  ///< of the translation under way
    std::function<std::string()> teller_;
    KernelNames names_ = KernelNames::kCurrent;
    Range faults_, calls_;
    mmu::u64 call_number_ = 0;  ///< of the last brk call
    bool in_call_ = false;      ///< of brk, mmap, munmap
    mmu::u64 last_brk_ = 0;     ///< what the last one returned
    struct {
        mmu::u64 frames_taken = 0, frames_given = 0, tables_taken = 0, tables_given = 0;
        std::string lines;  ///< areas and flushes
        std::string heap;   ///< its area before
        kernel::Event enter{};
    } call_;               ///< what the call under way has done
    mmu::u64 number_ = 0;  ///< of the current fault
    Phase phase_ = Phase::kOutside;
    mmu::MmuEvent reference_{};  ///< the translation under way
    std::string walk_;           ///< its lines so far
    mmu::u64 fault_page_ = 0;
    bool flushed_ = false, replaced_ = false;  ///< in the current fault: an entry that was present
    // Events of one kind in a row (frames taken, entries set) are told as one line.
    kernel::Event first_of_run_{}, last_of_run_{};
    mmu::u64 run_ = 0;
};

}  // namespace emu
