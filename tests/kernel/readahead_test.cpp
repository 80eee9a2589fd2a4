// Readahead of mapped files: which faults read, and how much. Linux: mm/readahead.c, mm/filemap.c.
#include "tests/kernel/mm_fixture.h"

using mm_test::FakeFile;
using mm_test::kPage;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::Machine;
using mmu::u64;

namespace {

constexpr int kMadvNormal = 0, kMadvRandom = 1, kMadvSequential = 2, kMadvWillneed = 3;

/// A mapped file of `pages` pages.
struct Mapped : Machine {
    explicit Mapped(u64 pages) {
        file.bytes.resize(pages * kPage, 3);
        auto view = file.open();
        base = static_cast<u64>(mmap(0, pages * kPage, kRead, kPrivate, &view));
    }
    bool cached(u64 index) {
        const auto& vma = *mm.find_vma(base);
        return system->page_cache.mapping_of(vma.vm_file).find(index) != 0;
    }
    u64 cached_pages() { return system->page_cache.cached_pages(); }
    FakeFile file;
    u64 base = 0;
};

}  // namespace

TEST_CASE("Readahead: a miss reads the 32 pages around it; the next major fault is behind them") {
    Mapped m(200);
    CHECK(m.load(m.base + 100 * kPage));
    CHECK(m.major() == 1);
    CHECK(m.cached_pages() == 32);
    CHECK(m.cached(84));
    CHECK(m.cached(115));
    CHECK(!m.cached(116));
    CHECK(m.load(m.base + 90 * kPage));
    CHECK(m.major() == 1);
    CHECK(m.load(m.base + 83 * kPage));
    CHECK(m.major() == 2);
}

TEST_CASE("Readahead: the mark a quarter before the end has the next window read without a major fault") {
    Mapped m(400);
    CHECK(m.load(m.base));  // 0 to 31, mark at 24
    CHECK(m.cached_pages() == 32);
    for (u64 i = 0; i < 24; ++i) CHECK(m.load(m.base + i * kPage));
    CHECK(m.cached_pages() == 32);
    CHECK(m.load(m.base + 24 * kPage));
    CHECK(m.cached_pages() == 64);
    for (u64 i = 0; i < 400; ++i) CHECK(m.load(m.base + i * kPage));
    CHECK(m.major() == 1);  // all the rest came in time
    CHECK(m.cached_pages() == 400);
}

TEST_CASE("Readahead: MADV_RANDOM reads one page, MADV_SEQUENTIAL the window ahead") {
    Mapped m(200);
    CHECK(m.madvise(m.base, 200 * kPage, kMadvRandom) == 0);
    CHECK(m.load(m.base + 50 * kPage));
    CHECK(m.cached_pages() == 1);
    CHECK(m.load(m.base + 51 * kPage));
    CHECK(m.major() == 2);
    CHECK(m.madvise(m.base, 200 * kPage, kMadvSequential) == 0);
    CHECK(m.load(m.base + 100 * kPage));
    CHECK(m.cached(131));
    CHECK(!m.cached(99));
    CHECK(!m.cached(132));
    CHECK(m.madvise(m.base, 200 * kPage, kMadvNormal) == 0);
}

TEST_CASE("Readahead: MADV_WILLNEED reads a window, so that the touch is a minor fault") {
    Mapped m(200);
    CHECK(m.madvise(m.base + 64 * kPage, 16 * kPage, kMadvWillneed) == 0);
    CHECK(m.cached_pages() == 16);
    CHECK(m.load(m.base + 70 * kPage));
    CHECK(m.major() == 0);
    CHECK(m.minor() == 1);
}

TEST_CASE("Readahead: no window and no fault-around is one major fault a page") {
    Mapped m(20);
    m.system->ra_pages = 0;
    m.system->fault_around_pages = 1;
    for (u64 i = 0; i < 20; ++i) CHECK(m.load(m.base + i * kPage));
    CHECK(m.major() == 20);
}

TEST_CASE("Readahead: who misses a hundred times in a row is read no more than he asks for") {
    Mapped m(8000);
    m.system->fault_around_pages = 1;
    for (u64 i = 0; i < 100; ++i) CHECK(m.load(m.base + i * 64 * kPage));
    const u64 before = m.cached_pages();
    CHECK(m.load(m.base + 7000 * kPage));
    CHECK(m.cached_pages() == before + 1);
}

TEST_CASE("Readahead: posix_fadvise doubles the window or takes it away, by open file") {
    Mapped m(400);
    const auto& file = m.system->page_cache.file(m.mm.find_vma(m.base)->vm_file);
    m.system->page_cache.advise(file.description, kernel::FileAdvice::kSequential);
    CHECK(m.load(m.base + 200 * kPage));
    CHECK(m.cached_pages() == 64);
}
