// The proof that the fast path is the model: the hierarchy with an L0 in front, driven as the CPU drives it,
// against the brute-force model, for every policy, geometry, split, index and hierarchy rule, with page
// sizes, PCIDs, global pages, remapping without a flush and every kind of invalidation mixed in. Every
// outcome must be the same.
#include <map>

#include "mmu/presets.h"
#include "mmu/reference_model.h"
#include "mmu/replacement.h"
#include "mmu/tlb_hierarchy.h"

#include <catch2/catch.hpp>

using namespace mmu;
using Level = TlbHierarchy::Level;

namespace {

/// A guest's pages: three regions of 4K, 2M and 1G pages, some global, that may be remapped at any time.
class Pages {
  public:
    explicit Pages(u64 seed) : rng_(seed) {}

    VirtAddr pick_address() {
        const u64 offset = rng_.below(bytes_of(PageSize::k4K));
        const u64 draw = rng_.below(16);
        if (draw < 10) return VirtAddr{0x40000000000 + rng_.below(24) * kPageSize + offset};
        if (draw < 12) return VirtAddr{0xffff800000000000 + rng_.below(8) * 0x40000 + offset};
        if (draw < 14)
            return VirtAddr{0x80000000 + rng_.below(6) * 0x200000 + rng_.below(3) * kPageSize + offset};
        return VirtAddr{0x7f0000000000 + rng_.below(3) * 0x40000000 + rng_.below(4) * 0x1ff000 + offset};
    }

    TlbEntry walk(VirtAddr address, u16 pcid) {
        const PageSize size = size_of(address);
        const u64 version = versions_[address.page_base(size).value];
        const bool global = address.value >> 63;
        TlbEntry entry;
        entry.size = entry.leaf = size;
        entry.page_number = address.page_number(size);
        entry.pcid = pcid;
        entry.global = global && version % 2 == 0;
        const u64 space = entry.global ? 0 : pcid + 1;
        entry.frame = PhysAddr{(version * 64 + space) << 40 | (address.page_base(size).value & mask(39, 0))};
        entry.dirty = dirty_.contains(entry.frame.value);
        return entry;
    }
    void set_dirty(const TlbEntry& entry) { dirty_[entry.frame.value] = true; }
    void remap(VirtAddr address) { ++versions_[address.page_base(size_of(address)).value]; }

  private:
    static PageSize size_of(VirtAddr address) {
        if (address.value >= 0x7f0000000000 && !(address.value >> 63)) return PageSize::k1G;
        return address.value < 0x40000000000 ? PageSize::k2M : PageSize::k4K;
    }
    Rng rng_;
    std::map<u64, u64> versions_;
    std::map<u64, bool> dirty_;
};

/// Both models side by side. Host pages are the physical addresses themselves, never dereferenced.
class Machine {
  public:
    Machine(const TlbConfig& config, u64 seed)
        : fast_(config, seed), slow_(config, seed), pages_(seed + 1), rng_(seed + 2) {
        fast_.attach(&l0_);
    }

    void step() {
        const u64 draw = rng_.below(1000);
        if (draw >= 40) return block();
        if (draw >= 25) return switch_pcid();
        if (draw >= 15) return pages_.remap(last_);
        invalidate(draw);
    }
    bool agrees() { return slow_.check_contents(fast_); }
    std::string failure() const { return slow_.failure().value_or(""); }
    u64 front_hits() const { return front_hits_; }

  private:
    /// Instructions from one page: the CPU fetches once, the model at each of them.
    void block() {
        const VirtAddr code = locality();
        if (!reference(RefKind::kFetch, code)) return;
        for (u64 n = rng_.below(4); n > 0; --n) {
            replaced_ = false;
            reference(rng_.below(3) == 0 ? RefKind::kStore : RefKind::kLoad, locality());
            if (fast_.granular() || replaced_)  // the code's own translation may be the one that was replaced
                reference(RefKind::kFetch, code);
            else
                slow_.check_reference(RefKind::kFetch, code, pcid_, Level::kL1, nullptr);
        }
    }

