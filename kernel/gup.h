// Pages of an address space by their addresses, for the kernel's own use: no TLB is asked, so the space need
// not be the running one. Linux: mm/gup.c pin_user_pages_remote().
#pragma once

#include "kernel/mm.h"

namespace kernel {

enum class GupAccess : u8 { kRead, kWrite };

/// The host bytes of the page that holds `address`, made present for this access. Null: EFAULT. Valid until
/// the next change of an address space or the next allocation.
u8* get_user_page(MemorySystem& system, MmStruct& mm, u64 address, GupAccess access);

}  // namespace kernel
