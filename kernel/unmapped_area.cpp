// Purpose: choosing where a mapping goes. Linux: mm/mmap.c __get_unmapped_area(),
// arch/x86/kernel/sys_x86_64.c. Deviation: the search for a gap looks at the areas one after the other; the
// top-down one remembers where it was (as Linux did until 3.6), with the same result as from the top.
#include "kernel/mm_internal.h"

namespace kernel {

namespace {

constexpr u64 kMapFixed = 0x10, kMap32Bit = 0x40;
constexpr u64 kDefaultMapWindow = kTaskSize47;

struct Gap {
    u64 top = 0;           ///< 0: none; the gap's upper end
    u64 largest_hole = 0;  ///< of those that were passed and are too small
};

/// The highest gap of `len` bytes in [low, high).
Gap find_gap_top_down(MmStruct& mm, u64 low, u64 high, u64 len) {
    if (high < low || len > high - low) return {};
    Gap gap;
    u64 top = high;
    auto it = mm.mm_mt.upper_bound(high - 1);
    if (it != mm.mm_mt.end()) top = std::min(top, vm_start_gap(it->second));
    while (true) {
        const u64 bottom = it == mm.mm_mt.begin() ? low : std::max(std::prev(it)->second.vm_end, low);
        if (top >= bottom && top - bottom >= len) {
            gap.top = top;
            return gap;
        }
        if (top > bottom) gap.largest_hole = std::max(gap.largest_hole, top - bottom);
        if (it == mm.mm_mt.begin() || bottom == low) return gap;
        --it;
        top = std::min(high, vm_start_gap(it->second));
    }
}

/// The highest gap below mmap_base: an address, or 0. Starts where the last search ended if nothing above can
/// fit.
u64 find_gap_below_mmap_base(MmStruct& mm, u64 len) {
    const bool resume = len > mm.cached_hole_size && mm.free_area_cache < mm.mmap_base;
    if (!resume) mm.cached_hole_size = 0;
    const Gap gap = find_gap_top_down(mm, mmu::kPageSize, resume ? mm.free_area_cache : mm.mmap_base, len);
    if (!gap.top) {  // this search, and the next, has seen everything
        mm.free_area_cache = ~u64{0};
        return 0;
    }
    mm.cached_hole_size = std::max(mm.cached_hole_size, gap.largest_hole);
    mm.free_area_cache = gap.top;
    return gap.top - len;
}

/// The lowest gap of `len` bytes in [low, high).
std::optional<u64> find_gap_bottom_up(MmStruct& mm, u64 low, u64 high, u64 len) {
    u64 bottom = low;
    for (auto it = mm.mm_mt.upper_bound(low); bottom <= high && len <= high - bottom; ++it) {
        if (it == mm.mm_mt.end()) return bottom;
        const u64 top = vm_start_gap(it->second);
        if (top >= bottom && top - bottom >= len) return bottom;
        bottom = std::max(bottom, it->second.vm_end);
    }
    return std::nullopt;
}

bool hint_is_free(MmStruct& mm, u64 addr, u64 len) {
    const VmAreaStruct* vma = mm.mm_mt.find_vma(addr);
    return !vma || addr + len <= vm_start_gap(*vma);
}

/// arch_get_unmapped_area()
i64 bottom_up(MmStruct& mm, u64 addr, u64 len, u64 flags) {
    const bool below_2g = flags & kMap32Bit;
    const u64 begin = below_2g ? 0x40000000 : mm.mmap_legacy_base;
    const u64 end = below_2g                   ? 0x80000000
                    : addr > kDefaultMapWindow ? mm.task_size
                                               : std::min(mm.task_size, kDefaultMapWindow);
    if (len > end) return -ENOMEM;
    if (addr) {
        addr = page_align(addr);
        if (end - len >= addr && hint_is_free(mm, addr, len)) return static_cast<i64>(addr);
    }
    const auto gap = find_gap_bottom_up(mm, begin, end, len);
    return gap ? static_cast<i64>(*gap) : -ENOMEM;
}

/// arch_get_unmapped_area_topdown()
i64 top_down(MmStruct& mm, u64 addr, u64 len, u64 flags) {
    if (mm.legacy_layout || (flags & kMap32Bit)) return bottom_up(mm, addr, len, flags);
    const u64 hint = mmu::align_down(addr, mmu::kPageSize);
    const bool valid =
        mm.task_size - len >= hint && (hint > kDefaultMapWindow) == (hint + len > kDefaultMapWindow);
    if (hint && valid && hint_is_free(mm, hint, len)) return static_cast<i64>(hint);
    if (addr > kDefaultMapWindow) {  // a hint up there opts in to all of the address space
        const u64 high = mm.mmap_base + mm.task_size - kDefaultMapWindow;
        if (const Gap gap = find_gap_top_down(mm, mmu::kPageSize, high, len); gap.top)
            return static_cast<i64>(gap.top - len);
    } else if (const u64 found = find_gap_below_mmap_base(mm, len)) {
        return static_cast<i64>(found);
    }
    return bottom_up(mm, addr, len, flags);
}

/// thp_get_unmapped_area(): 2 MiB aligned when that costs nothing but address space (Linux 6.7 and later).
i64 aligned_for_huge_pages(MmStruct& mm, u64 len, u64 flags) {
    if (len + kPmdSize > mm.task_size) return -ENOMEM;
    const i64 padded = top_down(mm, 0, len + kPmdSize, flags);
    if (padded < 0) return padded;
    const u64 start = static_cast<u64>(padded);
    const u64 to_alignment = (0 - start) & (kPmdSize - 1);
    if (!to_alignment && !mm.legacy_layout) return static_cast<i64>(start + kPmdSize);
    return static_cast<i64>(start + to_alignment);
}

}  // namespace

void note_free_area(MmStruct& mm, u64 end) {
    if (end <= mm.free_area_cache) return;
    const VmAreaStruct* next = mm.mm_mt.find_vma(end);
    mm.free_area_cache = next ? std::max(end, vm_start_gap(*next)) : ~u64{0};
}

i64 hugetlb_get_unmapped_area(MmStruct& mm, u64 addr, u64 len, u64 flags, u64 size) {
    if (len % size) return -EINVAL;
    if (len > mm.task_size) return -ENOMEM;
    if (flags & kMapFixed) {
        if (addr > mm.task_size - len) return -ENOMEM;
        return addr % size ? -EINVAL : static_cast<i64>(addr);
    }
    const u64 hint = mmu::align_up(addr, size);
    if (addr && hint >= addr && mm.task_size - len >= hint && hint_is_free(mm, hint, len))
        return static_cast<i64>(hint);
    const u64 slack = size - mmu::kPageSize;  // the search's align_mask
    if (len + slack > mm.task_size) return -ENOMEM;
    const i64 padded = top_down(mm, 0, len + slack, flags);
    if (padded < 0) return padded;
    const u64 start = static_cast<u64>(padded);
    const u64 found = mm.legacy_layout || (flags & kMap32Bit) ? mmu::align_up(start, size)
                                                             : mmu::align_down(start + slack, size);
    return found < kMmapMinAddr ? -EPERM : static_cast<i64>(found);
}

i64 get_unmapped_area(const MemorySystem&, MmStruct& mm, u64 addr, u64 len, u64 flags, u64 vm_flags,
                      bool anonymous) {
    if (len > mm.task_size) return -ENOMEM;
    i64 result = -ENOMEM;
    if (flags & kMapFixed) {
        // Compared as unsigned: a fixed address may be a kernel address.
        if (addr > mm.task_size - len) return -ENOMEM;
        result = static_cast<i64>(addr);
    } else {
        const bool huge = anonymous && !addr && !(vm_flags & VM_SHARED) && len % kPmdSize == 0;
        if (huge) result = aligned_for_huge_pages(mm, len, flags);
        if (result < 0) result = top_down(mm, addr, len, flags);
    }
    if (result < 0) return result;
    const u64 found = static_cast<u64>(result);
    if (found > mm.task_size - len) return -ENOMEM;
    if (page_offset(found)) return -EINVAL;
    if (found < kMmapMinAddr) return -EPERM;
    return result;
}

}  // namespace kernel
