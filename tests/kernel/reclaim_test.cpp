// Reclaim and swap: what goes, what comes back, and that nothing is lost on the way. Each test ends with all
// counts recounted from the page tables.
#include "kernel/vmscan.h"
#include "tests/kernel/mm_fixture.h"

using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kMadvCold;
using mm_test::kMadvFree;
using mm_test::kMadvPageout;
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

/// 4 MiB of RAM (3 MiB for users), some swap.
struct Small : Machine {
    explicit Small(u64 swap = 16u << 20) : Machine(4u << 20) {
        if (swap) system->swap.enable(swap);
    }
    /// Memory in pieces that heuristic overcommit lets pass, however little RAM there is.
    void map(u64 base, u64 pages) {
        for (u64 at = 0; at < pages; at += 500)
            REQUIRE(mmap(base + at * kPage, std::min<u64>(500, pages - at) * kPage, kRead | kWrite,
                         kPrivate | kAnon | kFixed) > 0);
    }
    u64 rss() const { return mm.rss_pages(); }
    u64 swapped() const { return mm.rss_stat[kernel::MM_SWAPENTS]; }
};

}  // namespace

TEST_CASE("Reclaim: a working set of twice the RAM is written and read back, page for page") {
    Small m;
    const u64 pages = 1500;
    m.map(kBase, pages);
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.store(kBase + i * kPage + i % 4096, static_cast<u8>(i)));
    m.validate();
    CHECK(m.rss() + m.swapped() == pages);
    CHECK(m.swapped() > 700);
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.value(kBase + i * kPage + i % 4096) == static_cast<u8>(i));
    CHECK(m.system->reclaim.pswpin > 700);
    CHECK(m.major() + m.system->reclaim.swap_ra == m.system->reclaim.pswpin);
    CHECK(m.frames_free() >= m.system->watermarks.min);
    m.validate();
    m.munmap(kBase, pages * kPage);
    CHECK(m.system->swap.used() == 0);
    CHECK(m.swapped() == 0);
}

TEST_CASE("Reclaim: pages that are used again and again stay, those that are not go") {
    Small m;
    m.map(kBase, 2000);
    for (u64 i = 0; i < 2000; ++i) {
        REQUIRE(m.store(kBase + i * kPage));
        for (u64 hot = 0; hot < 8; ++hot) REQUIRE(m.load(kBase + hot * kPage));
    }
    unsigned resident = 0;
    for (u64 hot = 0; hot < 8; ++hot) resident += m.pte(kBase + hot * kPage).present();
    CHECK(resident == 8);
    CHECK_FALSE(m.pte(kBase + 100 * kPage).present());
    m.validate();
}

TEST_CASE("Reclaim: without swap anonymous memory stays and the system runs out of memory") {
    Small m(0);
    m.map(kBase, 2000);
    u64 i = 0;
    while (i < 2000 && m.store(kBase + i * kPage)) ++i;
    CHECK(i > 600);
    CHECK(i < 768);
    CHECK(m.outcome.kind == kernel::FaultOutcome::Kind::kOom);
    m.validate();
}

TEST_CASE("Reclaim: swap runs full, then memory is out") {
    Small m(100 * kPage);
    m.map(kBase, 2000);
    u64 i = 0;
    while (i < 2000 && m.store(kBase + i * kPage)) ++i;
    CHECK(m.outcome.kind == kernel::FaultOutcome::Kind::kOom);
    CHECK(m.system->swap.free() == 0);
    CHECK(m.swapped() == 100);
    m.validate();
}

TEST_CASE("Reclaim: locked memory is never swapped out") {
    Small m;
    m.map(kBase, 64);
    REQUIRE(kernel::sys_mlock2(*m.system, m.mm, kBase, 64 * kPage, 0) == 0);
    m.map(kBase * 2, 1500);
    for (u64 i = 0; i < 1500; ++i) REQUIRE(m.store(kBase * 2 + i * kPage));
    for (u64 i = 0; i < 64; ++i) CHECK(m.pte(kBase + i * kPage).present());
    m.validate();
}

TEST_CASE("Reclaim: clean pages of files go first, and come back by a read of the file") {
    Small m;
    mm_test::FakeFile file;
    file.bytes.assign(400 * kPage, 7);
    auto open = file.open();
    REQUIRE(m.mmap(kBase, 400 * kPage, kRead, kShared | kFixed, &open) > 0);
    for (u64 i = 0; i < 400; ++i) REQUIRE(m.value(kBase + i * kPage) == 7);
    m.map(kBase * 2, 500);
    for (u64 i = 0; i < 500; ++i) REQUIRE(m.store(kBase * 2 + i * kPage));
    CHECK(m.mm.rss_stat[kernel::MM_FILEPAGES] < 300);
    CHECK(m.swapped() < 200);
    for (u64 i = 0; i < 400; ++i) REQUIRE(m.value(kBase + i * kPage) == 7);
    m.validate();
}

TEST_CASE("Reclaim: a dirty page of a shared file is written to it before it goes") {
    Small m;
    mm_test::FakeFile file;
    file.bytes.assign(300 * kPage, 0);
    auto open = file.open(true);
    REQUIRE(m.mmap(kBase, 300 * kPage, kRead | kWrite, kShared | kFixed, &open) > 0);
    for (u64 i = 0; i < 300; ++i) REQUIRE(m.store(kBase + i * kPage, 9));
    m.map(kBase * 2, 1000);
    for (u64 i = 0; i < 1000; ++i) REQUIRE(m.store(kBase * 2 + i * kPage));
    unsigned written = 0;
    for (u64 i = 0; i < 300; ++i) written += file.bytes[i * kPage] == 9;
    CHECK(written > 100);
    for (u64 i = 0; i < 300; ++i) REQUIRE(m.value(kBase + i * kPage) == 9);
    m.validate();
}

