// One cached translation: what a TLB keeps of a walk. A plain value; who holds it, and where, is not its
// business. SDM Vol. 3A 4.10.2.2 (what a TLB entry contains).
#pragma once

#include "mmu/arch/addr.h"

namespace mmu {

struct TlbEntry {
    u64 page_number = 0;            ///< virtual address >> shift_of(size)
    PageSize size = PageSize::k4K;  ///< what the entry covers
    PageSize leaf = PageSize::k4K;  ///< size of the page it comes from; larger than `size` for a piece of it
    bool global = false;            ///< matches under any PCID
    bool writable : 1 = false;      ///< R/W of all levels
    u16 pcid = 0;                   ///< of the address space that walked
    bool user : 1 = false;          ///< U/S of all levels
    bool no_execute : 1 = false;    ///< XD of any level
    bool dirty : 1 = false;         ///< D of the leaf: a store needs no walk to set it
    u8 pkey = 0;
    PhysAddr frame{};  ///< first byte of what `size` covers

    constexpr VirtAddr address() const { return VirtAddr{page_number << shift_of(size)}; }
    constexpr PhysAddr translate(VirtAddr address) const { return frame + address.page_offset(size); }

    /// The piece of this entry around `address` as an entry of the smaller size `piece`: what a TLB without
    /// room for the page's own size caches instead (SDM Vol. 3A 4.10.2.3).
    constexpr TlbEntry piece_at(VirtAddr address, PageSize piece) const {
        TlbEntry result = *this;
        result.size = piece;
        result.page_number = address.page_number(piece);
        result.frame = frame + (address.page_base(piece) - address.page_base(size));
        return result;
    }

    friend constexpr bool operator==(const TlbEntry&, const TlbEntry&) = default;
};
static_assert(sizeof(TlbEntry) == 24, "a TLB of thousands of entries is copied through the host's caches");

}  // namespace mmu
