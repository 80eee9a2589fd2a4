// The brute-force TLB model; see reference_model.h. Simple before fast: a reference costs microseconds.
#include "mmu/reference_model.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <list>

#include "mmu/reference_policy.h"

namespace mmu {
namespace {

struct Set {
    std::vector<std::optional<TlbEntry>> ways;
    std::unique_ptr<ReferencePolicy> policy;
};

struct Array {
    TlbArrayConfig config;
    std::unique_ptr<Rng> rng;
    std::vector<Set> sets;

    Array(const TlbArrayConfig& array, u64 seed) : config(array), rng(std::make_unique<Rng>(seed)) {
        for (u32 i = 0; i < config.sets; ++i) {
            sets.emplace_back();
            sets.back().ways.resize(config.ways);
            sets.back().policy = make_reference_policy(config.policy, config.ways, *rng);
        }
    }

    Set& set_for(u64 page_number) {
        const u64 low = page_number % config.sets;
        const u64 high = page_number / config.sets % config.sets;
        return sets[config.index == SetIndex::kXor ? low ^ high : low];
    }
};

bool same_page(const TlbEntry& a, const TlbEntry& b) {
    return a.size == b.size && a.page_number == b.page_number && a.global == b.global &&
           (a.global || a.pcid == b.pcid);
}

bool translates(const TlbEntry& entry, PageSize size, VirtAddr address, u16 pcid) {
    return entry.size == size && entry.page_number == address.page_number(size) &&
           (entry.global || entry.pcid == pcid);
}

const char* text_of(ReferenceModel::Level level) {
    switch (level) {
        case ReferenceModel::Level::kL1:
            return "an L1 hit";
        case ReferenceModel::Level::kL2:
            return "an L2 hit";
        case ReferenceModel::Level::kMiss:
            return "a miss of all levels";
    }
    return "?";
}

std::string hex(u64 value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

std::string text_of(const TlbEntry& entry) {
    std::string text = std::string(name_of(entry.size)) + " page " + hex(entry.address().value) + " -> " +
                       hex(entry.frame.value) + ", PCID " + std::to_string(entry.pcid);
    for (const auto& [name, value] :
         {std::pair{"global", entry.global}, std::pair{"writable", entry.writable},
          std::pair{"user", entry.user}, std::pair{"no-execute", entry.no_execute},
          std::pair{"dirty", entry.dirty}})
        if (value) text += std::string(", ") + name;
    return text + ", key " + std::to_string(entry.pkey) + ", of a " + name_of(entry.leaf) + " page";
}

}  // namespace

struct ReferenceModel::State {
    using List = std::vector<Array*>;

    HierarchyRule rule;
    bool l2_pieces;
    bool l2_shared;
    std::vector<std::unique_ptr<Array>> arrays;
    List l1[kRefKinds];
    List l2[kRefKinds];

    State(const TlbConfig& config, u64 seed)
        : rule(config.rule), l2_pieces(config.l2_pieces), l2_shared(config.l2_instruction.empty()) {
        const auto build = [&](const std::vector<TlbArrayConfig>& list) {
            List result;
            for (const TlbArrayConfig& array : list) {
                arrays.push_back(
                    std::make_unique<Array>(array, TlbConfig::seed_of_array(seed, arrays.size())));
                result.push_back(arrays.back().get());
            }
            return result;
        };
        l1_of(RefKind::kFetch) = build(config.l1_instruction);
        l1_of(RefKind::kLoad) = build(config.l1_load);
        l1_of(RefKind::kStore) = config.l1_store.empty() ? l1_of(RefKind::kLoad) : build(config.l1_store);
        const List shared = build(config.l2);
        for (List& list : l2) list = shared;
        if (!l2_shared) l2_of(RefKind::kFetch) = build(config.l2_instruction);
    }

    List& l1_of(RefKind kind) { return l1[static_cast<int>(kind)]; }
    List& l2_of(RefKind kind) { return l2[static_cast<int>(kind)]; }

    static Array* array_in(const List& list, PageSize size, u64 page_number) {
        List candidates;
        u64 most_sets = 1;
        for (Array* array : list) {
            if (!array->config.sizes.holds(size)) continue;
            candidates.push_back(array);
            most_sets = std::max<u64>(most_sets, array->config.sets);
        }
        if (candidates.empty()) return nullptr;
        return candidates[page_number / most_sets % candidates.size()];
    }

    struct Place {
        Array* array = nullptr;
        Set* set = nullptr;
        u32 way = 0;
    };

