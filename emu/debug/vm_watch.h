// Watches what no watchpoint of GDB's can: bytes of physical memory and page-table entries, whoever changes
// them (the guest, the kernel, the MMU's A and D), and misses and evictions of the TLBs. It only listens and
// compares; each hit is told in one line.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/cpu/debug_hooks.h"
#include "kernel/observer.h"
#include "mmu/arch/registers.h"
#include "mmu/mmu.h"
#include "mmu/observer.h"

namespace emu {

class VmWatch final : public mmu::Observer, public kernel::Observer {
  public:
    /// What the walk of an address ends in: where the entry is and what it holds.
    struct Entry {
        unsigned level = 0;  ///< 0: the address cannot be walked
        u64 where = 0, raw = 0;
        friend bool operator==(const Entry&, const Entry&) = default;
    };
    using WalkFunction = std::function<Entry(u64 address, u64 root)>;

    /// `at_event` is called for what the MMU does in the middle of an instruction.
    VmWatch(mmu::Mmu& mmu, const mmu::Registers& guest, kernel::Observer& next, WalkFunction walk,
            std::function<void()> at_event)
        : mmu_(mmu), guest_(guest), next_(next), walk_(std::move(walk)), at_event_(std::move(at_event)) {}

    /// Bytes [first, last] of physical memory, which exist. A sentence for the user.
    std::string watch_physical(u64 first, u64 last);
    /// The entry that translates `address` in the address space whose root table is at `root`.
    std::string watch_entry(u64 address, u64 root);
    /// Misses of both TLBs for pages of [first, last]; evictions.
    void catch_misses(u64 first, u64 last) { misses_.push_back({first, last, true, true}); }
    void catch_evictions() { evictions_ = true; }
    void clear();
    void clear_catches() { misses_.clear(), evictions_ = false; }
    std::string list() const;
    /// " tlbmiss evict": what of these is caught.
    std::string caught() const {
        return (misses_.empty() ? "" : " tlbmiss") + std::string(evictions_ ? " evict" : "");
    }
    /// What is watched and caught, for another process at another moment; restore() replaces what there is.
    std::string save() const;
    void restore(std::string_view saved);

    /// Watched bytes of physical memory: stores to them must be told to after_store().
    std::vector<WatchRange> physical() const;
    bool watches_memory() const { return !memory_.empty() || !entries_.empty(); }
    /// The MMU's events are wanted.
    bool active() const { return watches_memory() || !misses_.empty() || evictions_; }

    /// The guest may have stored to watched memory; the kernel has come to an end.
    void after_store();
    void after_kernel() {
        compare(writer_.empty() ? "the kernel" : writer_);
        context_.clear();
    }
    /// The debugger itself has written memory: no hit.
    void look_again();
    /// The oldest hit that has not been taken.
    std::optional<std::string> take();

    /// Whoever else listens to the MMU; null: nobody.
    void set_next(mmu::Observer* next) { next_mmu_ = next; }
    bool wants_references() const override { return next_mmu_ && next_mmu_->wants_references(); }
    void on_mmu_event(const mmu::MmuEvent& event) override;
    void on_event(const kernel::Event& event) override;

  private:
    struct Memory {
        u64 first = 0;
        std::string bytes;  ///< as they were
    };
    struct WatchedEntry {
        u64 address = 0, root = 0;
        Entry entry;
    };
    /// A valid entry of a TLB in the sets of the reference under way.
    struct Resident {
        const mmu::Tlb* array = nullptr;
        mmu::u32 number = 0;
        mmu::TlbEntry entry;
    };

    std::string bytes_at(u64 first, mmu::usize size) const;
    void compare(const std::string& who);
    void hit(const std::string& line);
    void remember_sets(mmu::VirtAddr address);
    void remember_walk_caches();
    void tell_walk_cache_evictions(const mmu::MmuEvent& event);
    void tell_evictions(const mmu::MmuEvent& event);

    mmu::Mmu& mmu_;
    const mmu::Registers& guest_;
    kernel::Observer& next_;
    WalkFunction walk_;
    std::function<void()> at_event_;
    mmu::Observer* next_mmu_ = nullptr;
    std::vector<Memory> memory_;
    std::vector<WatchedEntry> entries_;
    std::vector<WatchRange> misses_;
    bool evictions_ = false;
    std::vector<Resident> residents_;
    /// What a full cache of upper entries would let go next.
    struct Oldest {
        unsigned level = 0;
        u64 address = 0;
        mmu::u16 pcid = 0;
    };
    std::vector<Oldest> oldest_;
    std::vector<std::string> hits_;
    std::string context_, writer_;  ///< what the kernel is at; who changes memory now
};

}  // namespace emu
