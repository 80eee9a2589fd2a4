// Swap beyond anonymous pages: shared memory goes there and comes back, neighbours come with it, reads of it
// may fail. Each test ends with all counts recounted.
#include "kernel/dup_mm.h"
#include "kernel/khugepaged.h"
#include "kernel/vmscan.h"
#include "tests/kernel/mm_fixture.h"

using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kMadvCold;
using mm_test::kMadvHugepage;
using mm_test::kMadvPageout;
using mm_test::kMadvRemove;
using mm_test::kPage;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::kShared;
using mm_test::kWrite;
using mm_test::Machine;
using mmu::Access;
using mmu::u64;
using mmu::u8;

namespace {

constexpr u64 kBase = 0x10000000;

struct Swapping : Machine {
    explicit Swapping(u64 ram = 16u << 20) : Machine(ram) { system->swap.enable(64u << 20); }

    /// `pages` pages at kBase, each with its number in it.
    void map(u64 pages, u64 flags) {
        REQUIRE(mmap(kBase, pages * kPage, kRead | kWrite, flags | kAnon | kFixed) > 0);
        for (u64 i = 0; i < pages; ++i) REQUIRE(store(kBase + i * kPage, static_cast<u8>(i)));
    }
    const kernel::AddressSpace& shared() {
        return system->page_cache.mapping_of(mm.mm_mt.find_vma(kBase)->vm_file);
    }
    const kernel::ReclaimStats& stats() const { return system->reclaim; }
};

}  // namespace

TEST_CASE("Swap: shared memory goes to swap and comes back by major faults, page for page") {
    Swapping m;
    m.map(40, kShared);
    REQUIRE(m.madvise(kBase, 40 * kPage, kMadvPageout) == 0);
    CHECK(m.shared().swapped == 40);
    CHECK(m.shared().nrpages == 0);
    CHECK(m.mm.rss_stat[kernel::MM_SHMEMPAGES] == 0);
    CHECK(m.mm.rss_stat[kernel::MM_SWAPENTS] == 0);  // the page cache's, not the process's
    CHECK(m.system->swap.used() == 40);
    CHECK(m.stats().pswpout == 40);
    m.validate();
    const u64 major = m.major();
    for (u64 i = 0; i < 40; ++i) REQUIRE(m.value(kBase + i * kPage) == static_cast<int>(i));
    CHECK(m.major() > major);
    CHECK(m.major() - major + m.stats().swap_ra == m.stats().pswpin);
    CHECK(m.shared().swapped == 0);
    CHECK(m.system->swap.used() == 0);  // the slots are free at once
    m.validate();
}

TEST_CASE("Swap: shared memory that is in swap is seen by all who map it, and goes with its file") {
    Swapping m;
    m.map(8, kShared);
    auto child = *kernel::mm_alloc(*m.system);
    m.others.push_back(&child);
    REQUIRE(kernel::dup_mmap(*m.system, child, m.mm) == 0);
    REQUIRE(m.madvise(kBase, 8 * kPage, kMadvPageout) == 0);
    REQUIRE(m.store(kBase + kPage, 77));
    kernel::VmAreaStruct* vma = child.mm_mt.find_vma(kBase);
    REQUIRE(!(kernel::handle_mm_fault(*m.system, child, *vma, kBase + kPage, 0) & kernel::VM_FAULT_ERROR));
    const u64* theirs = kernel::pte_offset_map(*m.system, child, kBase + kPage);
    REQUIRE(theirs);
    CHECK(mmu::Pte{*theirs}.pfn() == m.pte(kBase + kPage).pfn());
    m.validate();
    // A hole takes what is in swap, too, from every process.
    REQUIRE(m.madvise(kBase, 4 * kPage, kMadvRemove) == 0);
    CHECK(*theirs == 0);
    CHECK(m.value(kBase + kPage) == 0);
    CHECK(m.value(kBase + 3 * kPage) == 0);
    CHECK(m.value(kBase + 5 * kPage) == 5);
    m.validate();
    kernel::exit_mmap(*m.system, child);
    kernel::mm_drop(*m.system, child);
    m.others.clear();
    m.munmap(kBase, 8 * kPage);
    CHECK(m.system->swap.used() == 0);
    m.validate();
}