    VirtAddr locality() {
        if (rng_.below(3) > 0) last_ = pages_.pick_address();
        return last_;
    }

    L0::Slot* slots(RefKind kind) {
        return kind == RefKind::kLoad ? l0_.load : kind == RefKind::kStore ? l0_.store : l0_.fetch;
    }

    /// False when it ended in a fault, and nothing was cached.
    bool reference(RefKind kind, VirtAddr address) {
        if (const u8* host = l0_.hit(slots(kind), address.value, 1)) {
            ++front_hits_;
            const auto seen = fast_.peek(kind, address, pcid_);
            const u64 expected = seen.way ? seen.way->entry.translate(address).value : 0;
            if (reinterpret_cast<u64>(host) != expected) FAIL("L0 leads elsewhere than L1");
            slow_.check_reference(kind, address, pcid_, Level::kL1, &seen.way->entry);
            return true;
        }
        auto [level, way] = fast_.lookup(kind, address, pcid_);
        slow_.check_reference(kind, address, pcid_, level, way ? &fast_.entry(way) : nullptr);
        if (!way) {
            if (rng_.below(16) == 0) return false;
            way = fill(kind, address, pages_.walk(address, pcid_));
        }
        const bool lacks_a_right = rng_.below(64) == 0;
        if (lacks_a_right || (kind == RefKind::kStore && !fast_.entry(way).dirty))
            way = rewalk(kind, address, way);
        if (kind == RefKind::kStore && !fast_.entry(way).dirty) return true;
        if (u64* stamp = fast_.front_stamp(kind, way)) {
            const VirtAddr page = address.page_base();
            L0::fill(slots(kind), page, reinterpret_cast<u8*>(fast_.entry(way).translate(page).value), stamp);
        }
        return true;
    }

    TlbWay* fill(RefKind kind, VirtAddr address, const TlbEntry& entry) {
        slow_.fill(kind, address, entry);
        return fast_.fill(kind, address, entry);
    }

    TlbWay* rewalk(RefKind kind, VirtAddr address, TlbWay* way) {
        TlbEntry entry = pages_.walk(address, pcid_);
        if (kind == RefKind::kStore) {
            pages_.set_dirty(entry);
            entry.dirty = true;
        }
        const bool updated = fast_.update(kind, address, entry);
        slow_.check_dropped("update", slow_.update(kind, address, entry), updated);
        if (updated) return way;
        replaced_ = true;
        slow_.check_dropped("invalidate_page", slow_.invalidate_page(address, pcid_),
                            fast_.invalidate_page(address, pcid_));
        return fill(kind, address, entry);
    }

    void switch_pcid() {
        pcid_ = static_cast<u16>(rng_.below(3));
        l0_.clear();
    }

    void invalidate(u64 draw) {
        const VirtAddr page = locality();
        const u16 pcid = static_cast<u16>(rng_.below(3));
        if (draw < 9)
            slow_.check_dropped("invalidate_page", slow_.invalidate_page(page, pcid_),
                                fast_.invalidate_page(page, pcid_));
        else if (draw < 11)
            slow_.check_dropped("invalidate_address_nonglobal",
                                slow_.invalidate_address_nonglobal(page, pcid),
                                fast_.invalidate_address_nonglobal(page, pcid));
        else if (draw < 13)
            slow_.check_dropped("invalidate_pcid", slow_.invalidate_pcid(pcid), fast_.invalidate_pcid(pcid));
        else if (draw < 14)
            slow_.check_dropped("invalidate_nonglobal", slow_.invalidate_nonglobal(),
                                fast_.invalidate_nonglobal());
        else
            slow_.check_dropped("invalidate_all", slow_.invalidate_all(), fast_.invalidate_all());
    }

