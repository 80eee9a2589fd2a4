#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {

constexpr u64 kBase = 0x10000000;
constexpr u64 kRw = kRead | kWrite;

FakeFile file_of(u64 bytes) {
    FakeFile file;
    for (u64 i = 0; i < bytes; ++i) file.bytes.push_back(static_cast<u8>(i / kPage + 1));
    return file;
}

void map(Machine& m, FakeFile& file, u64 pages, u64 prot, u64 flags, u64 first = 0, u64 at = kBase) {
    auto open = file.open(true);
    REQUIRE(m.mmap(at, pages * kPage, prot, flags | kFixed, &open, first * kPage) == i64(at));
}

}  // namespace

TEST_CASE(
    "File: the first touch is major and reads a window, its neighbours are minor and mapped 16 at a time") {
    Machine m;
    FakeFile file = file_of(100 * kPage);
    map(m, file, 100, kRead, kPrivate);
    CHECK(m.value(kBase + 40 * kPage) == 41);
    CHECK(m.major() == 1);
    CHECK(file.reads == 1);
    CHECK(m.system->page_cache.cached_pages() == 32);  // pages 24 to 55
    CHECK(m.mm.rss_stat[kernel::MM_FILEPAGES] == 1);
    CHECK(m.value(kBase + 41 * kPage) == 42);
    CHECK(m.minor() == 1);
    CHECK(m.mm.rss_stat[kernel::MM_FILEPAGES] == 16);  // 32 to 47
    for (u64 page = 32; page < 48; ++page) CHECK(m.value(kBase + page * kPage) == int(page + 1));
    CHECK(m.minor() == 1);
    CHECK(m.value(kBase + 56 * kPage) == 57);
    CHECK(m.major() == 2);
    m.validate();
}

TEST_CASE("File: MADV_RANDOM reads one page, MADV_SEQUENTIAL ahead only") {
    Machine m;
    FakeFile file = file_of(100 * kPage);
    map(m, file, 100, kRead, kPrivate);
    m.madvise(kBase, 100 * kPage, kMadvRandom);
    m.load(kBase + 40 * kPage);
    CHECK(m.system->page_cache.cached_pages() == 1);
    m.madvise(kBase, 100 * kPage, kMadvSequential);
    m.load(kBase + 50 * kPage);
    CHECK(m.system->page_cache.cached_pages() == 33);
}

TEST_CASE("File: the tail of the last page reads zero, a page beyond the end is SIGBUS") {
    Machine m;
    FakeFile file = file_of(kPage + 10);
    map(m, file, 4, kRw, kShared);
    CHECK(m.value(kBase + kPage + 9) == 2);
    CHECK(m.value(kBase + kPage + 10) == 0);
    CHECK(m.store(kBase + kPage + 100, 7));
    CHECK(m.signal_code(kBase + 2 * kPage, Access::kLoad) == 100 + BUS_ADRERR);
    CHECK(m.outcome.address == kBase + 2 * kPage);
    CHECK(m.mm.pgtables_bytes == 3 * kPage);
    m.munmap(kBase, 4 * kPage);
    CHECK(file.bytes.size() == kPage + 10);
}

TEST_CASE("File: an I/O error is SIGBUS") {
    Machine m;
    FakeFile file = file_of(kPage);
    file.fails = true;
    map(m, file, 1, kRead, kPrivate);
    CHECK(m.signal_code(kBase, Access::kLoad) == 100 + BUS_ADRERR);
    CHECK(m.system->page_cache.cached_pages() == 0);
}

TEST_CASE("File: writes to a private mapping never reach the file, and are copied once") {
    Machine m;
    FakeFile file = file_of(2 * kPage);
    map(m, file, 2, kRw, kPrivate);
    CHECK(m.store(kBase, 99));  // do_cow_fault
    CHECK(m.system->faults.file_cow == 1);
    CHECK(m.value(kBase + kPage) == 2);
    CHECK(m.store(kBase + kPage, 98));  // read first: do_wp_page
    CHECK(m.system->faults.cow_copy == 1);
    CHECK(m.mm.rss_stat[kernel::MM_ANONPAGES] == 2);
    CHECK(m.mm.rss_stat[kernel::MM_FILEPAGES] == 0);
    CHECK(file.bytes[0] == 1);
    m.validate();
    map(m, file, 2, kRead, kPrivate, 0, kBase + 16 * kPage);
    CHECK(m.value(kBase + 16 * kPage) == 1);
}

TEST_CASE("File: a shared mapping is written back by msync, by munmap, and before a read of the file") {
    Machine m;
    FakeFile file = file_of(3 * kPage);
    map(m, file, 3, kRw, kShared);
    CHECK(m.value(kBase) == 1);
    const u64 before = m.minor();
    CHECK(m.store(kBase, 50));  // the first write to a clean page is noticed
    CHECK(m.minor() == before + 1);
    CHECK(m.store(kBase + 1, 51));
    CHECK(m.minor() == before + 1);
    CHECK(file.bytes[0] == 1);
    CHECK(kernel::sys_msync(*m.system, m.mm, kBase, kPage, 4) == 0);
    CHECK(file.bytes[0] == 50);
    m.store(kBase, 60);
    m.system->page_cache.before_io(*m.system, {1, file.ino});
    CHECK(file.bytes[0] == 60);
    m.store(kBase, 61);
    m.system->page_cache.writeback_all(*m.system);
    CHECK(file.bytes[0] == 61);
    m.store(kBase + 2 * kPage, 70);
    m.munmap(kBase, 3 * kPage);
    CHECK(file.bytes[2 * kPage] == 70);
}

