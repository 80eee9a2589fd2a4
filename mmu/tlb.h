// One TLB array: sets x ways of entries, tags apart for the search, stamps apart for L0 and the policies. It
// finds, inserts and removes; what that means for other arrays and for L0 is the hierarchy's business.
//
// What a miss of L0 runs through is inline, here: a call for each step costs more than the steps.
//
// A tag is one word, so that a search compares one word a way; 0 is an invalid way:
//   60:16 page number   15:4 PCID (0 in a global entry)   3:2 size   1 global   0 valid
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "mmu/base/rng.h"
#include "mmu/replacement.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_entry.h"

namespace mmu {

/// A place in an array. Opaque to the hierarchy's callers.
struct alignas(32) TlbWay {
    TlbEntry entry{};
    u32 number = 0;  ///< in its array: set * ways + way
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
    const TlbWay* find(PageSize size, VirtAddr address, u16 pcid) const;
    [[gnu::always_inline]] TlbWay* find(PageSize size, VirtAddr address, u16 pcid) {
        return const_cast<TlbWay*>(std::as_const(*this).find(size, address, pcid));
    }
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
    /// Puts `entry` into a way, in the place of what it held; true as touch().
    bool insert(TlbWay& way, const TlbEntry& entry, u64 now);
    /// New contents for the same page and scope; no use of it.
    void refresh(TlbWay& way, const TlbEntry& entry);
    void remove(TlbWay& way);

    bool valid(u32 number) const { return tags_[number] != 0; }
    bool valid(const TlbWay& way) const { return tags_[way.number] != 0; }
    /// The first way of the set that this valid way is in.
    u32 first_of(const TlbWay& way) const { return set_of(way.entry.page_number) * ways_in_set_; }
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
    static constexpr u32 kNowhere = ~u32{0};
    static constexpr u32 kMostWaysToScan = 24;  ///< above, a search follows a hash chain
    static constexpr u32 kMostWaysToAge = 12;   ///< above, the oldest is sought in groups
    static constexpr u32 kGroup = 8;            ///< ways that share a bound in oldest_of_many()
    static constexpr u64 kValidTag = bit(0), kGlobalTag = bit(1);

    /// Policies that are worth a branch instead of a call through a pointer.
    enum class Victim : u8 { kLru, kTreePlru, kMru3Plru4, kOther };

    static constexpr u64 tag_of(PageSize size, u64 page_number, u16 pcid) {
        return (page_number & mask(44, 0)) << 16 | u64{pcid} << 4 | u64{index_of(size)} << 2 | kValidTag;
    }
    static constexpr u64 global_tag_of(PageSize size, u64 page_number) {
        return tag_of(size, page_number, 0) | kGlobalTag;
    }
    static constexpr u64 tag_of(const TlbEntry& entry) {
        return tag_of(entry.size, entry.page_number, entry.global ? 0 : entry.pcid) |
               (entry.global ? kGlobalTag : 0);
    }

    SetState state_of(u32 first, u64 now) {
        return {stamps_.data() + first, marks_.data() + first, ways_in_set_, now, rng_};
    }
    template <u32 kWays>
    static u32 scan(const u64* tags, u64 tag);
    u32 search(u32 set, u64 tag) const;
    u32 search_any(u32 set, u64 tag) const;
    u32 victim_in(u32 set, u32 first, u64 now, bool& aged);
    u32 oldest_of_many(u32 set, u32 first);
    u32 ask_policy(u32 first, u64 now, bool& aged);
    u32 groups_in_set() const { return (ways_in_set_ + kGroup - 1) / kGroup; }
    void count(const TlbEntry& entry, i32 change);

    u32 bucket_of(u64 tag) const {
        return static_cast<u32>((tag * 0x9e3779b97f4a7c15) >> 32) & static_cast<u32>(heads_.size() - 1);
    }
    void link(u32 number) {
        u32& head = heads_[bucket_of(tags_[number])];
        next_[number] = head;
        head = number;
    }
    void unlink(u32 number) {
        u32* from = &heads_[bucket_of(tags_[number])];
        while (*from != number) from = &next_[*from];
        *from = next_[number];
    }