TEST_CASE("Swap: a shared working set of twice the RAM is written and read back") {
    Swapping m(4u << 20);
    const u64 pages = 1500;
    m.system->overcommit = kernel::Overcommit::kAlways;
    REQUIRE(m.mmap(kBase, pages * kPage, kRead | kWrite, kShared | kAnon | kFixed) > 0);
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.store(kBase + i * kPage + i % 4096, static_cast<u8>(i)));
    m.validate();
    CHECK(m.shared().swapped > 700);
    CHECK(m.shared().swapped + m.shared().nrpages == pages);
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.value(kBase + i * kPage + i % 4096) == static_cast<u8>(i));
    m.validate();
}

TEST_CASE("Swap: locked shared memory stays, as SHM_LOCK wants it, and may go when it is unlocked") {
    Swapping m;
    m.map(8, kShared);
    auto& space = m.system->page_cache.mapping_of(m.mm.mm_mt.find_vma(kBase)->vm_file);
    m.system->page_cache.set_unevictable(*m.system, space, true);
    REQUIRE(m.madvise(kBase, 8 * kPage, kMadvPageout) == 0);
    CHECK(space.nrpages == 8);
    m.validate();
    m.system->page_cache.set_unevictable(*m.system, space, false);
    REQUIRE(m.madvise(kBase, 8 * kPage, kMadvPageout) == 0);
    CHECK(space.nrpages == 0);
    m.validate();
}

TEST_CASE("Swap readahead: faults in order bring a window of up to eight pages, faults at random one") {
    Swapping m;
    m.map(64, kPrivate);
    REQUIRE(m.madvise(kBase, 64 * kPage, kMadvPageout) == 0);
    REQUIRE(m.mm.rss_stat[kernel::MM_SWAPENTS] == 64);
    for (u64 i = 0; i < 64; ++i) REQUIRE(m.value(kBase + i * kPage) == static_cast<int>(i));
    CHECK(m.stats().pswpin == 64);
    CHECK(m.major() <= 12);
    CHECK(m.stats().swap_ra == 64 - m.major());
    CHECK(m.stats().swap_ra_hit == m.stats().swap_ra);
    m.validate();

    REQUIRE(m.madvise(kBase, 64 * kPage, kMadvPageout) == 0);
    m.system->swap.page_cluster = 0;  // vm.page-cluster
    const u64 major = m.major();
    for (u64 i = 0; i < 64; ++i) REQUIRE(m.value(kBase + i * kPage) == static_cast<int>(i));
    CHECK(m.major() == major + 64);
    m.validate();
}

TEST_CASE("Swap readahead: pages that nobody asks for are given up without being written again") {
    Swapping m;
    m.map(64, kPrivate);
    REQUIRE(m.madvise(kBase, 64 * kPage, kMadvPageout) == 0);
    const u64 written = m.stats().pswpout;
    REQUIRE(m.value(kBase + 32 * kPage) == 32);
    REQUIRE(m.stats().swap_ra == 7);
    kernel::try_to_free_pages(*m.system, 7);
    CHECK(m.stats().pswpout == written);
    m.munmap(kBase, 64 * kPage);  // also what is only in the swap cache
    CHECK(m.system->swap.used() == 0);
    m.validate();
}

TEST_CASE("Injection: a page that does not come back from swap is SIGBUS, and comes with the next try") {
    for (const u64 flags : {kPrivate, kShared}) {
        Swapping m;
        m.map(4, flags);
        REQUIRE(m.madvise(kBase, 4 * kPage, kMadvPageout) == 0);
        m.system->inject.set(kernel::InjectSite::kSwapRead, 1, 0);
        CHECK(m.signal_code(kBase + kPage, Access::kLoad) == BUS_ADRERR + 100);
        m.validate();
        CHECK(m.value(kBase + kPage) == 1);
        m.validate();
    }
}