TEST_CASE(
    "Swap: MADV_PAGEOUT swaps out now; a read brings a read-only copy back, a write makes it one's own") {
    Small m;
    m.system->swap.page_cluster = 0;  // no readahead
    m.map(kBase, 4);
    for (u64 i = 0; i < 4; ++i) m.store(kBase + i * kPage, static_cast<u8>(40 + i));
    CHECK(m.madvise(kBase, 4 * kPage, kMadvPageout) == 0);
    CHECK(m.swapped() == 4);
    CHECK(m.rss() == 0);
    CHECK(m.system->swap.used() == 4);
    CHECK_FALSE(m.pte(kBase).present());
    const u64 minor = m.minor();
    CHECK(m.value(kBase) == 40);
    CHECK(m.major() == 1);
    CHECK_FALSE(m.pte(kBase).writable());
    CHECK(m.system->swap.used() == 4);  // its copy in swap is still good
    CHECK(m.store(kBase, 50));
    CHECK(m.minor() == minor + 1);
    CHECK(m.store(kBase + kPage, 51));
    CHECK(m.major() == 2);
    CHECK(m.pte(kBase + kPage).writable());
    CHECK(m.system->swap.used() == 2);
    CHECK(m.value(kBase) == 50);
    CHECK(m.value(kBase + kPage) == 51);
    CHECK(m.value(kBase + 2 * kPage) == 42);
    m.validate();
}

TEST_CASE("Swap: a page that went back unchanged is dropped without being written again") {
    Small m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    m.store(kBase, 5);
    m.madvise(kBase, kPage, kMadvPageout);
    CHECK(m.system->reclaim.pswpout == 1);
    CHECK(m.value(kBase) == 5);
    m.madvise(kBase, kPage, kMadvPageout);
    CHECK(m.system->reclaim.pswpout == 1);
    CHECK(m.value(kBase) == 5);
    CHECK(m.system->reclaim.pswpin == 2);
}

TEST_CASE("Swap: mprotect, mremap and munmap leave, move and free what is swapped out") {
    Small m;
    m.map(kBase, 4);
    for (u64 i = 0; i < 4; ++i) m.store(kBase + i * kPage, static_cast<u8>(60 + i));
    m.madvise(kBase, 4 * kPage, kMadvPageout);
    CHECK(m.mprotect(kBase, kPage, kRead) == 0);
    CHECK(m.signal_code(kBase, Access::kStore) == SEGV_ACCERR);
    CHECK(m.value(kBase) == 60);
    CHECK(m.mremap(kBase + kPage, 2 * kPage, 2 * kPage, 3, kBase * 2) == static_cast<mmu::i64>(kBase * 2));
    CHECK(m.value(kBase * 2 + kPage) == 62);
    CHECK(m.munmap(kBase + 3 * kPage, kPage) == 0);
    CHECK(m.swapped() == 1);
    m.validate();
}

TEST_CASE("MADV_FREE: clean pages are dropped under pressure, written ones stay") {
    Small m;
    m.map(kBase, 200);
    for (u64 i = 0; i < 200; ++i) m.store(kBase + i * kPage, 3);
    CHECK(m.madvise(kBase, 200 * kPage, kMadvFree) == 0);
    CHECK(m.value(kBase) == 3);  // not yet
    for (u64 i = 100; i < 200; ++i) m.store(kBase + i * kPage, 4);
    m.map(kBase * 2, 1000);
    for (u64 i = 0; i < 1000; ++i) REQUIRE(m.store(kBase * 2 + i * kPage));
    unsigned dropped = 0;
    for (u64 i = 0; i < 100; ++i) dropped += m.value(kBase + i * kPage) == 0;
    CHECK(dropped > 90);
    for (u64 i = 100; i < 200; ++i) CHECK(m.value(kBase + i * kPage) == 4);
    m.validate();
}

TEST_CASE("MADV_COLD: what is cold goes before what is not") {
    Small m;
    m.map(kBase, 100);
    for (u64 i = 0; i < 100; ++i) m.store(kBase + i * kPage, 3);
    CHECK(m.madvise(kBase, 50 * kPage, kMadvCold) == 0);
    CHECK_FALSE(m.pte(kBase).accessed());
    CHECK(m.pte(kBase + 60 * kPage).accessed());
    CHECK(m.value(kBase) == 3);
    m.validate();
}

TEST_CASE(
    "Overcommit: the heuristic refuses what is more than RAM and swap, 1 nothing, 2 more than half of RAM") {
    Small m(8u << 20);
    CHECK(m.mmap(0, 13u << 20) == -ENOMEM);
    CHECK(m.mmap(0, 12u << 20) > 0);
    m.system->overcommit = kernel::Overcommit::kAlways;
    CHECK(m.mmap(0, u64{1} << 40) > 0);
    Small strict(0);
    strict.system->overcommit = kernel::Overcommit::kNever;
    CHECK(strict.mmap(0, 2u << 20) == -ENOMEM);
    CHECK(strict.mmap(0, 1u << 20) > 0);
    CHECK(strict.mmap(0, 1u << 20) == -ENOMEM);
    CHECK(strict.mmap(0, 1u << 20, kRead) > 0);  // what cannot be written costs nothing
}

TEST_CASE("Watermarks: min is the square root that Linux takes, low and high a quarter and a half above") {
    const auto gib = kernel::setup_per_zone_wmarks(u64{1} << 18);
    CHECK(gib.min == 1024);  // sqrt(1 GiB in kB * 16) kB
    CHECK(gib.low == 1280);
    CHECK(gib.high == 1536);
    CHECK(kernel::setup_per_zone_wmarks(256).min == 32);
}
