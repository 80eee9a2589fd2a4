// One TLB array: sets x ways of entries, tags apart for the search, stamps apart for L0 and the policies. It
// finds, inserts and removes; what that means for other arrays and for L0 is the hierarchy's business.
#pragma once

#include <array>
#include <vector>

#include "mmu/base/rng.h"
#include "mmu/replacement.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_entry.h"

namespace mmu {

/// A place in an array. Opaque to the hierarchy's callers.
struct TlbWay {
    TlbEntry entry{};
    u32 number = 0;  ///< in its array: set * ways + way
    u32 first = 0;   ///< number of the first way of its set
    u32 set = 0;
    u16 array = 0;
};

class Tlb {
  public:
    /// `number` is its place in the hierarchy; `kinds` a bit for each RefKind that it serves in L1, 0 for an
    /// L2.
    Tlb(const TlbArrayConfig& config, u16 number, u8 kinds, u64 seed);

    const TlbArrayConfig& config() const { return config_; }
    const Policy& policy() const { return *policy_; }
    u8 kinds() const { return kinds_; }
    bool holds(PageSize size) const { return config_.sizes.holds(size); }
    /// No entry of this size is in it: a search can be spared.
    bool empty_of(PageSize size) const { return resident_[index_of(size)] == 0; }

    u32 set_of(u64 page_number) const {
        const u32 low = static_cast<u32>(page_number);
        return (low ^ (static_cast<u32>(page_number >> set_bits_) & fold_mask_)) & set_mask_;
    }
    /// The way that translates `address` as a page of `size`, or null. Changes nothing.
    TlbWay* find(PageSize size, VirtAddr address, u16 pcid);
    const TlbWay* find(PageSize size, VirtAddr address, u16 pcid) const;
    /// The way that holds this page in this scope (global, or its PCID), or null. Changes nothing.
    TlbWay* find_same(const TlbEntry& entry);

    /// A hit. True when the policy aged the set: slots of ways that are no longer settled must go.
    bool touch(TlbWay& way, u64 now);

    /// Whether a page may be in the array already: the search can be spared where a lookup has just missed
    /// it.
    enum class Presence : u8 { kUnknown, kAbsent };
    struct Place {
        TlbWay* way = nullptr;
        bool aged = false;  ///< choosing the victim has aged the set
        bool same = false;  ///< the way holds this very page
    };
    /// The way that the next insert of this page will take: its own, else the lowest invalid, else the victim
    /// (which the policy chooses now, and the caller evicts by remove()).
    Place place_for(const TlbEntry& entry, u64 now, Presence presence);
    /// Puts `entry` into a way that is invalid or holds the same page; true as touch().
    bool insert(TlbWay& way, const TlbEntry& entry, u64 now);
    /// New contents for the same page and scope; no use of it.
    void refresh(TlbWay& way, const TlbEntry& entry);
    void remove(TlbWay& way);

    bool valid(u32 number) const { return tags_[number] != 0; }
    bool valid(const TlbWay& way) const { return tags_[way.number] != 0; }
    u32 ways_in_set() const { return ways_in_set_; }
    u32 sets() const { return static_cast<u32>(filled_.size()); }
    bool empty_set(u32 set) const { return filled_[set] == 0; }
    u32 size() const { return static_cast<u32>(ways_.size()); }
    TlbWay& way(u32 number) { return ways_[number]; }
    const TlbWay& way(u32 number) const { return ways_[number]; }
    u32 resident() const { return resident_[0] + resident_[1] + resident_[2]; }
    /// Entries that are pieces of a larger page: INVLPG must search for them by their page.
    u32 pieces() const { return pieces_; }

    /// Another hit on this way would change its stamp alone.
    bool settled(const TlbWay& way) const;
    u64* stamp(const TlbWay& way) { return &stamps_[way.number]; }
    const u64* stamp(const TlbWay& way) const { return &stamps_[way.number]; }
    u64 stamp(u32 number) const { return stamps_[number]; }
    u64 mark(u32 number) const { return marks_[number]; }

  private:
    SetState state_of(u32 first, u64 now) {
        return {stamps_.data() + first, marks_.data() + first, ways_in_set_, now, rng_};
    }
    u32 search(u32 set, u64 tag) const;
    u32 bucket_of(u64 tag) const;
    void link(u32 number);
    void unlink(u32 number);

    // What a search reads comes first.
    std::vector<u64> tags_;  ///< 0 = invalid
    u32 ways_in_set_;
    u32 set_mask_;
    u32 set_bits_;
    u32 fold_mask_;  ///< all ones for an XOR index
    u32 global_ = 0;
    std::array<u32, 3> resident_{};
    std::vector<u32> heads_, next_;  ///< hash chains over tags, only where a set has many ways
    std::vector<TlbWay> ways_;
    const Policy* policy_;
    std::vector<u64> stamps_;  ///< last use; a way's own, so it stays when its entry goes
    std::vector<u64> marks_;   ///< the policy's word for each way
    std::vector<u32> filled_;  ///< by set: valid ways
    u32 pieces_ = 0;
    u8 kinds_;
    Rng rng_;
    TlbArrayConfig config_;
};

}  // namespace mmu