    L0 l0_;
    TlbHierarchy fast_;
    ReferenceModel slow_;
    Pages pages_;
    Rng rng_;
    u16 pcid_ = 0;
    VirtAddr last_{0x40000000000};
    u64 front_hits_ = 0;
    bool replaced_ = false;  ///< a rewalk met another page than the cached one, without a flush
};

struct Geometry {
    const char* name;
    u32 sets, ways;
};

constexpr PageSizes kAny{.k4 = true, .m2 = true, .g1 = true};

/// One array of all sizes, or one a size without 1G (which is then cached in pieces), or two that share the
/// 4K pages.
std::vector<TlbArrayConfig> arrays(const std::string& name, Geometry geometry, const TlbArrayConfig& like,
                                   u64 shape) {
    TlbArrayConfig all = like;
    all.name = name;
    all.sets = geometry.sets;
    all.ways = geometry.ways;
    all.sizes = kAny;
    if (shape % 3 == 0) return {all};
    TlbArrayConfig small = all, large = all;
    small.sizes = {.k4 = true};
    large.sizes = {.m2 = true};
    if (shape % 3 == 1) return {small, large};
    small.sizes = {.k4 = true, .m2 = true};
    large.sizes = {.k4 = true, .g1 = true};
    return {small, large};
}

void run(const TlbConfig& config, u64 seed, unsigned steps) {
    INFO(config.name << ", seed " << seed);
    const auto valid = config.validate();
    if (!valid) FAIL(valid.error().message);
    Machine machine(config, seed);
    for (unsigned i = 0; i < steps; ++i) {
        machine.step();
        if (i % 64 == 0) machine.agrees();
        if (!machine.failure().empty()) break;
    }
    machine.agrees();
    CHECK(machine.failure() == "");
    const Slots slots = find_policy(config.l1_load[0].policy)->slots;
    CHECK((machine.front_hits() > 0) == (slots != Slots::kNever));
}

}  // namespace

TEST_CASE(
    "TlbHierarchy: with L0 in front, every policy, geometry, split, index and rule gives the brute-force "
    "outcomes") {
    for (const Policy& policy : kPolicies) {
        u64 seed = 1;
        for (Geometry geometry :
             {Geometry{"direct-mapped", 8, 1}, Geometry{"set-associative", 2, 4}, Geometry{"6-way", 2, 6},
              Geometry{"fully associative", 1, 8}, Geometry{"12-way", 1, 12}}) {
            if (policy.refuse(geometry.ways)) continue;
            for (HierarchyRule rule :
                 {HierarchyRule::kNonInclusive, HierarchyRule::kInclusive, HierarchyRule::kExclusive}) {
                for (SetIndex index : {SetIndex::kLinear, SetIndex::kXor}) {
                    for (bool split : {false, true}) {
                        TlbConfig config;
                        const TlbArrayConfig like{.index = index, .policy = std::string(policy.name)};
                        config.name = std::string(policy.name) + ", " + geometry.name + ", " + name_of(rule) +
                                      ", " + name_of(index) + (split ? ", split" : ", unified");
                        config.l1_instruction = arrays("L1I", geometry, like, seed);
                        config.l1_load = arrays("L1D", geometry, like, seed / 3);
                        if (split) config.l1_store = arrays("L1D store", geometry, like, seed / 2);
                        config.l2 = arrays("L2", {"", geometry.sets * 2, geometry.ways}, like, seed / 5);
                        if (seed % 4 == 0) config.l2_instruction = arrays("L2I", geometry, like, seed / 7);
                        config.l2_pieces = seed % 5 < 2;
                        config.rule = rule;
                        run(config, ++seed, 1200);
                    }
                }
            }
        }
    }
}

TEST_CASE("TlbHierarchy: with L0 in front, every preset gives the brute-force outcomes") {
    for (const TlbConfig& config : presets()) run(config, 7, 3000);
}
