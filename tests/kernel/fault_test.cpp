#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {
constexpr u64 kBase = 0x10000000;
}

TEST_CASE("Fault: a read of untouched memory maps the zero page, the first write after it a frame") {
    Machine m;
    REQUIRE(m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed) == i64(kBase));
    CHECK(m.value(kBase + 5) == 0);
    CHECK(m.minor() == 1);
    CHECK(m.system->faults.anonymous_zero == 1);
    CHECK(m.pte(kBase).special());
    CHECK(m.mm.rss_pages() == 0);
    CHECK(m.store(kBase + 7, 42));
    CHECK(m.minor() == 2);
    CHECK(m.system->faults.cow_copy == 1);
    CHECK(m.mm.rss_stat[kernel::MM_ANONPAGES] == 1);
    CHECK(m.value(kBase + 7) == 42);
    CHECK(m.value(kBase + 8) == 0);
    CHECK(m.minor() == 2);
    m.validate();
}

TEST_CASE("Fault: a write to untouched memory takes one fault and one zeroed frame") {
    Machine m;
    m.mmap(kBase, 3 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    CHECK(m.store(kBase));
    CHECK(m.minor() == 1);
    CHECK(m.system->faults.anonymous == 1);
    CHECK(m.mm.pgtables_bytes == 3 * kPage);
    CHECK(m.pte(kBase).dirty());
    CHECK(m.pte(kBase).writable());
    m.validate();
}

TEST_CASE("Fault: no area is MAPERR, a forbidden access ACCERR, with the error code of the hardware") {
    Machine m;
    m.mmap(kBase, kPage, kRead, kPrivate | kAnon | kFixed);
    CHECK(m.signal_code(kBase - 1, Access::kLoad) == SEGV_MAPERR);
    CHECK(m.outcome.error_code == 4);
    CHECK(m.outcome.cr2 == kBase - 1);
    CHECK(m.outcome.trapno == 14);
    CHECK(m.signal_code(kBase + kPage, Access::kStore) == SEGV_MAPERR);
    CHECK(m.outcome.error_code == 6);
    CHECK(m.signal_code(kBase + kPage, Access::kFetch) == SEGV_MAPERR);
    CHECK(m.outcome.error_code == 0x14);
    CHECK(m.signal_code(kBase + 3, Access::kStore) == SEGV_ACCERR);
    CHECK(m.outcome.error_code == 6);
    CHECK(m.outcome.address == kBase + 3);
    CHECK(m.load(kBase));
    CHECK(m.signal_code(kBase + 3, Access::kStore) == SEGV_ACCERR);
    CHECK(m.outcome.error_code == 7);
    CHECK(m.signal_code(kBase + 3, Access::kFetch) == SEGV_ACCERR);
    CHECK(m.outcome.error_code == 0x15);
    CHECK(m.system->faults.signalled == 6);
}

TEST_CASE("Fault: a kernel address from user mode is MAPERR with P and U forced into the error code") {
    Machine m;
    CHECK(m.signal_code(0xffff800000000000, Access::kLoad) == SEGV_MAPERR);
    CHECK(m.outcome.error_code == 5);
    CHECK(m.signal_code(0x7ffffffff000, Access::kLoad) == SEGV_MAPERR);
    CHECK(m.outcome.error_code == 5);
}

TEST_CASE("Fault: a fetch from memory without PROT_EXEC is ACCERR with the I bit") {
    Machine m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    m.store(kBase);
    CHECK(m.signal_code(kBase, Access::kFetch) == SEGV_ACCERR);
    CHECK(m.outcome.error_code == 0x15);
    m.mprotect(kBase, kPage, kRead | kExec);
    CHECK(m.signal_code(kBase, Access::kFetch) == 0);
}

TEST_CASE("Fault: PROT_NONE forbids everything and keeps the contents") {
    Machine m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    m.store(kBase, 77);
    REQUIRE(m.mprotect(kBase, kPage, kProtNone) == 0);
    CHECK(m.signal_code(kBase, Access::kLoad) == SEGV_ACCERR);
    CHECK(m.outcome.error_code == 4);
    m.validate();
    REQUIRE(m.mprotect(kBase, kPage, kRead) == 0);
    CHECK(m.value(kBase) == 77);
    CHECK(m.minor() == 1);
}

TEST_CASE("Fault: giving an exclusive page its write right back needs no further fault") {
    Machine m;
    m.mmap(kBase, 2 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    m.store(kBase);
    m.load(kBase + kPage);
    const u64 before = m.minor();
    m.mprotect(kBase, 2 * kPage, kRead);
    CHECK(m.signal_code(kBase, Access::kStore) == SEGV_ACCERR);
    m.mprotect(kBase, 2 * kPage, kRead | kWrite);
    CHECK(m.store(kBase, 2));
    CHECK(m.minor() == before);
    CHECK(m.store(kBase + kPage));  // the zero page was nobody's own
    CHECK(m.minor() == before + 1);
}

TEST_CASE("Fault: MAP_POPULATE leaves nothing to fault, and counts as getrusage does") {
    Machine m;
    m.mmap(kBase, 8 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed | kPopulate);
    CHECK(m.system->faults.total == 0);
    CHECK(m.system->faults.populated == 8);
    CHECK(m.minor() == 8);
    for (u64 i = 0; i < 8; ++i) CHECK(m.store(kBase + i * kPage));
    CHECK(m.minor() == 8);
    CHECK(m.mm.rss_pages() == 8);
}

TEST_CASE("Fault: shared anonymous memory is written without copying, and a read maps it writable") {
    Machine m;
    m.mmap(kBase, 4 * kPage, kRead | kWrite, kShared | kAnon | kFixed);
    CHECK(m.value(kBase) == 0);
    CHECK(m.store(kBase, 9));
    CHECK(m.minor() == 1);
    CHECK(m.mm.rss_stat[kernel::MM_SHMEMPAGES] == 1);
    const i64 alias = m.mremap(kBase, 0, 4 * kPage, 1);  // a second view
    REQUIRE(alias > 0);
    CHECK(m.value(u64(alias)) == 9);
    m.validate();
}

TEST_CASE("Fault: five levels of tables work as four do") {
    Machine m(64u << 20, mmu::ControlRegisters::kCr4La57);
    REQUIRE(m.mm.levels == 5);
    const u64 high = u64{1} << 50;
    REQUIRE(m.mmap(high, kPage) == i64(high));
    CHECK(m.store(high, 3));
    CHECK(m.value(high) == 3);
    CHECK(m.mm.pgtables_bytes == 4 * kPage);
    m.validate();
}

TEST_CASE("Fault: when no frame is left the outcome is OOM, and munmap gives all frames back") {
    Machine m(4u << 20);
    const u64 before = m.frames_free();
    m.mmap(kBase, 2u << 20, kRead | kWrite, kPrivate | kAnon | kFixed | kNoreserve);
    m.mmap(kBase + (2u << 20), 3u << 20, kRead | kWrite, kPrivate | kAnon | kFixed | kNoreserve);
    u64 touched = 0;
    while (m.store(kBase + touched * kPage)) ++touched;
    CHECK(m.outcome.kind == FaultOutcome::Kind::kOom);
    CHECK(m.system->out_of_memory);
    CHECK(touched > 700);
    CHECK(m.frames_free() == m.system->watermarks.min);
    m.munmap(kBase, 5u << 20);
    CHECK(m.frames_free() == before);
    m.system->buddy.validate();
}

TEST_CASE("Fault: a stale TLB entry does not outlive munmap, mprotect or copy-on-write") {
    Machine m;
    for (const u64 pages : {u64{1}, u64{33}, u64{34}, u64{100}}) {  // both sides of the single-page ceiling
        m.mmap(kBase, pages * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
        for (u64 i = 0; i < pages; ++i) REQUIRE(m.store(kBase + i * kPage, u8(i)));
        m.mprotect(kBase, pages * kPage, kRead);
        for (u64 i = 0; i < pages; ++i)
            CHECK(m.signal_code(kBase + i * kPage, Access::kStore) == SEGV_ACCERR);
        m.munmap(kBase, pages * kPage);
        for (u64 i = 0; i < pages; ++i) CHECK(m.signal_code(kBase + i * kPage, Access::kLoad) == SEGV_MAPERR);
    }
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    CHECK(m.value(kBase) == 0);  // the zero page is in the TLB now
    m.store(kBase, 5);
    CHECK(m.value(kBase) == 5);
}

TEST_CASE("Fault: with PCIDs a large flush takes this address space's entries and leaves the others'") {
    Machine m(64u << 20, mmu::ControlRegisters::kCr4Pcide);
    auto other = *kernel::mm_alloc(*m.system);
    m.others = {&other};
    kernel::switch_mm(*m.system, m.mm);
    REQUIRE(m.hw().control().pcid() == 1);
    m.mmap(kBase, 100 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    for (u64 i = 0; i < 100; ++i) REQUIRE(m.store(kBase + i * kPage, 3));
    // Taken away while another space is loaded: its generation rises, and coming back flushes.
    kernel::switch_mm(*m.system, other);
    REQUIRE(m.hw().control().pcid() == 2);
    m.munmap(kBase, 100 * kPage);
    kernel::switch_mm(*m.system, m.mm);
    REQUIRE(m.hw().control().pcid() == 1);
    for (u64 i = 0; i < 100; ++i) CHECK(m.signal_code(kBase + i * kPage, Access::kLoad) == SEGV_MAPERR);
    kernel::exit_mmap(*m.system, other);
    kernel::mm_drop(*m.system, other);
}

TEST_CASE("Stack: any address below grows it while the limit and the guard gap allow") {
    Machine m;
    const u64 top = 0x7ffffffff000;
    REQUIRE(kernel::create_stack(*m.system, m.mm, top, false) == 0);
    m.mm.start_stack = top - 16;
    CHECK(m.store(top - 8));
    CHECK(m.store(top - 1000 * kPage));
    CHECK(m.system->faults.stack_growth == 1);
    CHECK(m.mm.stack_vm == 1000);
    CHECK(m.signal_code(top - (8u << 20) - 1, Access::kStore) == SEGV_MAPERR);  // RLIMIT_STACK
    CHECK(m.store(top - (8u << 20)));
    m.validate();
}

TEST_CASE("Stack: 256 pages stay free above an accessible neighbour, none above PROT_NONE") {
    Machine m;
    const u64 top = 0x7ffffffff000;
    kernel::create_stack(*m.system, m.mm, top, false);
    const u64 below = top - 1024 * kPage;
    m.mmap(below, kPage, kRead, kPrivate | kAnon | kFixed);
    CHECK(m.signal_code(below + kPage + 256 * kPage - 1, Access::kStore) == SEGV_MAPERR);
    CHECK(m.store(below + kPage + 256 * kPage));
    m.mprotect(below, kPage, kProtNone);
    CHECK(m.store(below + kPage));
}

TEST_CASE("uaccess: copies cross pages, fault pages in, and stop at a hole with the number of bytes left") {
    Machine m(64u << 20, mmu::ControlRegisters::kCr4Smap | mmu::ControlRegisters::kCr4Smep);
    m.mmap(kBase, 2 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    std::vector<u8> bytes(3 * kPage, 0x5a), back(3 * kPage);
    CHECK(kernel::copy_to_user(*m.system, m.mm, kBase + 100, bytes.data(), kPage) == 0);
    CHECK(m.system->faults.kernel_mode == 2);
    CHECK(kernel::copy_from_user(*m.system, m.mm, back.data(), kBase + 100, kPage) == 0);
    CHECK(std::memcmp(bytes.data(), back.data(), kPage) == 0);
    CHECK(kernel::copy_to_user(*m.system, m.mm, kBase + kPage, bytes.data(), 2 * kPage) == kPage);
    CHECK(kernel::copy_from_user(*m.system, m.mm, back.data(), kBase + 2 * kPage, 1) == 1);
    CHECK(kernel::copy_to_user(*m.system, m.mm, 0xffff888000000000, bytes.data(), 8) == 8);
    CHECK(kernel::clear_user(*m.system, m.mm, kBase, 2 * kPage) == 0);
    CHECK(m.value(kBase + 101) == 0);
    m.mprotect(kBase, kPage, kRead);
    CHECK(kernel::copy_to_user(*m.system, m.mm, kBase, bytes.data(), 8) == 8);
    int word = 0;
    CHECK(kernel::put_user(*m.system, m.mm, 1234, kBase + kPage) == 0);
    CHECK(kernel::get_user(*m.system, m.mm, word, kBase + kPage) == 0);
    CHECK(word == 1234);
    CHECK(kernel::get_user(*m.system, m.mm, word, 8) == -EFAULT);
}

TEST_CASE("uaccess: strncpy_from_user stops at the NUL and may end right before a hole") {
    Machine m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    std::string text;
    kernel::copy_to_user(*m.system, m.mm, kBase + kPage - 4, "abc", 4);
    CHECK(kernel::strncpy_from_user(*m.system, m.mm, text, kBase + kPage - 4, 4096) == 3);
    CHECK(text == "abc");
    kernel::copy_to_user(*m.system, m.mm, kBase + kPage - 4, "abcd", 4);
    CHECK(kernel::strncpy_from_user(*m.system, m.mm, text, kBase + kPage - 4, 4096) == -EFAULT);
    CHECK(kernel::strncpy_from_user(*m.system, m.mm, text, kBase + kPage - 4, 4) == 4);
}
