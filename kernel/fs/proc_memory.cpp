// Purpose: the files of /proc/PID about its memory: areas, and what the page tables hold of each. Everything
// is counted from the page tables when it is read. Linux: fs/proc/task_mmu.c.
#include <unistd.h>

#include <cstring>

#include "kernel/fs/proc_table.h"
#include "kernel/host/host.h"
#include "kernel/huge_memory.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mseal.h"
#include "kernel/pkeys.h"

namespace kernel {

namespace {

constexpr unsigned kPssShift = 12;

/// struct mem_size_stats: bytes.
struct MemSizeStats {
    u64 resident = 0, shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
    u64 referenced = 0, anonymous = 0, anonymous_thp = 0, lazyfree = 0, swap = 0;
    u64 shared_hugetlb = 0, private_hugetlb = 0;
    u64 swap_pss = 0, pss = 0, pss_anon = 0, pss_file = 0, pss_shmem = 0, pss_locked = 0,
        pss_dirty = 0;  // << kPssShift
};

/// smaps_account(): one page that is mapped.
void smaps_account(MemSizeStats& mss, const VmAreaStruct& vma, const Page& page, Pte pte) {
    const bool dirty = pte.dirty() || page.is(Page::kDirty);
    mss.resident += mmu::kPageSize;
    if (page.is(Page::kAnon)) mss.anonymous += mmu::kPageSize;
    if (page.is(Page::kLazyFree) && !dirty) mss.lazyfree += mmu::kPageSize;
    if (pte.accessed()) mss.referenced += mmu::kPageSize;
    const bool shared = page.mapcount >= 2;
    (shared  ? dirty ? mss.shared_dirty : mss.shared_clean
     : dirty ? mss.private_dirty
             : mss.private_clean) += mmu::kPageSize;
    const u64 pss = (mmu::kPageSize << kPssShift) / std::max<u32>(page.mapcount, 1);
    mss.pss += pss;
    (page.is(Page::kAnon) ? mss.pss_anon : page.is(Page::kShmem) ? mss.pss_shmem : mss.pss_file) += pss;
    if (vma.vm_flags & VM_LOCKED) mss.pss_locked += pss;
    if (dirty) mss.pss_dirty += pss;
}

/// smap_gather_stats()
void smap_gather_stats(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma,
                       MemSizeStats& mss) {
    if (vma.vm_flags & VM_HUGETLB) {  // smaps_hugetlb_range()
        const HugetlbUse use = count_hugetlb(system, mm, vma);
        mss.shared_hugetlb += use.shared_bytes;
        mss.private_hugetlb += use.private_bytes;
        return;
    }
    if (vma.vm_file) {  // shmem_swap_usage(): a place without a page of its own in the tables
        const AddressSpace& space = system.page_cache.mapping_of(vma.vm_file);
        mss.swap += space.collect_swapped(vma.vm_pgoff, vma.vm_pgoff + vma.pages()) * mmu::kPageSize;
    }
    mss.anonymous_thp += count_anon_thps(system, mm, vma.vm_start, vma.vm_end) * kPmdSize;
    walk_leaves(system, mm, vma.vm_start, vma.vm_end, [&](u64, Pte pte) {
        if (!pte_none(pte) && !pte_present(pte)) {
            const u32 users = system.swap.users(pte_to_swp_entry(pte));
            mss.swap += mmu::kPageSize;
            mss.swap_pss += (mmu::kPageSize << kPssShift) / std::max<u32>(users, 1);
        }
        if (!pte_present(pte)) return;
        if (const Page* page = vm_normal_page(system, pte)) smaps_account(mss, vma, *page, pte);
    });
}

/// __show_smap()
std::string show_smap(const MemSizeStats& mss, bool rollup) {
    std::string text = proc_kilobytes("Rss:            ", mss.resident);
    text += proc_kilobytes("Pss:            ", mss.pss >> kPssShift);
    text += proc_kilobytes("Pss_Dirty:      ", mss.pss_dirty >> kPssShift);
    if (rollup) {
        text += proc_kilobytes("Pss_Anon:       ", mss.pss_anon >> kPssShift);
        text += proc_kilobytes("Pss_File:       ", mss.pss_file >> kPssShift);
        text += proc_kilobytes("Pss_Shmem:      ", mss.pss_shmem >> kPssShift);
    }
    text += proc_kilobytes("Shared_Clean:   ", mss.shared_clean);
    text += proc_kilobytes("Shared_Dirty:   ", mss.shared_dirty);
    text += proc_kilobytes("Private_Clean:  ", mss.private_clean);
    text += proc_kilobytes("Private_Dirty:  ", mss.private_dirty);
    text += proc_kilobytes("Referenced:     ", mss.referenced);
    text += proc_kilobytes("Anonymous:      ", mss.anonymous);
    text += proc_kilobytes("KSM:            ", 0) + proc_kilobytes("LazyFree:       ", mss.lazyfree);
    text += proc_kilobytes("AnonHugePages:  ", mss.anonymous_thp);
    // Features that this kernel does not have: transparent huge pages of files.
    text += proc_kilobytes("ShmemPmdMapped: ", 0) + proc_kilobytes("FilePmdMapped:  ", 0);
    text += proc_kilobytes("Shared_Hugetlb: ", mss.shared_hugetlb) +
            proc_kilobytes("Private_Hugetlb:", mss.private_hugetlb);
    text += proc_kilobytes("Swap:           ", mss.swap) +
            proc_kilobytes("SwapPss:        ", mss.swap_pss >> kPssShift);
    return text + proc_kilobytes("Locked:         ", mss.pss_locked >> kPssShift);
}

/// show_smap_vma_flags()
std::string vma_flags_text(u64 vm_flags) {
    struct Mnemonic {
        u64 flag;
        const char* text;
    };
    static constexpr Mnemonic kMnemonics[] = {
        // by bit number; what is VM_IO here is VM_PFNMAP, too
        {VM_READ, "rd"},        {VM_WRITE, "wr"},      {VM_EXEC, "ex"},      {VM_SHARED, "sh"},
        {VM_MAYREAD, "mr"},     {VM_MAYWRITE, "mw"},   {VM_MAYEXEC, "me"},   {VM_MAYSHARE, "ms"},
        {VM_GROWSDOWN, "gd"},   {VM_IO, "pf"},         {VM_LOCKED, "lo"},    {VM_IO, "io"},
        {VM_SEQ_READ, "sr"},    {VM_RAND_READ, "rr"},  {VM_DONTCOPY, "dc"},  {VM_DONTEXPAND, "de"},
        {VM_LOCKONFAULT, "lf"}, {VM_ACCOUNT, "ac"},    {VM_NORESERVE, "nr"}, {VM_HUGETLB, "ht"},
        {VM_WIPEONFORK, "wf"},  {VM_DONTDUMP, "dd"},   {VM_SEALED, "sl"},    {VM_DROPPABLE, "dp"},
        {VM_HUGEPAGE, "hg"},    {VM_NOHUGEPAGE, "nh"}, {VM_MERGEABLE, "mg"},
    };
    std::string text = "VmFlags: ";
    for (const Mnemonic& mnemonic : kMnemonics)
        if (vm_flags & mnemonic.flag) text.append(mnemonic.text).push_back(' ');
    return text + "\n";
}

/// show_vma_header_prefix()
std::string vma_header(u64 start, u64 end, const char* permissions, u64 offset, FileBacking::Identity file) {
    return proc_format("%08llx-%08llx %s %08llx %02llx:%02llx %llu ", proc_number(start), proc_number(end),
                       permissions, proc_number(offset), proc_number((file.dev >> 8) & 0xfff),
                       proc_number((file.dev & 0xff) | ((file.dev >> 12) & 0xfff00)), proc_number(file.ino));
}

std::string with_name(std::string line, const std::string& name) {
    constexpr usize kNameColumn = 25 + 6 * 8;  // seq_pad()
    if (!name.empty() && line.size() < kNameColumn) line.resize(kNameColumn, ' ');
    for (const char c : name) c == '\n' ? line += "\\012" : line += c;
    return line + "\n";
}

/// show_map_vma()
std::string show_map_vma(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma) {
    char permissions[5];
    vma.permissions(permissions);
    FileBacking::Identity file{};
    u64 offset = 0;
    if (vma.vm_file) {
        file = system.page_cache.mapping_of(vma.vm_file).identity;
        offset = vma.vm_pgoff << mmu::kPageShift;
    }
    return with_name(vma_header(vma.vm_start, vma.vm_end, permissions, offset, file),
                     vma_name(system, mm, vma));
}

std::string maps(KernelState& kernel, Task& task) {
    return proc_maps(kernel.system, kernel.mm_of(task));
}
std::string smaps(KernelState& kernel, Task& task) {
    return proc_smaps(kernel.system, kernel.mm_of(task));
}

/// show_smaps_rollup()
std::string smaps_rollup(KernelState& kernel, Task& task) {
    const MmStruct& mm = kernel.mm_of(task);
    if (mm.mm_mt.empty()) return {};
    MemSizeStats mss;
    u64 end = 0;
    for (const auto& [vm_end, vma] : mm.mm_mt) {
        smap_gather_stats(kernel.system, mm, vma, mss);
        end = vm_end;
    }
    return with_name(vma_header(mm.mm_mt.begin()->second.vm_start, end, "---p", 0, {}), "[rollup]") +
           show_smap(mss, true);
}

u64 text_bytes(const MmStruct& mm) {
    return page_align(mm.end_code) - mmu::align_down(mm.start_code, mmu::kPageSize);
}

std::string statm(KernelState& kernel, Task& task) {
    const MmStruct& mm = kernel.mm_of(task);
    return proc_format("%llu %llu %llu %llu 0 %llu 0\n", proc_number(mm.total_vm),
                       proc_number(mm.rss_pages()),
                       proc_number(mm.rss_stat[MM_FILEPAGES] + mm.rss_stat[MM_SHMEMPAGES]),
                       proc_number(pages_of(text_bytes(mm))), proc_number(mm.data_vm + mm.stack_vm));
}

std::string auxv(KernelState& kernel, Task& task) {
    const auto& words = kernel.mm_of(task).saved_auxv;
    return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(u64)};
}

/// pte_to_pagemap_entry(). The frame's number is root's to see (CAP_SYS_ADMIN).
u64 pagemap_entry(const MemorySystem& system, Pte pte, bool show_pfn) {
    constexpr u64 kMapExclusive = u64{1} << 56, kFile = u64{1} << 61, kPresent = u64{1} << 63;
    constexpr u64 kSwapped = u64{1} << 62;
    if (pte_none(pte)) return 0;
    if (!pte_present(pte)) return kSwapped | (show_pfn ? u64{pte_to_swp_entry(pte)} << 5 : 0);
    u64 entry = kPresent | (show_pfn ? pte.pfn().value : 0);
    if (const Page* page = vm_normal_page(system, pte)) {
        if (!page->is(Page::kAnon)) entry |= kFile;
        if (page->mapcount == 1) entry |= kMapExclusive;
    }
    return entry;
}

/// pagemap_read(): an entry of 8 bytes a page.
mmu::Expected<std::string, int> pagemap(KernelState& kernel, Task& task, u64 offset, u64 bytes) {
    constexpr u64 kEntry = sizeof(u64);
    if (offset % kEntry || bytes % kEntry) return mmu::Unexpected{-EINVAL};
    const MmStruct& mm = kernel.mm_of(task);
    const u64 last = pages_of(mm.task_size);
    if (offset / kEntry >= last) return std::string{};
    const u64 start = offset / kEntry, count = std::min(bytes / kEntry, last - start);
    std::vector<u64> entries(count);
    const bool show_pfn = host::geteuid() == 0;
    const u64 base = start << mmu::kPageShift;
    walk_leaves(kernel.system, mm, base, base + (count << mmu::kPageShift), [&](u64 at, Pte pte) {
        entries[pages_of(at - base)] = pagemap_entry(kernel.system, pte, show_pfn);
    });
    return std::string(reinterpret_cast<const char*>(entries.data()), count * kEntry);
}

/// struct numa_maps: pages.
struct NumaMaps {
    u64 pages = 0, anon = 0, active = 0, swapcache = 0, dirty = 0, mapcount_max = 0;
};

/// gather_stats() of each page of an area.
NumaMaps gather_numa_stats(const MemorySystem& system, const MmStruct& mm, const VmAreaStruct& vma) {
    NumaMaps md;
    if (vma.vm_flags & VM_HUGETLB) {  // a page is one, however large
        const HugetlbUse use = count_hugetlb(system, mm, vma);
        const u64 bytes = mmu::kPageSize << system.page_cache.mapping_of(vma.vm_file).hugetlb->order;
        md.pages = md.dirty = (use.shared_bytes + use.private_bytes) / bytes;
        if (!(vma.vm_flags & VM_SHARED)) md.anon = md.pages;
        md.mapcount_max = md.pages ? 1 + (use.shared_bytes != 0) : 0;
        return md;
    }
    walk_leaves(system, mm, vma.vm_start, vma.vm_end, [&](u64, Pte pte) {
        const Page* page = pte_present(pte) ? vm_normal_page(system, pte) : nullptr;
        if (!page) return;
        ++md.pages;
        md.anon += page->is(Page::kAnon);
        md.active += page->is(Page::kActive) || (vma.vm_flags & VM_LOCKED);
        md.swapcache += page->is(Page::kSwapCache);
        md.dirty += pte.dirty() || page->is(Page::kDirty);
        md.mapcount_max = std::max<u64>(md.mapcount_max, page->mapcount);
    });
    return md;
}

/// seq_path() with these characters escaped.
std::string escaped(const std::string& path) {
    std::string text;
    for (const char c : path)
        text += std::strchr("\n\t= ", c) ? proc_format("\\%03o", unsigned{static_cast<unsigned char>(c)})
                                         : std::string(1, c);
    return text;
}

/// show_numa_map(), of a machine with one node and without policies.
std::string numa_maps(KernelState& kernel, Task& task) {
    const MmStruct& mm = kernel.mm_of(task);
    std::string text;
    for (const auto& [end, vma] : mm.mm_mt) {
        const bool huge = vma.vm_flags & VM_HUGETLB;
        const std::string name = vma_name(kernel.system, mm, vma);
        text += proc_format("%08llx default", proc_number(vma.vm_start));
        if (vma.vm_file)
            text += " file=" + escaped(name);
        else if (name == "[heap]" || name == "[stack]")
            text += " " + name.substr(1, name.size() - 2);
        if (huge) text += " huge";
        const NumaMaps md = gather_numa_stats(kernel.system, mm, vma);
        const auto field = [&text](const char* title, u64 value) {
            text += proc_format(" %s=%llu", title, proc_number(value));
        };
        if (md.anon) field("anon", md.anon);
        if (md.dirty) field("dirty", md.dirty);
        if (md.pages != md.anon && md.pages != md.dirty) field("mapped", md.pages);
        if (md.mapcount_max > 1) field("mapmax", md.mapcount_max);
        if (md.swapcache) field("swapcache", md.swapcache);
        if (md.active < md.pages && !huge) field("active", md.active);
        if (md.pages) {
            field("N0", md.pages);
            const u64 order = huge ? kernel.system.page_cache.mapping_of(vma.vm_file).hugetlb->order : 0;
            field("kernelpagesize_kB", (mmu::kPageSize << order) / 1024);
        }
        text += "\n";
    }
    return text;
}

/// A file that can only be written.
std::string nothing(KernelState&, Task&) {
    return {};
}

constexpr ProcRow kRows[] = {
    {"auxv", auxv, 0400},
    {"clear_refs", nothing, 0200, nullptr, clear_refs_write},
    {"maps", maps},
    {"numa_maps", numa_maps},
    {"pagemap", nullptr, 0400, pagemap},
    {"smaps", smaps},
    {"smaps_rollup", smaps_rollup},
    {"statm", statm},
};

}  // namespace

