// Purpose: /sys/kernel/mm/hugepages: the pools of huge pages by size. Linux: mm/hugetlb.c, Documentation/
// admin-guide/mm/hugetlbpage.rst.
#include "kernel/fs/proc_table.h"
#include "kernel/hugetlb.h"

namespace kernel {

namespace {

template <unsigned kPool, u64 HState::*kMember>
std::string show(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.hugetlb.hstates[kPool].*kMember) + "\n";
}
template <unsigned kPool>
int store_overcommit(KernelState& kernel, const OpenFile&, const std::string& text) {
    const auto count = proc_decimal(text);
    // nr_overcommit_hugepages_store(): not of pages larger than the largest order (hstate_is_gigantic()).
    HState& h = kernel.system.hugetlb.hstates[kPool];
    if (!count || h.order > kMaxOrder) return -EINVAL;
    h.nr_overcommit_huge_pages = *count;
    return 0;
}

constexpr ProcRow kRows[] = {
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", show<0, &HState::nr_huge_pages>, 0644, nullptr,
     store_nr_hugepages<0>},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", show<0, &HState::free_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", show<0, &HState::resv_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages", show<0, &HState::surplus_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages",
     show<0, &HState::nr_overcommit_huge_pages>, 0644, nullptr, store_overcommit<0>},
    {"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", show<1, &HState::nr_huge_pages>, 0644,
     nullptr, store_nr_hugepages<1>},
    {"/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", show<1, &HState::free_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-1048576kB/resv_hugepages", show<1, &HState::resv_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-1048576kB/surplus_hugepages", show<1, &HState::surplus_huge_pages>},
    {"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages",
     show<1, &HState::nr_overcommit_huge_pages>, 0644, nullptr, store_overcommit<1>},
};

}  // namespace

int store_nr_hugepages(KernelState& kernel, unsigned pool, const std::string& text) {
    const auto count = proc_decimal(text);
    if (!count) return -EINVAL;
    set_max_huge_pages(kernel.system, kernel.system.hugetlb.hstates[pool], *count);
    return 0;
}

std::span<const ProcRow> sysfs_mm_rows() {
    return kRows;
}

}  // namespace kernel
