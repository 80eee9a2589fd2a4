// Purpose: areas of the vmalloc range and their page tables. See vmalloc.h. Linux: mm/vmalloc.c
// __vmalloc_node_range(), vunmap_range_noflush(), purge_vmap_area_lazy(), arch/x86/mm/init_64.c.
#include "kernel/vmalloc.h"

#include "kernel/mm_internal.h"
#include "mmu/base/check.h"

namespace kernel {

using mmu::VirtAddr;

namespace {

constexpr u64 kKernPgTable = Pte::kPresent | Pte::kWritable | Pte::kAccessed | Pte::kDirty;  // _KERNPG_TABLE
constexpr u64 kPageKernel = kKernPgTable | Pte::kGlobal | Pte::kNoExecute;                   // PAGE_KERNEL
constexpr u64 kLazyMaxPages = 8192;  // lazy_max_pages(): 32 MiB for each power of two of CPUs

unsigned levels_of(const MemorySystem& system) {
    return system.hw.control().levels();
}

std::optional<Pfn> alloc_kernel_table(MemorySystem& system) {
    const auto table = system.alloc_zeroed_page(GFP_KERNEL);
    if (!table) return std::nullopt;
    system.mem_map[*table].page_type = PGTY_table;
    return table;
}

/// The entry of the kernel's page table for `address`; null where a table is missing and `make` is not given
/// or there is no frame for one.
enum class Missing : u8 { kLeave, kMake };
u64* kernel_pte(MemorySystem& system, u64 address, Missing missing) {
    VmallocState& state = system.vmalloc;
    Pfn table = state.pgd;
    for (unsigned level = levels_of(system); level > 1; --level) {
        u64& entry = table_words(system, table)[VirtAddr{address}.table_index(level)];
        if (!Pte{entry}.present()) {
            if (missing == Missing::kLeave) return nullptr;
            const auto below = alloc_kernel_table(system);
            if (!below) return nullptr;
            ++state.table_pages;
            entry = Pte{*below, kKernPgTable}.raw;
        }
        table = Pte{entry}.pfn();
    }
    return &table_words(system, table)[VirtAddr{address}.table_index(1)];
}

/// alloc_vmap_area(): the lowest hole of `bytes` at a multiple of `align`. 0: none.
u64 alloc_vmap_area(VmallocState& state, u64 bytes, u64 align) {
    for (auto it = state.free.begin(); it != state.free.end(); ++it) {
        const auto [hole, size] = *it;
        const u64 address = mmu::align_up(hole, align);
        if (address - hole > size || size - (address - hole) < bytes) continue;
        state.free.erase(it);
        if (address > hole) state.free[hole] = address - hole;
        if (const u64 rest = size - (address - hole) - bytes) state.free[address + bytes] = rest;
        return address;
    }
    return 0;
}

void add_hole(std::map<u64, u64>& holes, u64 address, u64 bytes) {
    auto next = holes.lower_bound(address);
    if (next != holes.end() && next->first == address + bytes) {
        bytes += next->second;
        next = holes.erase(next);
    }
    if (next != holes.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == address) {
            before->second += bytes;
            return;
        }
    }
    holes.emplace_hint(next, address, bytes);
}

/// purge_vmap_area_lazy(): one flush of everything, then what was unmapped since the last one may be used
/// again.
void purge_lazy(MemorySystem& system) {
    VmallocState& state = system.vmalloc;
    system.hw.flush_all();
    for (const auto& [address, bytes] : state.lazy) add_hole(state.free, address, bytes);
    state.lazy.clear();
    state.lazy_pages = 0;
}

void put_frame(MemorySystem& system, PageIndex index) {
    system.mem_map.at_index(index) = Page{};
    system.buddy.free_pages(Pfn{index}, 0);
}

/// vunmap and free of the pages that an area has so far.
void release_area(MemorySystem& system, u64 address) {
    VmallocState& state = system.vmalloc;
    const auto area = state.busy.extract(address);
    CHECK(!area.empty(), address);
    const VmapArea& vm = area.mapped();
    for (u64 i = 0; i < vm.pages.size(); ++i) {
        u64* const ptep = kernel_pte(system, address + i * mmu::kPageSize, Missing::kLeave);
        CHECK(ptep && Pte{*ptep}.pfn().value == vm.pages[i], address, i);
        *ptep = 0;
        put_frame(system, vm.pages[i]);
    }
    state.nr_pages -= vm.pages.size();
    add_hole(state.lazy, address, vm.size);
    state.lazy_pages += pages_of(vm.size);
    if (state.lazy_pages > kLazyMaxPages) purge_lazy(system);
}

u64 vmalloc_aligned(MemorySystem& system, u64 bytes, u64 align, const char* caller, Gfp gfp) {
    VmallocState& state = system.vmalloc;
    const u64 pages = bytes / mmu::kPageSize + (page_offset(bytes) != 0);
    if (!state.start || !pages || pages > system.mem_map.frames()) return 0;
    const u64 size = (pages + 1) * mmu::kPageSize;
    u64 address = alloc_vmap_area(state, size, align);
    if (!address && state.lazy_pages) {
        purge_lazy(system);
        address = alloc_vmap_area(state, size, align);
    }
    if (!address) return 0;
    state.busy.emplace(address, VmapArea{size, caller});
    for (u64 i = 0; i < pages; ++i) {
        u64* const ptep = kernel_pte(system, address + i * mmu::kPageSize, Missing::kMake);
        const auto pfn = ptep ? system.alloc_zeroed_page(gfp) : std::nullopt;
        if (!pfn) {
            release_area(system, address);
            return 0;
        }
        system.mem_map[*pfn].page_type = PGTY_vmalloc;
        *ptep = Pte{*pfn, kPageKernel}.raw;
        state.busy.at(address).pages.push_back(static_cast<PageIndex>(pfn->value));
        ++state.nr_pages;
    }
    return address;
}

}  // namespace

