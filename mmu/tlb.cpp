// One TLB array: what no reference waits for; see tlb.h.
#include "mmu/tlb.h"

#include <bit>

namespace mmu {

Tlb::Tlb(const TlbArrayConfig& config, u16 number, u8 kinds, u64 seed)
    : tags_(config.entries()),
      ways_in_set_(config.ways),
      set_mask_(config.sets - 1),
      set_bits_(static_cast<u32>(std::countr_zero(config.sets))),
      fold_mask_(config.index == SetIndex::kXor ? ~u32{0} : 0),
      hashed_(config.ways > kMostWaysToScan),
      kinds_(kinds),
      ways_(config.entries()),
      stamps_(config.entries()),
      filled_(config.sets),
      policy_(find_policy(config.policy)),
      marks_(config.entries()),
      rng_(seed),
      config_(config) {
    CHECK(policy_ != nullptr && is_power_of_two(config.sets) && config.ways > 0, config.sets, config.ways);
    victim_ = policy_->victim == Lru::victim         ? Victim::kLru
              : policy_->victim == TreePlru::victim  ? Victim::kTreePlru
              : policy_->victim == Mru3Plru4::victim ? Victim::kMru3Plru4
                                                     : Victim::kOther;
    slots_ = policy_->slots;
    touch_ = policy_->touch;
    insert_ = policy_->insert;
    for (u32 i = 0; i < size(); ++i) {
        ways_[i] = {.entry = {}, .number = i, .array = number};
    }
    if (hashed_) {
        heads_.assign(std::bit_ceil(usize{size()} * 4), kNowhere);
        next_.assign(size(), kNowhere);
    }
    if (config.ways > kMostWaysToAge) bounds_.assign(usize{config.sets} * groups_in_set(), 0);
}

/// Of as many ways as there are: along the hash chain, or one after the other.
u32 Tlb::search_any(u32 set, u64 tag) const {
    const u64* const tags = tags_.data();
    u32 found = kNowhere;
    if (hashed_) {
        found = heads_[bucket_of(tag)];
        while (found != kNowhere && tags[found] != tag) found = next_[found];
        return found;
    }
    const u32 first = set * ways_in_set_;
    for (u32 number = first; number < first + ways_in_set_; ++number)
        found = tags[number] == tag ? number : found;
    return found;
}

TlbWay* Tlb::find_same(const TlbEntry& entry) {
    // Each fault asks every array twice, for its PCID and for all of them: the latter have seldom anything.
    if (entry.global && !global_) return nullptr;
    const u32 number = search(set_of(entry.page_number), tag_of(entry));
    return number == kNowhere ? nullptr : &ways_[number];
}

void Tlb::remove(TlbWay& way) {
    CHECK(valid(way), way.number);
    if (hashed_) unlink(way.number);
    count(way.entry, -1);
    tags_[way.number] = 0;
    --filled_[set_of(way.entry.page_number)];
}

u32 Tlb::ask_policy(u32 first, u64 now, bool& aged) {
    SetState state = state_of(first, now);
    const u32 way = policy_->victim(state);
    aged = state.aged;
    return way;
}

void Tlb::refresh(TlbWay& way, const TlbEntry& entry) {
    CHECK(tags_[way.number] == tag_of(entry), tags_[way.number], tag_of(entry));
    pieces_ += (entry.leaf != entry.size) - (way.entry.leaf != way.entry.size);
    const u16 pcid = entry.global ? way.entry.pcid : entry.pcid;
    way.entry = entry;
    way.entry.pcid = pcid;
}

}  // namespace mmu