TEST_CASE("MADV_PAGEOUT: a whole huge page goes to swap, one that is cut is split first") {
    Swapping m(32u << 20);
    m.system->thp.mode = kernel::ThpMode::kAlways;
    constexpr u64 kHuge = 2u << 20;
    REQUIRE(m.mmap(kHuge * 8, 2 * kHuge, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    for (u64 i = 0; i < 1024; ++i) REQUIRE(m.store(kHuge * 8 + i * kPage, static_cast<u8>(i)));
    REQUIRE(m.system->thp.anon_thps == 2);
    REQUIRE(m.madvise(kHuge * 8, kHuge + 8 * kPage, kMadvPageout) == 0);
    CHECK(m.system->thp.anon_thps == 0);
    CHECK(m.mm.rss_stat[kernel::MM_SWAPENTS] == 512 + 8);
    for (u64 i = 0; i < 1024; ++i) REQUIRE(m.value(kHuge * 8 + i * kPage) == static_cast<u8>(i));
    m.validate();
}

TEST_CASE("MADV_COLD: a whole huge page stays huge and is not young any more") {
    Swapping m(32u << 20);
    m.system->thp.mode = kernel::ThpMode::kAlways;
    constexpr u64 kHuge = 2u << 20;
    REQUIRE(m.mmap(kHuge * 8, kHuge, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    REQUIRE(m.store(kHuge * 8));
    REQUIRE(m.madvise(kHuge * 8, kHuge, kMadvCold) == 0);
    CHECK(m.system->thp.anon_thps == 1);
    CHECK_FALSE(kernel::leaf_of(*m.system, m.mm, kHuge * 8).accessed());
    m.validate();
    REQUIRE(m.madvise(kHuge * 8, kPage, kMadvCold) == 0);
    CHECK(m.system->thp.anon_thps == 0);
    m.validate();
}

TEST_CASE("khugepaged: what is in swap comes back for a huge page, up to max_ptes_swap") {
    Swapping m(32u << 20);
    m.system->thp.mode = kernel::ThpMode::kMadvise;
    constexpr u64 kHuge = 2u << 20, kAt = kHuge * 8;
    REQUIRE(m.mmap(kAt, kHuge, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    for (u64 i = 0; i < 512; ++i) REQUIRE(m.store(kAt + i * kPage, static_cast<u8>(i)));
    REQUIRE(m.madvise(kAt, 70 * kPage, kMadvPageout) == 0);
    REQUIRE(m.madvise(kAt, kHuge, kMadvHugepage) == 0);
    CHECK(m.mm.vm_hugepage);
    u64 pages = 4096;
    kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages);
    CHECK(m.system->thp.anon_thps == 0);
    CHECK(m.system->thp.stats.scan_exceed_swap_pte == 1);
    for (u64 i = 0; i < 10; ++i) REQUIRE(m.load(kAt + i * kPage));
    pages = 4096;
    kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages);
    CHECK(m.system->thp.anon_thps == 1);
    CHECK(m.system->thp.stats.pages_collapsed == 1);
    CHECK(m.mm.rss_stat[kernel::MM_SWAPENTS] == 0);
    CHECK(m.system->swap.used() == 0);
    for (u64 i = 0; i < 512; ++i) REQUIRE(m.value(kAt + i * kPage) == static_cast<u8>(i));
    m.validate();
}

TEST_CASE("khugepaged: max_ptes_none and max_ptes_shared say what is worth a huge page") {
    Swapping m(32u << 20);
    m.system->thp.mode = kernel::ThpMode::kMadvise;
    constexpr u64 kHuge = 2u << 20, kAt = kHuge * 8;
    REQUIRE(m.mmap(kAt, kHuge, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    for (u64 i = 0; i < 500; ++i) REQUIRE(m.store(kAt + i * kPage));
    REQUIRE(m.madvise(kAt, kHuge, kMadvHugepage) == 0);
    m.system->thp.khugepaged.max_ptes_none = 11;
    u64 pages = 4096;
    kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages);
    CHECK(m.system->thp.stats.scan_exceed_none_pte == 1);
    m.system->thp.khugepaged.max_ptes_none = 12;
    auto child = *kernel::mm_alloc(*m.system);
    m.others.push_back(&child);
    REQUIRE(kernel::dup_mmap(*m.system, child, m.mm) == 0);
    CHECK(child.vm_hugepage);
    REQUIRE(m.store(kAt));  // something may be written
    pages = 4096;
    kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages);
    CHECK(m.system->thp.stats.scan_exceed_share_pte == 1);
    kernel::exit_mmap(*m.system, child);
    kernel::mm_drop(*m.system, child);
    m.others.clear();
    pages = 4096;
    kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages);
    CHECK(m.system->thp.anon_thps == 1);
    m.validate();
}