std::span<const ProcRow> proc_memory_rows() {
    return kRows;
}

std::string proc_maps(const MemorySystem& system, const MmStruct& mm) {
    std::string text;
    for (const auto& [end, vma] : mm.mm_mt) text += show_map_vma(system, mm, vma);
    return text;
}

std::string proc_smaps(const MemorySystem& system, const MmStruct& mm) {
    std::string text;
    for (const auto& [end, vma] : mm.mm_mt) {
        MemSizeStats mss;
        smap_gather_stats(system, mm, vma, mss);
        text += show_map_vma(system, mm, vma);
        text += proc_kilobytes("Size:           ", vma.size());
        const u64 page_size = vma.vm_flags & VM_HUGETLB
                                  ? mmu::kPageSize << system.page_cache.mapping_of(vma.vm_file).hugetlb->order
                                  : mmu::kPageSize;
        text += proc_kilobytes("KernelPageSize: ", page_size) + proc_kilobytes("MMUPageSize:    ", page_size);
        text += show_smap(mss, false);
        text += proc_format("THPeligible:    %8u\n", unsigned{thp_eligible(system, vma)});
        if (arch_pkeys_enabled(system)) text += proc_format("ProtectionKey:  %8u\n", vma_pkey(vma));
        text += vma_flags_text(vma.vm_flags);
    }
    return text;
}

