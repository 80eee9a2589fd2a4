// Purpose: the files of /proc about the kernel's own memory. Linux: mm/slab_common.c slab_show(),
// mm/vmalloc.c vmalloc_info_show(). Deviation: callers are named without offset.
#include "kernel/fs/proc_table.h"

namespace kernel {

namespace {

std::string slab_line(const KmemCache& cache) {
    return proc_format("%-17s %6llu %6llu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6llu %6llu %6llu\n",
                       cache.name.c_str(), proc_number(cache.active_objects),
                       proc_number(cache.total_objects), cache.size, cache.objects, 1u << cache.order, 0u, 0u,
                       0u, proc_number(cache.slabs), proc_number(cache.slabs), 0ull);
}

std::string slabinfo(KernelState& kernel, Task&) {
    return proc_slabinfo(kernel.system);
}

/// vmalloc_info_show(): addresses are shown, for their reader is root.
std::string vmallocinfo(KernelState& kernel, Task&) {
    std::string text;
    for (const auto& [address, area] : kernel.system.vmalloc.busy)
        text += proc_format("0x%016llx-0x%016llx %7llu %s pages=%zu vmalloc N0=%zu\n", proc_number(address),
                            proc_number(address + area.size), proc_number(area.size), area.caller,
                            area.pages.size(), area.pages.size());
    return text;
}

constexpr ProcRow kRows[] = {
    {"slabinfo", slabinfo, 0400},
    {"vmallocinfo", vmallocinfo, 0400},
};

}  // namespace

std::span<const ProcRow> proc_slab_rows() {
    return kRows;
}

std::string proc_slabinfo(const MemorySystem& system) {
    std::string text =
        "slabinfo - version: 2.1\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> "
        "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";
    // The newest first, as Linux's list has them; kmalloc's are its oldest.
    const SlabState& slab = system.slab;
    const auto is_kmalloc = [&](usize id) {
        return !slab.kmalloc.empty() && id >= slab.kmalloc.front() && id <= slab.kmalloc.back();
    };
    for (const bool kmalloc_caches : {false, true})
        for (usize id = slab.caches.size(); id-- > 1;)
            if (is_kmalloc(id) == kmalloc_caches && !slab.caches[id].name.empty())
                text += slab_line(slab.caches[id]);
    return text;
}

}  // namespace kernel
