// Every frame allocation of a run is made to fail once: what is asked for then fails as on Linux, and all
// that must always hold of memory still does.
#include "kernel/dup_mm.h"
#include "kernel/hugetlb.h"
#include "tests/kernel/mm_fixture.h"

using kernel::InjectSite;
using mm_test::FakeFile;
using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kMadvHugepage;
using mm_test::kPage;
using mm_test::kPopulate;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::kShared;
using mm_test::kWrite;
using mm_test::Machine;
using mmu::Access;
using mmu::u64;
using mmu::u8;

namespace {

constexpr u64 kBase = 0x10000000, kPmd = 2u << 20;

/// One of everything that allocates: faults of each kind, fork and its copies, moves, huge pages, files.
/// Whatever fails is passed over, as a program would that does not look at errors.
void use_memory(Machine& m, FakeFile& file) {
    auto view = file.open(true);
    m.mmap(kBase, 8 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    for (u64 i = 0; i < 8; ++i) (void)(i % 2 ? m.store(kBase + i * kPage) : m.load(kBase + i * kPage));
    m.mmap(kBase + kPmd, 4 * kPage, kRead | kWrite, kShared | kAnon | kFixed);
    for (u64 i = 0; i < 4; ++i) (void)m.store(kBase + kPmd + i * kPage);
    m.mmap(kBase + 2 * kPmd, 4 * kPage, kRead | kWrite, kPrivate | kFixed, &view);
    (void)m.load(kBase + 2 * kPmd);
    (void)m.store(kBase + 2 * kPmd + kPage);
    auto again = file.open(true);
    m.mmap(kBase + 3 * kPmd, 4 * kPage, kRead | kWrite, kShared | kFixed, &again);
    (void)m.store(kBase + 3 * kPmd);
    m.mmap(kBase + 4 * kPmd, kPmd, kRead | kWrite, kPrivate | kAnon | kFixed);
    m.madvise(kBase + 4 * kPmd, kPmd, kMadvHugepage);
    (void)m.store(kBase + 4 * kPmd);
    m.munmap(kBase + 4 * kPmd + 5 * kPage, kPage);  // splits it
    m.mmap(kBase + 8 * kPmd, kPmd, kRead | kWrite, kPrivate | kAnon | kFixed | 0x40000);
    (void)m.store(kBase + 8 * kPmd);
    m.mmap(u64{1} << 40, 2 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed | kPopulate);
    m.mremap(kBase, 8 * kPage, 8 * kPage, 3, u64{2} << 40);  // to tables that are not there
    if (auto child = kernel::mm_alloc(*m.system)) {
        m.others.push_back(&*child);
        (void)kernel::dup_mmap(*m.system, *child, m.mm);
        m.validate();
        (void)m.store((u64{2} << 40) + kPage);
        (void)m.store(kBase + 8 * kPmd);
        kernel::exit_mmap(*m.system, *child);
        kernel::mm_drop(*m.system, *child);
        m.others.clear();
    }
    m.brk(m.mm.start_brk + 3 * kPage);
    (void)m.store(m.mm.start_brk);
}

/// Runs it with the N-th visit of `site` failing. False: there is no N-th visit.
bool run_with(InjectSite site, u64 number) {
    FakeFile file;
    file.bytes.resize(16 * kPage, 5);
    Machine m;
    m.system->thp.mode = kernel::ThpMode::kMadvise;
    kernel::set_max_huge_pages(*m.system, m.system->hugetlb.hstates[0], 3);
    m.system->inject.set(site, number, 0);
    use_memory(m, file);
    m.validate();
    kernel::exit_mmap(*m.system, m.mm);  // writes back
    const bool failed = m.system->inject.rule(site).failed;
    kernel::set_max_huge_pages(*m.system, m.system->hugetlb.hstates[0], 0);
    return failed;
}

}  // namespace

TEST_CASE("Injection: each frame allocation of a run may fail; nothing is lost and every count still holds") {
    u64 sites = 0;
    while (run_with(InjectSite::kAlloc, sites + 1)) ++sites;
    CHECK(sites > 50);
}

TEST_CASE("Injection: each read and write of a disk may fail") {
    u64 reads = 0, writes = 0;
    while (run_with(InjectSite::kDiskRead, reads + 1)) ++reads;
    while (run_with(InjectSite::kDiskWrite, writes + 1)) ++writes;
    CHECK(reads >= 1);
    CHECK(writes >= 1);
}

TEST_CASE("Injection: a failed read of a mapped file is SIGBUS, and the next touch reads again") {
    FakeFile file;
    file.bytes.resize(kPage, 7);
    auto view = file.open();
    Machine m;
    m.system->inject.set(InjectSite::kDiskRead, 1, 0);
    const u64 at = static_cast<u64>(m.mmap(0, kPage, kRead, kPrivate, &view));
    CHECK(m.signal_code(at, Access::kLoad) == 100 + 2);
    CHECK(m.value(at) == 7);
}

TEST_CASE("Injection: a failed write-back is EIO, and the page stays dirty for the next") {
    FakeFile file;
    file.bytes.resize(kPage);
    auto view = file.open(true);
    Machine m;
    const u64 at = static_cast<u64>(m.mmap(0, kPage, kRead | kWrite, kShared, &view));
    CHECK(m.store(at, 9));
    m.system->inject.set(InjectSite::kDiskWrite, 1, 0);
    CHECK(kernel::sys_msync(*m.system, m.mm, at, kPage, 4) == -EIO);
    CHECK(file.bytes[0] == 0);
    CHECK(kernel::sys_msync(*m.system, m.mm, at, kPage, 4) == 0);
    CHECK(file.bytes[0] == 9);
}

TEST_CASE("Injection: without a swap slot a page stays where it is") {
    Machine m(4u << 20);
    m.system->swap.enable(8u << 20);
    m.system->inject.set(InjectSite::kSwap, 0, 3);  // every third slot
    const u64 pages = 1200;
    for (u64 at = 0; at < pages; at += 400)
        REQUIRE(m.mmap(kBase + at * kPage, 400 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.store(kBase + i * kPage, static_cast<u8>(i)));
    CHECK(m.system->inject.rule(InjectSite::kSwap).failed > 10);
    m.validate();
    for (u64 i = 0; i < pages; ++i) REQUIRE(m.value(kBase + i * kPage) == static_cast<u8>(i));
    m.validate();
}

TEST_CASE("Injection: a forgotten flush is found, and its page named") {
    Machine m;
    const u64 at = static_cast<u64>(m.mmap(0, 4 * kPage));
    for (u64 i = 0; i < 4; ++i) CHECK(m.store(at + i * kPage));
    m.system->inject.set(InjectSite::kFlush, 2, 0);
    CHECK(kernel::sys_mprotect(*m.system, m.mm, at, kPage, kRead) == 0);
    CHECK(!kernel::find_stale_translation(*m.system, m.mm));
    CHECK(kernel::sys_mprotect(*m.system, m.mm, at + 2 * kPage, kPage, kRead) == 0);
    const auto stale = kernel::find_stale_translation(*m.system, m.mm);
    REQUIRE(stale);
    CHECK(stale->find("missing: invlpg") != std::string::npos);
    kernel::flush_tlb_mm(*m.system, m.mm);
}

TEST_CASE("Injector: SITE:N and SITE:every:N, and nothing else") {
    kernel::Injector inject;
    CHECK(!inject.parse("alloc"));
    CHECK(!inject.parse("alloc:"));
    CHECK(!inject.parse("alloc:0"));
    CHECK(!inject.parse("alloc:-1"));
    CHECK(!inject.parse("allocs:1"));
    CHECK(!inject.armed());
    CHECK(inject.parse("alloc:2"));
    CHECK(inject.parse("disk-read:every:3"));
    CHECK(!inject.fails(InjectSite::kAlloc));
    CHECK(inject.fails(InjectSite::kAlloc));
    CHECK(!inject.fails(InjectSite::kAlloc));
    unsigned failures = 0;
    for (int i = 0; i < 9; ++i) failures += inject.fails(InjectSite::kDiskRead);
    CHECK(failures == 3);
}