    // What a search reads comes first.
    std::vector<u64> tags_;  ///< 0 = invalid
    u32 ways_in_set_;
    u32 set_mask_;
    u32 set_bits_;
    u32 fold_mask_;  ///< all ones for an XOR index
    u32 global_ = 0;
    bool hashed_;  ///< a set has so many ways that heads_ and next_ exist
    Victim victim_;
    u8 kinds_;
    Slots slots_;  ///< of the policy, as are the next two
    void (*touch_)(SetState&, u32 way);
    void (*insert_)(SetState&, u32 way);
    std::vector<TlbWay> ways_;
    std::vector<u64> stamps_;  ///< last use; a way's own, so it stays when its entry goes
    std::vector<u32> filled_;  ///< by set: valid ways
    std::array<u32, 3> resident_{};
    u32 pieces_ = 0;
    std::vector<u32> heads_, next_;  ///< hash chains over tags
    std::vector<u64> bounds_;        ///< of oldest_of_many()
    const Policy* policy_;
    std::vector<u64> marks_;  ///< the policy's word for each way
    Rng rng_;
    TlbArrayConfig config_;
};

/// Without a branch on which way it is: that would be mispredicted.
template <u32 kWays>
[[gnu::always_inline]] inline u32 Tlb::scan(const u64* tags, u64 tag) {
    u32 found = kNowhere;
#pragma GCC unroll 24
    for (u32 way = 0; way < kWays; ++way) found = tags[way] == tag ? way : found;
    return found;
}

/// The way's number, or kNowhere. A tag is in at most one way.
[[gnu::always_inline]] inline u32 Tlb::search(u32 set, u64 tag) const {
    const u32 first = set * ways_in_set_;
    const u64* const of_set = tags_.data() + first;
    u32 way;
    if (ways_in_set_ == 4)
        way = scan<4>(of_set, tag);
    else if (ways_in_set_ == 12)
        way = scan<12>(of_set, tag);
    else if (ways_in_set_ == 24)
        way = scan<24>(of_set, tag);
    else
        return search_any(set, tag);
    return way == kNowhere ? kNowhere : first + way;
}

[[gnu::always_inline]] inline const TlbWay* Tlb::find(PageSize size, VirtAddr address, u16 pcid) const {
    const u64 page_number = address.page_number(size);
    const u32 set = set_of(page_number);
    u32 number = search(set, tag_of(size, page_number, pcid));
    if (global_ > 0) [[unlikely]]
        number = std::min(number, search_any(set, global_tag_of(size, page_number)));
    return number == kNowhere ? nullptr : &ways_[number];
}

[[gnu::always_inline]] inline bool Tlb::touch(TlbWay& way, u64 now) {
    stamps_[way.number] = now;
    if (!touch_) [[likely]]
        return false;
    const u32 first = first_of(way);
    SetState state = state_of(first, now);
    touch_(state, way.number - first);
    return state.aged;
}

/// The oldest of a set of many ways, without reading them all. Of each eight ways it remembers a stamp that
/// none of them is older than; stamps only grow, so that stays true. The group with the lowest bound is
/// looked at; if its oldest is older than all other bounds, that is the one, else its bound was too low.
[[gnu::always_inline]] inline u32 Tlb::oldest_of_many(u32 set, u32 first) {
    const u32 groups = groups_in_set();
    u64* const bounds = bounds_.data() + usize{set} * groups;
    for (;;) {
        u64 least = ~u64{0}, next = ~u64{0};  // the two lowest bounds
        u32 group = 0;
        for (u32 i = 0; i < groups; ++i) {
            const u64 bound = bounds[i];
            next = std::min(next, std::max(bound, least));
            group = bound < least ? i : group;
            least = std::min(bound, least);
        }
        const u32 begin = group * kGroup;
        const u32 count = std::min(kGroup, ways_in_set_ - begin);
        const u64* const stamps = stamps_.data() + first + begin;
        const u32 way = count == kGroup ? oldest(stamps, kGroup) : oldest(stamps, count);
        bounds[group] = stamps[way];
        if (stamps[way] < next || stamps[way] == least) return begin + way;
    }
}

[[gnu::always_inline]] inline u32 Tlb::victim_in(u32 set, u32 first, u64 now, bool& aged) {
    const u64* const stamps = stamps_.data() + first;
    switch (victim_) {
        case Victim::kLru:
            return ways_in_set_ > kMostWaysToAge ? oldest_of_many(set, first)
                                                 : Lru::victim_of(stamps, ways_in_set_);
        case Victim::kTreePlru:
            return TreePlru::victim_of(stamps, ways_in_set_);
        case Victim::kMru3Plru4:
            return Mru3Plru4::victim_of(stamps, ways_in_set_);
        case Victim::kOther:
            break;
    }
    return ask_policy(first, now, aged);
}

[[gnu::always_inline]] inline Tlb::Place Tlb::place_for(const TlbEntry& entry, u64 now, Presence presence) {
    const u32 set = set_of(entry.page_number);
    if (presence == Presence::kUnknown)
        if (const u32 same = search(set, tag_of(entry)); same != kNowhere) return {&ways_[same], false, true};
    const u32 first = set * ways_in_set_;
    if (filled_[set] < ways_in_set_) [[unlikely]] {
        u32 number = first;
        while (valid(number)) ++number;
        return {&ways_[number]};
    }
    if (ways_in_set_ == 1) return {&ways_[first]};
    Place place;
    place.way = &ways_[first + victim_in(set, first, now, place.aged)];
    return place;
}

inline void Tlb::count(const TlbEntry& entry, i32 change) {
    const u32 by = static_cast<u32>(change);
    resident_[index_of(entry.size)] += by;
    pieces_ += entry.leaf != entry.size ? by : 0;
    global_ += entry.global ? by : 0;
}

[[gnu::always_inline]] inline bool Tlb::insert(TlbWay& way, const TlbEntry& entry, u64 now) {
    const bool replaces = valid(way);
    if (hashed_ && replaces) unlink(way.number);
    // Nearly always one small page takes another's place, and no count changes.
    const TlbEntry& old = way.entry;
    if (!replaces || old.size != entry.size || old.leaf != entry.leaf || old.global != entry.global)
        [[unlikely]] {
        if (replaces)
            count(old, -1);
        else
            ++filled_[set_of(entry.page_number)];
        count(entry, 1);
    }
    way.entry = entry;
    tags_[way.number] = tag_of(entry);
    if (hashed_) link(way.number);
    stamps_[way.number] = now;
    if (!insert_) [[likely]]
        return false;
    const u32 first = first_of(way);
    SetState state = state_of(first, now);
    insert_(state, way.number - first);
    return state.aged;
}

[[gnu::always_inline]] inline bool Tlb::settled(const TlbWay& way) const {
    if (slots_ != Slots::kWhileSettled) [[likely]]
        return slots_ == Slots::kAlways;
    const u32 first = first_of(way);
    SetState state = const_cast<Tlb*>(this)->state_of(first, 0);
    return policy_->settled(state, way.number - first);
}

}  // namespace mmu