TEST_CASE("File: write() is seen at once by a mapping") {
    Machine m;
    FakeFile file = file_of(2 * kPage);
    map(m, file, 2, kRead, kShared);
    CHECK(m.value(kBase + kPage) == 2);
    file.bytes[kPage] = 200;
    m.system->page_cache.after_write(*m.system, {1, file.ino}, kPage, 1);
    CHECK(m.value(kBase + kPage) == 200);
}

TEST_CASE("File: truncation takes pages away, private copies too") {
    Machine m;
    FakeFile file = file_of(3 * kPage);
    map(m, file, 3, kRw, kPrivate);
    m.store(kBase + kPage, 9);
    m.load(kBase);
    file.bytes.resize(kPage);
    kernel::truncate_pagecache(*m.system, m.mm, {1, file.ino}, kPage);
    CHECK(m.value(kBase) == 1);
    CHECK(m.signal_code(kBase + kPage, Access::kLoad) == 100 + BUS_ADRERR);
    file.bytes.resize(2 * kPage);
    CHECK(m.value(kBase + kPage) == 0);
    m.validate();
}

TEST_CASE("File: what lies beyond a new end in the last page reads zero") {
    Machine m;
    FakeFile file = file_of(2 * kPage);
    map(m, file, 2, kRead, kShared);
    CHECK(m.value(kBase + 100) == 1);
    file.bytes.resize(50);
    kernel::truncate_pagecache(*m.system, m.mm, {1, file.ino}, 50);
    CHECK(m.value(kBase + 49) == 1);
    CHECK(m.value(kBase + 100) == 0);
}

TEST_CASE("File: all mappings of a file share one frame, and the cache outlives them") {
    Machine m;
    FakeFile file = file_of(kPage);
    map(m, file, 1, kRead, kPrivate);
    map(m, file, 1, kRead, kShared, 0, kBase + 16 * kPage);
    m.load(kBase);
    m.load(kBase + 16 * kPage);
    CHECK(m.pte(kBase).pfn() == m.pte(kBase + 16 * kPage).pfn());
    m.munmap(kBase, 32 * kPage);
    CHECK(m.system->page_cache.cached_pages() == 1);
    map(m, file, 1, kRead, kPrivate);
    m.load(kBase);
    CHECK(m.major() == 1);
}

TEST_CASE("File: cached pages that nobody maps are given up before memory runs out") {
    Machine m(4u << 20);
    FakeFile file = file_of(400 * kPage);
    map(m, file, 400, kRead, kPrivate);
    for (u64 i = 0; i < 400; i += 16) m.load(kBase + i * kPage);
    m.munmap(kBase, 400 * kPage);
    const u64 cached = m.system->page_cache.cached_pages();
    CHECK(cached >= 380);
    const u64 target = m.frames_free() + cached / 2;
    m.mmap(kBase, target * kPage, kRw, kPrivate | kAnon | kFixed | kNoreserve);
    for (u64 i = 0; i < target; ++i) REQUIRE(m.store(kBase + i * kPage));
    CHECK(m.system->page_cache.cached_pages() < cached);
}

TEST_CASE("File: mincore tells what is cached, and what is mapped") {
    Machine m;
    FakeFile file = file_of(40 * kPage);
    map(m, file, 40, kRead, kPrivate);
    m.mmap(2 * kBase, kPage, kRw, kPrivate | kAnon | kFixed);
    m.load(kBase);
    CHECK(kernel::sys_mincore(*m.system, m.mm, kBase, 40 * kPage, 2 * kBase) == 0);
    CHECK(m.value(2 * kBase + 31) == 1);
    CHECK(m.value(2 * kBase + 32) == 0);
    CHECK(kernel::sys_mincore(*m.system, m.mm, kBase + 1, kPage, 2 * kBase) == -EINVAL);
    CHECK(kernel::sys_mincore(*m.system, m.mm, kBase, kPage, 8) == -EFAULT);
    CHECK(kernel::sys_mincore(*m.system, m.mm, kBase, 41 * kPage, 2 * kBase) == -ENOMEM);
    CHECK(kernel::sys_mincore(*m.system, m.mm, kBase, 0, 2 * kBase) == 0);
}

TEST_CASE("File: /dev/zero mapped privately is anonymous memory") {
    Machine m;
    kernel::MmapFile zero;
    zero.dev_zero = zero.readable = zero.writable = true;
    REQUIRE(m.mmap(kBase, kPage, kRw, kPrivate | kFixed, &zero) == i64(kBase));
    CHECK(m.store(kBase));
    CHECK(m.system->faults.anonymous == 1);
}
