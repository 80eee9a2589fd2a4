// L0: the direct-mapped front that lets a CPU reach a page's host bytes in a few instructions while the
// modelled TLB stays exact. A slot exists only while the modelled L1 holds the page with the right asked for,
// so a slot hit *is* an L1 hit. What a hit would change in the model is at most the entry's last-use stamp,
// and the slot writes it.
//
// Nothing is ever tested here that can be left out of L0 instead: pages that need attention (first write to a
// clean page, decoded code, a replacement policy whose hits change more than a stamp) simply have no slot.
#pragma once

#include <type_traits>

#include "mmu/arch/addr.h"

namespace mmu {

struct L0 {
    static constexpr unsigned kSlots = 1024;  ///< a slot array is 32 KiB, of which an L1 of 64 pages uses 2

    struct Slot {
        u64 tag = 0;           ///< page-aligned virtual address, or an impossible_tag()
        u64 addend = 0;        ///< host address minus virtual address
        u64* stamp = nullptr;  ///< last-use stamp of the L1 entry
        u64 host = 0;          ///< host address of the page
    };

    L0() { clear(); }

    Slot load[kSlots];
    Slot store[kSlots];
    Slot fetch[kSlots];
    u64 clock = 0;  ///< one tick a reference; the order of stamps is the order of references

    /// The page number's low bits and no more: folding higher ones in, so that pages 4 MiB apart do not share
    /// a slot, costs every access more than it saves. Neighbouring pages must never share one, or hit() would
    /// take an access that crosses from one into the other for a hit.
    static constexpr unsigned index(u64 address) {
        return static_cast<unsigned>(address >> 12) & (kSlots - 1);
    }

    /// slots[index(address)], by one shift and one mask.
    template <class AnySlot>
    [[gnu::always_inline]] static AnySlot& at(AnySlot* slots, u64 address) {
        constexpr unsigned kSlotShift = 5;
        static_assert(sizeof(Slot) == 1u << kSlotShift);
        constexpr u64 kMask = u64{kSlots - 1} << kSlotShift;
        using Byte = std::conditional_t<std::is_const_v<AnySlot>, const char, char>;
        const u64 offset = (address >> (kPageShift - kSlotShift)) & kMask;
        return *reinterpret_cast<AnySlot*>(reinterpret_cast<Byte*>(slots) + offset);
    }

    /// hit() in its two halves, for callers that want no pointer to test: does the slot lead to all of
    /// [address, address + size), and if so, where; use() is the reference.
    [[gnu::always_inline]] static bool covers(const Slot& slot, u64 address, u64 size) {
        return slot.tag == align_down(address + size - 1, kPageSize);
    }
    [[gnu::always_inline]] u8* use(const Slot& slot, u64 address) {
        *slot.stamp = ++clock;
        return reinterpret_cast<u8*>(address + slot.addend);
    }

    /// The host bytes of [address, address + size), or null: not in the L1 with this right, or it crosses a
    /// page.
    [[gnu::always_inline]] u8* hit(const Slot* slots, u64 address, u64 size) {
        const Slot& slot = at(slots, address);
        return covers(slot, address, size) ? use(slot, address) : nullptr;
    }
    /// As hit(), without counting as a reference.
    [[gnu::always_inline]] u8* probe(const Slot* slots, u64 address, u64 size) const {
        const Slot& slot = at(slots, address);
        return covers(slot, address, size) ? reinterpret_cast<u8*>(address + slot.addend) : nullptr;
    }

    static void fill(Slot* slots, VirtAddr page, u8* host_page, u64* stamp) {
        const auto host = reinterpret_cast<u64>(host_page);
        at(slots, page.value) = {page.value, host - page.value, stamp, host};
    }
    /// An empty slot has the tag of a page that belongs into another one, half the array away. So no address
    /// that looks here is in that page, nor can an access that begins here end there: neither the comparison
    /// with the last byte's page (covers) nor the one with the distance from the tag takes it for a hit.
    static constexpr u64 kElsewhere = u64{kSlots / 2} << kPageShift;
    static constexpr u64 impossible_tag(unsigned slot) { return (u64{slot} << kPageShift) ^ kElsewhere; }
    /// Drops the slot of `page` if it belongs to the entry with this stamp. Without a branch: whether a page
    /// that leaves the L1 has a slot is often a toss-up.
    static void drop(Slot* slots, VirtAddr page, const u64* stamp) {
        Slot& slot = at(slots, page.value);
        const bool own = (slot.tag == page.value) & (slot.stamp == stamp);
        slot.tag ^= own ? kElsewhere : 0;
    }
    /// Drops every slot of the entry with this stamp: a large page has one for each 4 KiB that was touched.
    static void drop_all_of(Slot* slots, const u64* stamp) {
        for (unsigned i = 0; i < kSlots; ++i)
            if (slots[i].stamp == stamp) slots[i].tag = impossible_tag(i);
    }
    /// Drops every slot that leads to the host page `host_page`, under whatever virtual address.
    static void drop_host_page(Slot* slots, const u8* host_page) {
        for (unsigned i = 0; i < kSlots; ++i)
            if (slots[i].host == reinterpret_cast<u64>(host_page)) slots[i].tag = impossible_tag(i);
    }
    static void clear(Slot* slots) {
        for (unsigned i = 0; i < kSlots; ++i) slots[i].tag = impossible_tag(i);
    }
    void clear() {
        clear(load);
        clear(store);
        clear(fetch);
    }
};

}  // namespace mmu
