// Replacement policies: which way of a full set an insertion takes. Each is one small struct and its line in
// kPolicies; configuration, oracle test, L0 test and command line find it there. A policy sees one set; it
// knows nothing of tags, levels or L0.
//
// Every way has a stamp, the clock of its last use, which L0 writes on a hit without coming here. So a policy
// whose state is a function of the order of last uses (LRU, tree-PLRU) keeps none: it reads the stamps.
// Others keep a word a way, and say when a hit would leave that word as it is ("settled"): only then may L0
// answer in its place.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

#include "mmu/base/bits.h"
#include "mmu/base/rng.h"

namespace mmu {

/// One set, as its policy sees it. The array has stamped a way before it calls touch or insert.
struct SetState {
    const u64* stamp;  ///< by way: clock of the last use; stays when the entry goes, 0 = never used
    u64* mark;         ///< by way: the policy's own word, 0 at first
    u32 ways;
    u64 now;
    Rng& rng;           ///< the array's
    bool aged = false;  ///< set when the marks of other ways than the one in hand have changed

    u32 first_with_mark(u64 value) const {
        return static_cast<u32>(std::find(mark, mark + ways, value) - mark);
    }
    void set_all(u64 value) {
        std::fill(mark, mark + ways, value);
        aged = true;
    }
};

/// When an L0 slot may stand for a way.
enum class Slots : u8 { kAlways, kWhileSettled, kNever };

/// What a policy is, if it does not say otherwise.
struct PolicyDefaults {
    static constexpr Slots kSlots = Slots::kAlways;
    /// A second hit in a row, also right after the insertion, changes nothing: fetches may be made one a
    /// block.
    static constexpr bool kRepeatIsFree = true;
    // touch(SetState&, u32 way) on a hit and insert(SetState&, u32 way): left out where the stamp is all.
    static bool settled(const SetState&, u32) { return true; }
    /// Why it cannot work with sets of so many ways, or null.
    static const char* refuse(u32) { return nullptr; }
};

/// The place of the smallest word, the lowest among equals. Without a branch on what is compared, and in two
/// strands: a fully associative TLB has a hundred of them.
[[gnu::always_inline]] inline u32 oldest(const u64* word, u32 count) {
    u64 even = ~u64{0}, odd = ~u64{0};
    u32 even_at = 0, odd_at = 0;
    const auto look = [&](u64& least, u32& at, u32 i) {
        const bool less = word[i] < least;
        least = less ? word[i] : least;
        at = less ? i : at;
    };
    for (u32 i = 0; i + 1 < count; i += 2) {
        look(even, even_at, i);
        look(odd, odd_at, i + 1);
    }
    if (count % 2 != 0) look(even, even_at, count - 1);
    return even < odd || (even == odd && even_at < odd_at) ? even_at : odd_at;
}

[[gnu::always_inline]] inline u64 newest_stamp(const u64* stamp, u32 count) {
    u64 newest = 0;
    for (u32 i = 0; i < count; ++i) newest = std::max(newest, stamp[i]);
    return newest;
}

/// The leaf that the bits of a binary tree point to. The bit of a node points away from its half that was
/// used last, and to the left before any use.
[[gnu::always_inline]] inline u32 tree_victim(const u64* stamp, u32 leaves) {
    u32 first = 0;
    for (u32 half = leaves / 2; half > 0; half /= 2) {
        const u64* node = stamp + first;
        first += newest_stamp(node, half) > newest_stamp(node + half, half) ? half : 0;
    }
    return first;
}

struct Lru : PolicyDefaults {
    static constexpr std::string_view kName = "lru";
    [[gnu::always_inline]] static u32 victim_of(const u64* stamp, u32 ways) {
        return ways == 4 ? oldest(stamp, 4) : oldest(stamp, ways);
    }
    static u32 victim(SetState& set) { return victim_of(set.stamp, set.ways); }
};

struct TreePlru : PolicyDefaults {
    static constexpr std::string_view kName = "tree-plru";
    [[gnu::always_inline]] static u32 victim_of(const u64* stamp, u32 ways) {
        return ways == 4 ? tree_victim(stamp, 4) : tree_victim(stamp, ways);
    }
    static u32 victim(SetState& set) { return victim_of(set.stamp, set.ways); }
    static const char* refuse(u32 ways) {
        return is_power_of_two(ways) ? nullptr
                                     : "needs a power of two of ways (of its groups of 4, see mru3plru4)";
    }
};

/// Intel's STLB of 12 ways as measured on Skylake and Kaby Lake, "(MRU+1)%3 PLRU4": three trees of 4 ways;
/// the victim is in the group after the one used last (vusec/tlbdr; "TLB;DR", USENIX Security 2022).
struct Mru3Plru4 : PolicyDefaults {
    static constexpr std::string_view kName = "mru3plru4";
    static u32 victim(SetState& set) { return victim_of(set.stamp, set.ways); }
    [[gnu::always_inline]] static u32 victim_of(const u64* stamp, u32 ways) {
        return ways == 12 ? victim_of_trees(stamp, 4) : victim_of_trees(stamp, ways / 3);
    }
    [[gnu::always_inline]] static u32 victim_of_trees(const u64* stamp, u32 leaves) {
        const u64 group[] = {newest_stamp(stamp, leaves), newest_stamp(stamp + leaves, leaves),
                             newest_stamp(stamp + 2 * leaves, leaves)};
        const u32 last = group[0] > group[1] ? (group[0] > group[2] ? 0 : 2) : (group[1] > group[2] ? 1 : 2);
        const u32 first = last == 2 ? 0 : (last + 1) * leaves;
        return first + tree_victim(stamp + first, leaves);
    }
    static const char* refuse(u32 ways) {
        return ways % 3 == 0 && is_power_of_two(ways / 3) ? nullptr : "needs 3 x a power of two of ways";
    }
};

/// A bit a way, set by use; when the last one would be set, the others are cleared at once. The lowest clear
/// one goes.
struct BitPlru : PolicyDefaults {
    static constexpr std::string_view kName = "bit-plru";
    static constexpr Slots kSlots = Slots::kWhileSettled;
    static void touch(SetState& set, u32 way) {
        set.mark[way] = 1;
        if (set.first_with_mark(0) < set.ways) return;
        set.set_all(0);
        set.mark[way] = 1;
    }
    static void insert(SetState& set, u32 way) { touch(set, way); }
    static u32 victim(SetState& set) { return set.ways == 1 ? 0 : set.first_with_mark(0); }
    static bool settled(const SetState& set, u32 way) { return set.mark[way] != 0; }
};

/// A bit a way, set by use; cleared for all when an eviction finds none clear. The lowest clear one goes.
struct Nru : PolicyDefaults {
    static constexpr std::string_view kName = "nru";
    static constexpr Slots kSlots = Slots::kWhileSettled;
    static void touch(SetState& set, u32 way) { set.mark[way] = 1; }
    static void insert(SetState& set, u32 way) { touch(set, way); }
    static u32 victim(SetState& set) {
        if (set.first_with_mark(0) == set.ways) set.set_all(0);
        return set.first_with_mark(0);
    }
    static bool settled(const SetState& set, u32 way) { return set.mark[way] != 0; }
};

struct Fifo : PolicyDefaults {
    static constexpr std::string_view kName = "fifo";
    static void insert(SetState& set, u32 way) { set.mark[way] = set.now; }
    static u32 victim(SetState& set) { return oldest(set.mark, set.ways); }
};

struct Random : PolicyDefaults {
    static constexpr std::string_view kName = "random";
    static u32 victim(SetState& set) { return static_cast<u32>(set.rng.below(set.ways)); }
};

/// Random from a generator that also steps on each hit, as a free-running counter does.
struct SteppedRandom : Random {
    static constexpr std::string_view kName = "random-stepped";
    static constexpr Slots kSlots = Slots::kNever;
    static constexpr bool kRepeatIsFree = false;
    static void touch(SetState& set, u32) { set.rng.next(); }
};

/// Static re-reference interval prediction, 2 bits, hit priority (Jaleel et al., ISCA 2010): inserted as
/// "long" (2), a hit makes "near" (0), a victim is "distant" (3), all age until one is.
struct Srrip : PolicyDefaults {
    static constexpr std::string_view kName = "srrip";
    static constexpr Slots kSlots = Slots::kWhileSettled;
    static constexpr bool kRepeatIsFree = false;
    static constexpr u64 kLong = 2, kDistant = 3;
    static void touch(SetState& set, u32 way) { set.mark[way] = 0; }
    static void insert(SetState& set, u32 way) { set.mark[way] = kLong; }
    static u32 victim(SetState& set) {
        const u64 years = kDistant - *std::max_element(set.mark, set.mark + set.ways);
        for (u32 way = 0; way < set.ways; ++way) set.mark[way] += years;
        set.aged = years > 0;
        return set.first_with_mark(kDistant);
    }
    static bool settled(const SetState& set, u32 way) { return set.mark[way] == 0; }
};

/// The same with frequency priority: a hit brings an entry one step nearer.
struct SrripFrequency : Srrip {
    static constexpr std::string_view kName = "srrip-fp";
    static void touch(SetState& set, u32 way) {
        if (set.mark[way] > 0) --set.mark[way];
    }
};

/// Least frequently used since insertion; the lowest way among equals.
struct Lfu : PolicyDefaults {
    static constexpr std::string_view kName = "lfu";
    static constexpr Slots kSlots = Slots::kNever;
    static constexpr bool kRepeatIsFree = false;
    static void touch(SetState& set, u32 way) { ++set.mark[way]; }
    static void insert(SetState& set, u32 way) { set.mark[way] = 1; }
    static u32 victim(SetState& set) { return oldest(set.mark, set.ways); }
};

/// A policy as a row: what a struct above says, callable by name.
struct Policy {
    std::string_view name;
    Slots slots;
    bool repeat_is_free;
    void (*touch)(SetState&, u32 way);   ///< null: nothing but the stamp
    void (*insert)(SetState&, u32 way);  ///< the same
    u32 (*victim)(SetState&);            ///< of a set without an invalid way
    bool (*settled)(const SetState&, u32 way);
    const char* (*refuse)(u32 ways);
};

template <class P>
constexpr Policy policy_of() {
    Policy row{P::kName, P::kSlots, P::kRepeatIsFree, nullptr, nullptr, P::victim, P::settled, P::refuse};
    if constexpr (requires { &P::touch; }) row.touch = P::touch;
    if constexpr (requires { &P::insert; }) row.insert = P::insert;
    return row;
}

inline constexpr Policy kPolicies[] = {
    policy_of<Lru>(),   policy_of<TreePlru>(),       policy_of<Mru3Plru4>(), policy_of<BitPlru>(),
    policy_of<Nru>(),   policy_of<Fifo>(),           policy_of<Random>(),    policy_of<SteppedRandom>(),
    policy_of<Srrip>(), policy_of<SrripFrequency>(), policy_of<Lfu>(),
};

/// Null where no policy has this name.
constexpr const Policy* find_policy(std::string_view name) {
    for (const Policy& policy : kPolicies)
        if (policy.name == name) return &policy;
    return nullptr;
}

}  // namespace mmu