std::string proc_status_memory(const MmStruct& mm) {
    const auto row = [](const char* name, u64 pages) {
        return proc_kilobytes(name, pages << mmu::kPageShift);
    };
    const u64 text_size = std::min(text_bytes(mm), mm.exec_vm << mmu::kPageShift);
    std::string text = row("VmPeak:\t", std::max(mm.hiwater_vm, mm.total_vm)) + row("VmSize:\t", mm.total_vm);
    text += row("VmLck:\t", mm.locked_vm) + row("VmPin:\t", 0);
    text += row("VmHWM:\t", std::max(mm.hiwater_rss, mm.rss_pages())) + row("VmRSS:\t", mm.rss_pages());
    text += row("RssAnon:\t", mm.rss_stat[MM_ANONPAGES]) + row("RssFile:\t", mm.rss_stat[MM_FILEPAGES]);
    text += row("RssShmem:\t", mm.rss_stat[MM_SHMEMPAGES]) + row("VmData:\t", mm.data_vm);
    text += row("VmStk:\t", mm.stack_vm) + proc_kilobytes("VmExe:\t", text_size);
    text += proc_kilobytes("VmLib:\t", (mm.exec_vm << mmu::kPageShift) - text_size);
    text += proc_kilobytes("VmPTE:\t", mm.pgtables_bytes) + row("VmSwap:\t", mm.rss_stat[MM_SWAPENTS]);
    return text + row("HugetlbPages:\t", mm.hugetlb_usage);
}

}  // namespace kernel