    static Place find(const List& list, const std::function<bool(const TlbEntry&)>& wanted, PageSize size,
                      u64 page_number) {
        Array* array = array_in(list, size, page_number);
        if (!array) return {};
        Set& set = array->set_for(page_number);
        for (u32 way = 0; way < set.ways.size(); ++way)
            if (set.ways[way] && wanted(*set.ways[way])) return {array, &set, way};
        return {};
    }

    static Place find_translation(const List& list, VirtAddr address, u16 pcid) {
        for (PageSize size : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
            const auto wanted = [&](const TlbEntry& e) { return translates(e, size, address, pcid); };
            if (const Place place = find(list, wanted, size, address.page_number(size)); place.set)
                return place;
        }
        return {};
    }

    static Place find_same(const List& list, const TlbEntry& entry) {
        const auto wanted = [&](const TlbEntry& e) { return same_page(e, entry); };
        return find(list, wanted, entry.size, entry.page_number);
    }

    /// `entry`, or the largest piece of it around `address` that some array of the list holds.
    static std::optional<TlbEntry> fit(const List& list, VirtAddr address, const TlbEntry& entry,
                                       bool pieces) {
        for (PageSize size : {PageSize::k1G, PageSize::k2M, PageSize::k4K}) {
            if (size > entry.size || !array_in(list, size, 0)) continue;
            if (size == entry.size) return entry;
            if (!pieces) return std::nullopt;
            return entry.piece_at(address, size);
        }
        return std::nullopt;
    }

    /// Returns what had to go.
    static std::optional<TlbEntry> insert(const List& list, const TlbEntry& entry) {
        Set& set = array_in(list, entry.size, entry.page_number)->set_for(entry.page_number);
        std::optional<TlbEntry> victim;
        u32 way = 0;
        if (const Place same = find_same(list, entry); same.set) {
            way = same.way;
        } else if (const auto hole = std::find(set.ways.begin(), set.ways.end(), std::nullopt);
                   hole != set.ways.end()) {
            way = static_cast<u32>(hole - set.ways.begin());
        } else {
            way = set.ways.size() == 1 ? 0 : set.policy->victim();
            victim = set.ways[way];
        }
        set.ways[way] = entry;
        set.policy->insert(way);
        return victim;
    }

    void insert_l2(RefKind kind, VirtAddr address, const TlbEntry& entry, bool pieces) {
        const std::optional<TlbEntry> fitted = fit(l2_of(kind), address, entry, pieces);
        if (!fitted) return;
        const std::optional<TlbEntry> victim = insert(l2_of(kind), *fitted);
        if (!victim || rule != HierarchyRule::kInclusive) return;
        for (RefKind each : {RefKind::kLoad, RefKind::kStore, RefKind::kFetch}) {
            const bool served = l2_shared || (each == RefKind::kFetch) == (kind == RefKind::kFetch);
            if (!served) continue;
            if (const Place place = find_same(l1_of(each), *victim); place.set)
                place.set->ways[place.way].reset();
        }
    }

    TlbEntry insert_l1(RefKind kind, VirtAddr address, const TlbEntry& entry) {
        const TlbEntry fitted = *fit(l1_of(kind), address, entry, true);
        const std::optional<TlbEntry> victim = insert(l1_of(kind), fitted);
        if (victim && rule == HierarchyRule::kExclusive) insert_l2(kind, victim->address(), *victim, false);
        return fitted;
    }