void vmalloc_init(MemorySystem& system) {
    VmallocState& state = system.vmalloc;
    const bool la57 = levels_of(system) == 5;
    const u64 start = la57 ? kVmallocStart5 : kVmallocStart4;
    const auto pgd = alloc_kernel_table(system), below = alloc_kernel_table(system);
    CHECK(pgd && below, system.buddy.free_frames());  // at boot, with at least a megabyte of RAM
    state.pgd = *pgd;
    state.start = start;
    state.table_pages = 1;
    table_words(system, *pgd)[VirtAddr{start}.table_index(levels_of(system))] = Pte{*below, kKernPgTable}.raw;
    const u64 span = entry_size(levels_of(system));
    state.free[start] = mmu::align_down(start, span) + span - start;
}

void clone_kernel_pgd(MemorySystem& system, MmStruct& mm) {
    const VmallocState& state = system.vmalloc;
    if (!state.start) return;
    const unsigned index = static_cast<unsigned>(VirtAddr{state.start}.table_index(mm.levels));
    table_words(system, mm.pgd)[index] = table_words(system, state.pgd)[index];
}

u64 vmalloc(MemorySystem& system, u64 bytes, const char* caller, Gfp gfp) {
    return vmalloc_aligned(system, bytes, mmu::kPageSize, caller, gfp);
}

void vfree(MemorySystem& system, u64 address) {
    if (address) release_area(system, address);
}

std::optional<Pfn> vmalloc_to_page(const MemorySystem& system, u64 address) {
    const VmallocState& state = system.vmalloc;
    if (!state.start || address < state.start) return std::nullopt;
    Pfn table = state.pgd;
    for (unsigned level = levels_of(system); level > 0; --level) {
        const Pte entry{table_words(system, table)[VirtAddr{address}.table_index(level)]};
        if (!entry.present()) return std::nullopt;
        table = entry.pfn();
    }
    return table;
}

void validate_vmalloc(const MemorySystem& system) {
    u64 pages = 0, end = 0;
    for (const auto& [address, area] : system.vmalloc.busy) {
        CHECK(address >= end && area.size == (area.pages.size() + 1) * mmu::kPageSize, address, end);
        end = address + area.size;
        for (u64 i = 0; i < area.pages.size(); ++i) {
            const auto pfn = vmalloc_to_page(system, address + i * mmu::kPageSize);
            CHECK(pfn && pfn->value == area.pages[i], address, i);
            CHECK(system.mem_map[*pfn].page_type == PGTY_vmalloc, address, i);
        }
        CHECK(!vmalloc_to_page(system, end - mmu::kPageSize), address);  // the guard page
        pages += area.pages.size();
    }
    CHECK(pages == system.vmalloc.nr_pages, pages, system.vmalloc.nr_pages);
}

bool KernelStack::allocate(MemorySystem& system) {
    VmallocState& state = system.vmalloc;
    if (address_ || !state.start) return true;
    for (u64& cached : state.cached_stacks)
        if (cached && !address_) address_ = std::exchange(cached, 0);
    if (!address_)
        address_ = vmalloc_aligned(system, kThreadSize, kThreadSize, "dup_task_struct", GFP_KERNEL);
    system_ = &system;
    if (address_) ++state.stacks;
    return address_ != 0;
}

KernelStack::~KernelStack() {
    if (!address_) return;
    VmallocState& state = system_->vmalloc;
    --state.stacks;
    for (u64& cached : state.cached_stacks)
        if (!cached) {
            cached = address_;
            return;
        }
    vfree(*system_, address_);
}

}  // namespace kernel
