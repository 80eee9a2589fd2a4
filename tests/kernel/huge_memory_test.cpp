#include "kernel/khugepaged.h"
#include "kernel/mmu_gather.h"
#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using namespace mm_test;
using kernel::kHpagePmdNr, kernel::kPmdSize;

namespace {

constexpr u64 kBase = 0x40000000;
constexpr u64 kHere = kPrivate | kAnon | kFixed;
constexpr int kDontneed = 4, kFree = 8, kHugepage = 14, kNohugepage = 15, kCollapse = 25;

struct ThpMachine : Machine {
    explicit ThpMachine(kernel::ThpMode mode = kernel::ThpMode::kAlways, u64 ram = 64u << 20) : Machine(ram) {
        system->thp.mode = mode;
    }
    u64 rss() const { return mm.rss_stat[kernel::MM_ANONPAGES]; }
    bool is_huge(u64 address) {
        const u64* pmd = kernel::pmd_offset_map(*system, mm, address);
        return pmd && kernel::pmd_trans_huge(*pmd);
    }
};

}  // namespace

TEST_CASE("THP: the first write maps 2 MiB at once, and the MMU walks to a large page") {
    ThpMachine m;
    m.mmap(kBase, 4 * kPmdSize, kRead | kWrite, kHere);
    REQUIRE(m.store(kBase + 5 * kPage, 7));
    CHECK(m.minor() == 1);
    CHECK(m.system->faults.anonymous_huge == 1);
    CHECK(m.system->thp.stats.fault_alloc == 1);
    CHECK(m.rss() == kHpagePmdNr);
    CHECK(m.mm.huge_pmds == 1);
    CHECK(m.value(kBase + 5 * kPage) == 7);
    CHECK(m.value(kBase + kPmdSize - 1) == 0);
    CHECK(m.store(kBase + kPmdSize - 1));
    CHECK(m.minor() == 1);
    CHECK(m.hw().translate(VirtAddr{kBase}, Access::kLoad, mmu::Privilege::kUser)->size ==
          mmu::PageSize::k2M);
    m.validate();
}

TEST_CASE("THP: the mode and the area decide, and what is cut by the area's ends stays small") {
    ThpMachine m(kernel::ThpMode::kMadvise);
    m.mmap(kBase, 4 * kPmdSize, kRead | kWrite, kHere);
    m.store(kBase);
    CHECK_FALSE(m.is_huge(kBase));
    CHECK(m.madvise(kBase + kPmdSize, 2 * kPmdSize, kHugepage) == 0);
    m.store(kBase + kPmdSize);
    CHECK(m.is_huge(kBase + kPmdSize));
    CHECK(m.madvise(kBase + 2 * kPmdSize, kPmdSize, kNohugepage) == 0);
    m.store(kBase + 2 * kPmdSize);
    CHECK_FALSE(m.is_huge(kBase + 2 * kPmdSize));
    m.validate();

    ThpMachine always;
    always.mmap(kBase + kPage, 2 * kPmdSize, kRead | kWrite, kHere);
    always.store(kBase + kPage);
    always.store(kBase + kPmdSize);
    always.store(kBase + 2 * kPmdSize);
    CHECK_FALSE(always.is_huge(kBase));
    CHECK(always.is_huge(kBase + kPmdSize));
    CHECK_FALSE(always.is_huge(kBase + 2 * kPmdSize));

    ThpMachine never(kernel::ThpMode::kNever);
    never.mmap(kBase, kPmdSize, kRead | kWrite, kHere);
    never.madvise(kBase, kPmdSize, kHugepage);
    never.store(kBase);
    CHECK_FALSE(never.is_huge(kBase));
}