    u64 drop_if(const std::function<bool(const TlbEntry&)>& wanted) {
        u64 dropped = 0;
        for (auto& array : arrays)
            for (Set& set : array->sets)
                for (auto& way : set.ways)
                    if (way && wanted(*way)) {
                        way.reset();
                        ++dropped;
                    }
        return dropped;
    }
};

ReferenceModel::ReferenceModel(const TlbConfig& config, u64 seed)
    : state_(std::make_unique<State>(config, seed)) {}
ReferenceModel::~ReferenceModel() = default;

ReferenceModel::Outcome ReferenceModel::reference(RefKind kind, VirtAddr address, u16 pcid) {
    ++references_;
    if (const auto hit = State::find_translation(state_->l1_of(kind), address, pcid); hit.set) {
        hit.set->policy->touch(hit.way);
        return {Level::kL1, hit.set->ways[hit.way]};
    }
    const auto hit = State::find_translation(state_->l2_of(kind), address, pcid);
    if (!hit.set) return {};
    const TlbEntry entry = *hit.set->ways[hit.way];
    if (state_->rule == HierarchyRule::kExclusive)
        hit.set->ways[hit.way].reset();
    else
        hit.set->policy->touch(hit.way);
    return {Level::kL2, state_->insert_l1(kind, address, entry)};
}

void ReferenceModel::fill(RefKind kind, VirtAddr address, const TlbEntry& entry) {
    if (state_->rule != HierarchyRule::kExclusive) state_->insert_l2(kind, address, entry, state_->l2_pieces);
    state_->insert_l1(kind, address, entry);
}

bool ReferenceModel::update(RefKind kind, VirtAddr address, const TlbEntry& entry) {
    const auto refresh = [&](const State::List& list) {
        for (PageSize size : {PageSize::k4K, PageSize::k2M, PageSize::k1G}) {
            if (size > entry.size) continue;
            const TlbEntry piece = entry.piece_at(address, size);
            const auto place = State::find_same(list, piece);
            if (!place.set) continue;
            const u16 walker = place.set->ways[place.way]->pcid;
            place.set->ways[place.way] = piece;
            place.set->ways[place.way]->pcid = walker;
        }
    };
    const auto held = State::find_translation(state_->l1_of(kind), address, entry.pcid);
    if (!held.set) return false;
    const TlbEntry& old = *held.set->ways[held.way];
    if (old.size > entry.size || old.global != entry.global) return false;
    refresh(state_->l1_of(kind));
    refresh(state_->l2_of(kind));
    return true;
}

namespace {

bool covers(const TlbEntry& entry, VirtAddr address) {
    return entry.address().page_base(entry.leaf) == address.page_base(entry.leaf);
}

}  // namespace

u64 ReferenceModel::invalidate_page(VirtAddr address, u16 pcid) {
    return state_->drop_if(
        [&](const TlbEntry& e) { return (e.global || e.pcid == pcid) && covers(e, address); });
}

u64 ReferenceModel::invalidate_address_nonglobal(VirtAddr address, u16 pcid) {
    return state_->drop_if(
        [&](const TlbEntry& e) { return !e.global && e.pcid == pcid && covers(e, address); });
}

u64 ReferenceModel::invalidate_pcid(u16 pcid) {
    return state_->drop_if([&](const TlbEntry& e) { return !e.global && e.pcid == pcid; });
}

u64 ReferenceModel::invalidate_nonglobal() {
    return state_->drop_if([](const TlbEntry& e) { return !e.global; });
}

u64 ReferenceModel::invalidate_all() {
    return state_->drop_if([](const TlbEntry&) { return true; });
}

bool ReferenceModel::fail(const std::string& what) {
    if (!failure_) failure_ = what;
    return false;
}

bool ReferenceModel::check_reference(RefKind kind, VirtAddr address, u16 pcid, Level got,
                                     const TlbEntry* entry) {
    const Outcome expected = reference(kind, address, pcid);
    const std::string which = "reference " + std::to_string(references_) + " (" + name_of(kind) + " of " +
                              hex(address.value) + ", PCID " + std::to_string(pcid) + "): ";
    if (expected.level != got)
        return fail(which + "expected " + text_of(expected.level) + ", got " + text_of(got));
    if (expected.entry && entry && *expected.entry != *entry)
        return fail(which + "expected " + text_of(*expected.entry) + "; got " + text_of(*entry));
    return !failure_;
}

bool ReferenceModel::check_dropped(const char* operation, u64 expected, u64 got) {
    if (expected == got) return !failure_;
    return fail("after reference " + std::to_string(references_) + ", " + operation + ": expected to drop " +
                std::to_string(expected) + " entries, dropped " + std::to_string(got));
}

bool ReferenceModel::check_contents(const TlbHierarchy& hierarchy) {
    for (usize i = 0; i < state_->arrays.size(); ++i) {
        const Array& expected = *state_->arrays[i];
        const Tlb& got = hierarchy.arrays()[i];
        for (u32 number = 0; number < got.size(); ++number) {
            const auto& way =
                expected.sets[number / expected.config.ways].ways[number % expected.config.ways];
            const TlbEntry* entry = got.valid(number) ? &got.way(number).entry : nullptr;
            if (way.has_value() == (entry != nullptr) && (!entry || *way == *entry)) continue;
            return fail("after reference " + std::to_string(references_) + ", " + expected.config.name +
                        " way " + std::to_string(number) + ": expected " + (way ? text_of(*way) : "nothing") +
                        "; got " + (entry ? text_of(*entry) : "nothing"));
        }
    }
    return !failure_;
}

}  // namespace mmu
