// One TLB array; see tlb.h.
//
// A tag is one word, so that a search compares one word a way; 0 is an invalid way:
//   60:16 page number   15:4 PCID (0 in a global entry)   3:2 size   1 global   0 valid
#include "mmu/tlb.h"

#include <bit>

namespace mmu {
namespace {

constexpr u64 kValidTag = bit(0), kGlobalTag = bit(1);
constexpr u32 kNowhere = ~u32{0};
/// Above so many ways a search follows a hash chain; up to it, it reads the tags of the set.
constexpr u32 kMostWaysToScan = 12;

constexpr u64 tag_of(PageSize size, u64 page_number, u16 pcid) {
    return (page_number & mask(44, 0)) << 16 | u64{pcid} << 4 | u64{index_of(size)} << 2 | kValidTag;
}
constexpr u64 global_tag_of(PageSize size, u64 page_number) {
    return tag_of(size, page_number, 0) | kGlobalTag;
}
constexpr u64 tag_of(const TlbEntry& entry) {
    return entry.global ? global_tag_of(entry.size, entry.page_number)
                        : tag_of(entry.size, entry.page_number, entry.pcid);
}

}  // namespace

Tlb::Tlb(const TlbArrayConfig& config, u16 number, u8 kinds, u64 seed)
    : tags_(config.entries()),
      ways_in_set_(config.ways),
      set_mask_(config.sets - 1),
      set_bits_(static_cast<u32>(std::countr_zero(config.sets))),
      fold_mask_(config.index == SetIndex::kXor ? ~u32{0} : 0),
      ways_(config.entries()),
      policy_(find_policy(config.policy)),
      stamps_(config.entries()),
      marks_(config.entries()),
      filled_(config.sets),
      kinds_(kinds),
      rng_(seed),
      config_(config) {
    CHECK(policy_ != nullptr && is_power_of_two(config.sets) && config.ways > 0, config.sets, config.ways);
    for (u32 i = 0; i < size(); ++i) {
        const u32 set = i / config.ways;
        ways_[i] = {.entry = {}, .number = i, .first = set * config.ways, .set = set, .array = number};
    }
    if (config.ways > kMostWaysToScan) {
        heads_.assign(std::bit_ceil(usize{size()} * 2), kNowhere);
        next_.assign(size(), kNowhere);
    }
}

u32 Tlb::bucket_of(u64 tag) const {
    return static_cast<u32>((tag * 0x9e3779b97f4a7c15) >> 32) & static_cast<u32>(heads_.size() - 1);
}

void Tlb::link(u32 number) {
    u32& head = heads_[bucket_of(tags_[number])];
    next_[number] = head;
    head = number;
}

void Tlb::unlink(u32 number) {
    u32* from = &heads_[bucket_of(tags_[number])];
    while (*from != number) from = &next_[*from];
    *from = next_[number];
}

/// The way's number, or kNowhere. A tag is in at most one way.
[[gnu::always_inline]] inline u32 Tlb::search(u32 set, u64 tag) const {
    if (!heads_.empty()) {
        u32 number = heads_[bucket_of(tag)];
        while (number != kNowhere && tags_[number] != tag) number = next_[number];
        return number;
    }
    const u32 first = set * ways_in_set_;
    // Without a branch on which way it is: that would be mispredicted.
    u32 found = kNowhere;
    for (u32 number = first; number < first + ways_in_set_; ++number)
        found = tags_[number] == tag ? number : found;
    return found;
}

const TlbWay* Tlb::find(PageSize size, VirtAddr address, u16 pcid) const {
    const u64 page_number = address.page_number(size);
    const u32 set = set_of(page_number);
    u32 number = search(set, tag_of(size, page_number, pcid));
    if (global_ > 0) number = std::min(number, search(set, global_tag_of(size, page_number)));
    return number == kNowhere ? nullptr : &ways_[number];
}

TlbWay* Tlb::find(PageSize size, VirtAddr address, u16 pcid) {
    return const_cast<TlbWay*>(std::as_const(*this).find(size, address, pcid));
}

TlbWay* Tlb::find_same(const TlbEntry& entry) {
    const u32 number = search(set_of(entry.page_number), tag_of(entry));
    return number == kNowhere ? nullptr : &ways_[number];
}

bool Tlb::touch(TlbWay& way, u64 now) {
    stamps_[way.number] = now;
    if (!policy_->touch) return false;
    SetState state = state_of(way.first, now);
    policy_->touch(state, way.number - way.first);
    return state.aged;
}

Tlb::Place Tlb::place_for(const TlbEntry& entry, u64 now, Presence presence) {
    const u32 set = set_of(entry.page_number);
    if (presence == Presence::kUnknown)
        if (const u32 same = search(set, tag_of(entry)); same != kNowhere) return {&ways_[same], false, true};
    const u32 first = set * ways_in_set_;
    if (filled_[set] < ways_in_set_) {
        u32 number = first;
        while (valid(number)) ++number;
        return {&ways_[number]};
    }
    if (ways_in_set_ == 1) return {&ways_[first]};
    SetState state = state_of(first, now);
    const u32 victim = policy_->victim(state);
    return {&ways_[first + victim], state.aged};
}

bool Tlb::insert(TlbWay& way, const TlbEntry& entry, u64 now) {
    if (valid(way)) remove(way);
    way.entry = entry;
    tags_[way.number] = tag_of(entry);
    if (!heads_.empty()) link(way.number);
    ++filled_[way.set];
    ++resident_[index_of(entry.size)];
    pieces_ += entry.leaf != entry.size;
    global_ += entry.global;
    stamps_[way.number] = now;
    if (!policy_->insert) return false;
    SetState state = state_of(way.first, now);
    policy_->insert(state, way.number - way.first);
    return state.aged;
}

void Tlb::refresh(TlbWay& way, const TlbEntry& entry) {
    CHECK(tags_[way.number] == tag_of(entry), tags_[way.number], tag_of(entry));
    pieces_ += (entry.leaf != entry.size) - (way.entry.leaf != way.entry.size);
    const u16 pcid = entry.global ? way.entry.pcid : entry.pcid;
    way.entry = entry;
    way.entry.pcid = pcid;
}

void Tlb::remove(TlbWay& way) {
    CHECK(valid(way), way.number);
    if (!heads_.empty()) unlink(way.number);
    tags_[way.number] = 0;
    --filled_[way.set];
    --resident_[index_of(way.entry.size)];
    pieces_ -= way.entry.leaf != way.entry.size;
    global_ -= way.entry.global;
}

bool Tlb::settled(const TlbWay& way) const {
    switch (policy_->slots) {
        case Slots::kAlways:
            return true;
        case Slots::kNever:
            return false;
        case Slots::kWhileSettled:
            break;
    }
    SetState state = const_cast<Tlb*>(this)->state_of(way.first, 0);
    return policy_->settled(state, way.number - way.first);
}

}  // namespace mmu