TEST_CASE("THP: a read maps the huge zero page, a write to it one small frame") {
    ThpMachine m;
    m.mmap(kBase, kPmdSize, kRead | kWrite, kHere);
    CHECK(m.value(kBase + 9 * kPage) == 0);
    CHECK(m.is_huge(kBase));
    CHECK(m.rss() == 0);
    CHECK(m.store(kBase + 9 * kPage, 3));
    CHECK_FALSE(m.is_huge(kBase));
    CHECK(m.rss() == 1);
    CHECK(m.system->thp.stats.split_pmd == 1);
    CHECK(m.value(kBase + 9 * kPage) == 3);
    CHECK(m.value(kBase + 10 * kPage) == 0);
    m.validate();
}

TEST_CASE("THP: unmapping, protecting or advising a part splits the mapping, and no byte changes") {
    for (int what = 0; what < 4; ++what) {
        ThpMachine m;
        m.mmap(kBase, kPmdSize, kRead | kWrite, kHere);
        for (u64 i = 0; i < kHpagePmdNr; ++i) m.store(kBase + i * kPage, static_cast<u8>(i));
        const u64 at = kBase + 100 * kPage;
        switch (what) {
            case 0:
                CHECK(m.munmap(at, 3 * kPage) == 0);
                break;
            case 1:
                CHECK(m.mprotect(at, 3 * kPage, kRead) == 0);
                break;
            case 2:
                CHECK(m.madvise(at, 3 * kPage, kDontneed) == 0);
                break;
            default:
                CHECK(m.madvise(at, 3 * kPage, kNohugepage) == 0);
        }
        CHECK_FALSE(m.is_huge(kBase));
        CHECK(m.rss() == kHpagePmdNr - (what == 0 || what == 2 ? 3 : 0));
        for (u64 i = 0; i < kHpagePmdNr; ++i) {
            if (i >= 100 && i < 103 && (what == 0 || what == 2)) continue;
            REQUIRE(m.value(kBase + i * kPage) == static_cast<u8>(i));
        }
        if (what == 1) {
            CHECK(m.signal_code(at, Access::kStore) == SEGV_ACCERR);
            CHECK(m.store(at + 3 * kPage));
        }
        m.validate();
    }
}

TEST_CASE("THP: rights of a whole huge page change in place, PROT_NONE and back too") {
    ThpMachine m;
    m.mmap(kBase, 2 * kPmdSize, kRead | kWrite, kHere);
    m.store(kBase, 5);
    CHECK(m.mprotect(kBase, 2 * kPmdSize, kRead) == 0);
    CHECK(m.is_huge(kBase));
    CHECK(m.signal_code(kBase, Access::kStore) == SEGV_ACCERR);
    CHECK(m.mprotect(kBase, 2 * kPmdSize, kProtNone) == 0);
    CHECK(m.signal_code(kBase, Access::kLoad) == SEGV_ACCERR);
    m.validate();
    CHECK(m.munmap(kBase + kPmdSize, kPage) == 0);  // beside it
    CHECK(m.mprotect(kBase, kPmdSize, kRead | kWrite) == 0);
    const u64 faults = m.minor();
    CHECK(m.value(kBase) == 5);
    CHECK(m.store(kBase, 6));
    CHECK(m.minor() == faults);
    CHECK(m.is_huge(kBase));
    m.validate();
}

TEST_CASE("THP: mremap moves a whole huge page as one, and splits what is not aligned alike") {
    ThpMachine m;
    m.mmap(kBase, 2 * kPmdSize, kRead | kWrite, kHere);
    for (u64 i = 0; i < 2 * kHpagePmdNr; ++i) m.store(kBase + i * kPage, static_cast<u8>(i * 3));
    const u64 aligned = kBase + 16 * kPmdSize, askew = kBase + 32 * kPmdSize + kPage;
    CHECK(m.mremap(kBase, 2 * kPmdSize, 2 * kPmdSize, 3, aligned) == static_cast<i64>(aligned));
    CHECK(m.mm.huge_pmds == 2);
    m.validate();
    CHECK(m.mremap(aligned, 2 * kPmdSize, 2 * kPmdSize, 3, askew) == static_cast<i64>(askew));
    CHECK(m.mm.huge_pmds == 0);
    for (u64 i = 0; i < 2 * kHpagePmdNr; ++i) REQUIRE(m.value(askew + i * kPage) == static_cast<u8>(i * 3));
    m.validate();
}

