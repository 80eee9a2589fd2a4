// What an allocation says of itself: may it wait for reclaim, is the frame to be cleared, can what it will
// hold be moved or given up. Linux: include/linux/gfp_types.h, include/linux/mmzone.h enum migratetype.
#pragma once

#include <bit>

#include "mmu/base/ints.h"

namespace kernel {

/// gfp_t, with Linux's bits.
using Gfp = mmu::u32;
inline constexpr Gfp __GFP_MOVABLE = 0x08, __GFP_RECLAIMABLE = 0x10, __GFP_HIGH = 0x20, __GFP_ZERO = 0x100,
                     __GFP_DIRECT_RECLAIM = 0x400, __GFP_NOWARN = 0x2000;
inline constexpr Gfp GFP_KERNEL = 0xcc0, GFP_ATOMIC = 0x820, GFP_NOWAIT = 0x2800,
                     GFP_HIGHUSER_MOVABLE = 0x100cca, GFP_TRANSHUGE_LIGHT = 0x1c20ca & ~0xc00u,
                     GFP_TRANSHUGE = GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM;

/// What the frames of a pageblock hold, so that what cannot move does not end up everywhere.
enum MigrateType : mmu::u8 { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_PCPTYPES };

/// get_order(): of the smallest block that holds so many bytes.
constexpr unsigned get_order(mmu::u64 bytes) {
    return static_cast<unsigned>(std::bit_width((bytes - 1) >> 12));
}

/// gfp_migratetype()
constexpr MigrateType gfp_migratetype(Gfp gfp) {
    return gfp & __GFP_MOVABLE       ? MIGRATE_MOVABLE
           : gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE
                                     : MIGRATE_UNMOVABLE;
}

}  // namespace kernel
