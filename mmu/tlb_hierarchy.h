// The modelled TLBs of one logical processor: L1 instruction, L1 load and store, L2, each of one or more
// arrays, and the rule between the levels. It finds and keeps translations; it knows nothing of rights, walks
// or faults. SDM Vol. 3A 4.10.2 (TLBs), 4.10.4.1 (operations that invalidate them).
//
//   lookup ---> L1 of the kind of reference ---> L2 ---> miss: the caller walks and calls fill
//                 ^ L0 slots point at its stamps  \ hit: back into L1
//
// Several entries may cover one address (a page whose size or PCID changed without a flush): the smallest
// size wins, then the lowest way. Insertion takes the lowest invalid way before it asks the policy for a
// victim.
#pragma once

#include <array>
#include <vector>

#include "mmu/l0.h"
#include "mmu/stats.h"
#include "mmu/tlb.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_entry.h"

namespace mmu {

class TlbHierarchy {
  public:
    enum class Level : u8 { kL1, kL2, kMiss };
    struct Result {
        Level level = Level::kMiss;
        TlbWay* way = nullptr;  ///< the L1 way that holds the entry now; null on a miss
    };

    /// `config` has passed validate(). `seed` is for policies that draw victims.
    TlbHierarchy(const TlbConfig& config, u64 seed);
    TlbHierarchy(const TlbHierarchy&) = delete;
    TlbHierarchy& operator=(const TlbHierarchy&) = delete;

    /// The front to keep exact: slots are dropped here when their L1 entry leaves, or when its policy ages so
    /// that the next hit would no longer be a stamp alone. Its clock becomes the clock. Null: none. L0 tags
    /// carry no PCID: whoever changes the current PCID clears the L0.
    void attach(L0* l0);

    /// One reference: ticks the clock, touches what the hardware would touch.
    Result lookup(RefKind kind, VirtAddr address, u16 pcid);

    /// After a walk for the reference that lookup() has just missed (or invalidate_page() dropped): caches it
    /// in L1 and L2 as the rule says. Returns the L1 way, whose entry may be a piece of `entry` around
    /// `address`.
    TlbWay* fill(RefKind kind, VirtAddr address, const TlbEntry& entry);

    const TlbEntry& entry(const TlbWay* way) const { return way->entry; }

    /// New rights, frame or dirty bit for a page that the L1 of `kind` holds: refreshed there and in the L2
    /// that serves it; replacement state stays, L0 slots of the page go. False, and nothing done, where that
    /// L1 holds no entry of the same page, size and scope (global, or its PCID): then invalidate_page() and
    /// fill().
    bool update(RefKind kind, VirtAddr address, const TlbEntry& entry);

    /// The stamp for an L0 slot of `way` (which lookup, fill or update of this reference gave), or null where
    /// a slot would not be exact now.
    u64* front_stamp(RefKind kind, TlbWay* way) {
        Tlb& array = arrays_[way->array];
        if (!(array.kinds() >> static_cast<unsigned>(kind) & 1)) [[unlikely]]
            return nullptr;
        return array.settled(*way) ? array.stamp(*way) : nullptr;
    }

    /// True where even repeated fetches from one page must be made one by one, so that a CPU cannot make one
    /// a block: a hit after a hit, or after a fill, changes the L1I's policy state, or a load may throw an
    /// entry out of the L1I.
    bool granular() const { return granular_; }

    // Each returns how many entries it dropped, all levels together.
    u64 invalidate_page(VirtAddr address, u16 pcid);               ///< INVLPG: of `pcid`, and global ones
    u64 invalidate_address_nonglobal(VirtAddr address, u16 pcid);  ///< INVPCID 0
    u64 invalidate_pcid(u16 pcid);  ///< INVPCID 1, MOV CR3: all but global ones
    u64 invalidate_nonglobal();     ///< INVPCID 3
    u64 invalidate_all();           ///< INVPCID 2, MOV CR4

    // Inspection, for reports and the debugger.
    const TlbConfig& config() const { return config_; }
    /// Every array once, in the order of the configuration's lists: l1_instruction, l1_load, l1_store, l2,
    /// l2_instruction.
    const std::vector<Tlb>& arrays() const { return arrays_; }
    /// What lookup() would find, and in which array; changes nothing. {kMiss, null} where nothing covers it.
    struct Peek {
        Level level = Level::kMiss;
        const Tlb* array = nullptr;
        const TlbWay* way = nullptr;
    };
    Peek peek(RefKind kind, VirtAddr address, u16 pcid) const;
    u64 clock() const { return *clock_; }

  private:
    /// The arrays of one list, by page size.
    struct Group {
        struct Choice {
            std::array<u16, 4> arrays{};  ///< numbers into arrays_
            u8 count = 0;
            u8 shift = 0;  ///< page-number bits from here up choose among them
        };
        std::array<Choice, 3> by_size{};
        bool present = false;
        bool pieces = false;  ///< a page of a size that is not held is cached in pieces
    };
    struct Found {
        Tlb* array = nullptr;
        TlbWay* way = nullptr;
    };
    enum class Scope : u8 { kPcidAndGlobal, kPcidOnly };

    /// Where the 4 KiB pages of one kind of reference are, while no larger page has been cached: the way that
    /// nearly every reference takes.
    struct SmallPath {
        Tlb* l1 = nullptr;  ///< null: not so simple
        Tlb* l2 = nullptr;  ///< null: one of several, by page number
    };

    Group make_group(const std::vector<TlbArrayConfig>& list, u8 kinds, u64 seed);
    /// Its number in arrays_; the group holds this size.
    static u16 array_number(const Group& group, PageSize size, u64 page_number);
    void choose_small_paths();
    Found find(const Group& group, VirtAddr address, u16 pcid);
    Result lookup_any_size(RefKind kind, VirtAddr address, u16 pcid);
    TlbWay* insert_l1(RefKind kind, VirtAddr address, const TlbEntry& entry);
    TlbWay* put_l1(Tlb& array, RefKind kind, const TlbEntry& piece, u64 now);
    void put_l2(Tlb& array, RefKind kind, const TlbEntry& piece, Tlb::Presence presence, u64 now);
    Tlb& small_l2(const SmallPath& path, RefKind kind, u64 page_number);
    void insert_l2(RefKind kind, VirtAddr address, const TlbEntry& entry, Tlb::Presence presence);
    void back_invalidate(RefKind kind, const TlbEntry& entry);
    void refresh_in(const Group& group, VirtAddr address, const TlbEntry& entry);
    void evict(Tlb& array, TlbWay& way);
    void drop_slots(const Tlb& array, const TlbWay& way);
    void drop_unsettled_slots(Tlb& array, u32 set);
    u64 invalidate_address(VirtAddr address, u16 pcid, Scope scope);
    template <class Predicate>
    u64 invalidate_where(Predicate predicate);

    TlbConfig config_;
    std::vector<Tlb> arrays_;
    std::array<Group, kRefKinds> l1_{};  ///< by RefKind
    std::array<Group, kRefKinds> l2_{};
    std::array<u8, kRefKinds> l2_serves_{};  ///< by RefKind: a bit for each kind that shares its L2
    L0* l0_ = nullptr;
    u64 own_clock_ = 0;
    u64* clock_ = &own_clock_;
    std::array<SmallPath, kRefKinds> small_{};  ///< by RefKind
    bool only_small_ = true;                    ///< no larger page has been cached since all was flushed
    bool granular_ = false;
};

}  // namespace mmu