TEST_CASE("THP: without 2 MiB in a row a fault takes a small page") {
    ThpMachine m(kernel::ThpMode::kAlways, 8u << 20);
    m.mmap(kBase, 16 * kPmdSize, kRead | kWrite, kHere | kNoreserve);
    unsigned huge = 0;
    for (unsigned i = 0; i < 16 && m.system->thp.stats.fault_fallback == 0; ++i) {
        REQUIRE(m.store(kBase + i * kPmdSize));
        huge += m.is_huge(kBase + i * kPmdSize);
    }
    CHECK(huge >= 2);
    CHECK(m.system->thp.stats.fault_fallback == 1);
    m.validate();
}

TEST_CASE("THP: MADV_COLLAPSE copies small pages together, holes and zero pages included") {
    ThpMachine m(kernel::ThpMode::kNever);
    m.mmap(kBase, 3 * kPmdSize, kRead | kWrite, kHere);
    for (u64 i = 0; i < kHpagePmdNr; i += 3) m.store(kBase + i * kPage, static_cast<u8>(i));
    CHECK(m.value(kBase + kPage) == 0);
    const u64 rss = m.rss();
    CHECK(m.madvise(kBase, kPmdSize, kCollapse) == 0);
    CHECK(m.is_huge(kBase));
    CHECK(rss < kHpagePmdNr);
    CHECK(m.rss() == kHpagePmdNr);
    for (u64 i = 0; i < kHpagePmdNr; ++i)
        REQUIRE(m.value(kBase + i * kPage) == (i % 3 ? 0 : static_cast<u8>(i)));
    CHECK(m.store(kBase + kPage, 9));
    m.validate();
    CHECK(m.madvise(kBase, kPmdSize, kCollapse) == 0);                   // it is one already
    CHECK(m.madvise(kBase + kPmdSize, kPmdSize, kCollapse) == -EINVAL);  // nothing was touched
    m.store(kBase + kPmdSize);
    CHECK(m.mprotect(kBase + kPmdSize, kPmdSize, kRead) == 0);
    CHECK(m.madvise(kBase + kPmdSize, kPmdSize, kCollapse) == -EINVAL);  // nothing may be written
    CHECK(m.madvise(kBase + kPage, kPage, kCollapse) == 0);              // no whole range within
    m.validate();
}

TEST_CASE("THP: khugepaged collapses what is used, and goes on where it stopped") {
    ThpMachine m(kernel::ThpMode::kNever);
    m.mmap(kBase, 4 * kPmdSize, kRead | kWrite, kHere);
    for (u64 i = 0; i < 4; ++i) m.store(kBase + i * kPmdSize, static_cast<u8>(i + 1));
    m.system->thp.mode = kernel::ThpMode::kAlways;
    u64 pages = 2 * kHpagePmdNr;
    const u64 next = kernel::khugepaged_scan_mm(*m.system, m.mm, 0, pages).address;
    CHECK(next == kBase + 2 * kPmdSize);
    CHECK(m.mm.huge_pmds == 2);
    pages = 16 * kHpagePmdNr;
    CHECK(kernel::khugepaged_scan_mm(*m.system, m.mm, next, pages).address == 0);
    CHECK(m.mm.huge_pmds == 4);
    for (u64 i = 0; i < 4; ++i) CHECK(m.value(kBase + i * kPmdSize) == static_cast<int>(i + 1));
    m.validate();
}

