// The state of hugetlb pools and of files made of their pages, as plain values. What they mean is in
// hugetlb.h.
#pragma once

#include <array>
#include <map>
#include <set>
#include <vector>

#include "kernel/page.h"

namespace kernel {

/// struct hstate: a pool of pages of one size.
struct HState {
    explicit HState(unsigned page_order) : order(page_order) {}

    unsigned order;              ///< of a page
    u64 nr_huge_pages = 0;       ///< in the pool, free or not
    u64 free_huge_pages = 0;     ///< = free_list.size()
    u64 resv_huge_pages = 0;     ///< promised, and not taken yet
    u64 surplus_huge_pages = 0;  ///< more than were asked for: given back when they are free
    u64 nr_overcommit_huge_pages = 0;  ///< so many of them may be made on demand
    std::vector<PageIndex> free_list;

    u64 size() const { return mmu::kPageSize << order; }
    u64 pages() const { return u64{1} << order; }
};

struct HugetlbState {
    static constexpr unsigned k2M = 9, k1G = 18;
    std::array<HState, 2> hstates{HState(k2M), HState(k1G)};
};

/// hugetlbfs_inode_info and what its address_space has: pages by their index in units of the page size.
struct HugetlbInode {
    unsigned order = 0;
    u64 size_bytes = 0;  ///< i_size
    std::map<u64, PageIndex> pages;
    std::set<u64> resv_map;  ///< pages that are reserved for shared mappings, or there already
};

}  // namespace kernel