TEST_CASE("THP: a copied address space shares huge pages until one side writes") {
    ThpMachine m;
    m.mmap(kBase, kPmdSize, kRead | kWrite, kHere);
    for (u64 i = 0; i < kHpagePmdNr; ++i) m.store(kBase + i * kPage, static_cast<u8>(i));
    kernel::MmStruct child = *kernel::mm_alloc(*m.system);
    const kernel::VmAreaStruct& vma = child.mm_mt.insert(*m.mm.find_vma(kBase));
    const u64 free = m.frames_free();
    REQUIRE(kernel::copy_huge_pmds(*m.system, child, m.mm, vma));
    kernel::flush_tlb_mm(*m.system, m.mm);
    CHECK(free - m.frames_free() == 3);  // two tables on the way, one set aside
    CHECK(child.rss_stat[kernel::MM_ANONPAGES] == kHpagePmdNr);
    CHECK(m.store(kBase + 7 * kPage, 99));
    CHECK_FALSE(m.is_huge(kBase));
    CHECK(child.huge_pmds == 1);
    kernel::switch_mm(*m.system, child);
    std::swap(m.mm, child);
    CHECK(m.value(kBase + 7 * kPage) == 7);
    CHECK(m.store(kBase + 8 * kPage, 88));
    CHECK(m.value(kBase + 9 * kPage) == 9);
    std::swap(m.mm, child);
    kernel::switch_mm(*m.system, m.mm);
    CHECK(m.value(kBase + 7 * kPage) == 99);
    CHECK(m.value(kBase + 8 * kPage) == 8);
    kernel::validate_mm(*m.system, m.mm, kernel::Validate::kRecount);
    child.total_vm = child.data_vm = kHpagePmdNr;
    kernel::exit_mmap(*m.system, child);
    kernel::mm_drop(*m.system, child);
    CHECK(m.value(kBase + 8 * kPage) == 8);
    m.validate();
}

TEST_CASE("THP: random calls leave the bytes that small pages leave") {
    for (u64 seed = 1; seed <= 12; ++seed) {
        ThpMachine with, without(kernel::ThpMode::kNever);
        mmu::Rng rng(seed);
        constexpr u64 kPages = 4 * kHpagePmdNr;
        for (ThpMachine* m : {&with, &without}) m->mmap(kBase, kPages * kPage, kRead | kWrite, kHere);
        for (unsigned step = 0; step < 120; ++step) {
            const bool whole = rng.below(3) == 0;
            const u64 first = whole ? rng.below(4) * kHpagePmdNr : rng.below(kPages - 1);
            const u64 count = whole ? kHpagePmdNr : 1 + rng.below(std::min<u64>(kPages - first, 40));
            const u64 at = kBase + first * kPage, len = count * kPage;
            const u64 what = rng.below(12), rights = rng.below(4);
            const u64 to =
                kBase + (8 + rng.below(4) * 2) * kPmdSize + (rng.below(2) ? 0 : first % 512 * kPage);
            const u8 value = static_cast<u8>(rng.next());
            i64 results[2];
            for (int n = 0; n < 2; ++n) {
                ThpMachine& m = n ? without : with;
                switch (what) {
                    case 0:
                        results[n] = m.munmap(at, len);
                        break;
                    case 1:
                        results[n] = m.mprotect(at, len, rights == 3 ? kRead | kWrite : rights);
                        break;
                    case 2:
                        results[n] = m.madvise(at, len, rights ? kDontneed : kFree);
                        break;
                    case 3:
                        results[n] = m.mmap(at, len, kRead | kWrite, kHere);
                        break;
                    case 4:
                        results[n] = m.mremap(at, len, len, 3, to);
                        break;
                    case 5:
                        results[n] = m.madvise(at, len, rights & 1 ? kHugepage : kNohugepage);
                        break;
                    case 6:
                        m.madvise(at, len, kCollapse);
                        results[n] = 0;
                        break;
                    default:
                        results[n] = 0;
                        for (u64 i = 0; i < count; i += 7)
                            results[n] += m.store(at + i * kPage + 8, static_cast<u8>(value + i));
                }
                m.validate();
            }
            INFO("seed " << seed << ", step " << step << ", call " << what);
            if (what != 5) REQUIRE(results[0] == results[1]);
        }
        for (u64 at = kBase; at < kBase + 16 * kPmdSize; at += kPage)
            REQUIRE(with.value(at + 8) == without.value(at + 8));
        CHECK(with.system->thp.stats.fault_alloc > 0);
    }
}
