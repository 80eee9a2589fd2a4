#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {

constexpr u64 kHeap = 0x600000;
constexpr u64 kMiB = 1u << 20;

kernel::Limit at_most(u64 bytes) {
    return {bytes, bytes};
}

}  // namespace

TEST_CASE("brk: brk(0) and every call that fails return the current break") {
    Machine m;
    CHECK(m.brk(0) == kHeap);
    CHECK(m.brk(kHeap - 1) == kHeap);
    CHECK(m.brk(0x7ffffffff000) == kHeap);
    CHECK(m.brk(~u64{0}) == kHeap);
    CHECK(m.brk(~u64{0} - kPage) == kHeap);
    CHECK(m.brk(u64{1} << 63) == kHeap);
    CHECK(m.areas().empty());
}

TEST_CASE("brk: an unaligned break is kept, the mapping ends at the page") {
    Machine m;
    CHECK(m.brk(kHeap + 5) == kHeap + 5);
    CHECK(m.areas() == "600000-601000 rw-p");
    CHECK(m.store(kHeap + kPage - 1));
    CHECK(m.signal_code(kHeap + kPage, Access::kStore) == SEGV_MAPERR);
    CHECK(m.brk(kHeap + 9) == kHeap + 9);
    CHECK(m.mm.total_vm == 1);
}

TEST_CASE("brk: the heap is one area however often it grows, and its name is [heap]") {
    Machine m;
    for (u64 i = 1; i <= 20; ++i) CHECK(m.brk(kHeap + i * 3000) == kHeap + i * 3000);
    CHECK(m.areas() == "600000-60f000 rw-p");
    CHECK(kernel::vma_name(*m.system, m.mm, m.mm.mm_mt.begin()->second) == "[heap]");
    m.validate();
}

TEST_CASE("brk: shrinking gives pages back, growing again gives zero pages") {
    Machine m;
    m.brk(kHeap + 4 * kPage);
    for (u64 i = 0; i < 4; ++i) CHECK(m.store(kHeap + i * kPage, 7));
    CHECK(m.mm.rss_pages() == 4);
    CHECK(m.brk(kHeap + kPage + 1) == kHeap + kPage + 1);
    CHECK(m.mm.rss_pages() == 2);
    CHECK(m.mm.hiwater_rss == 4);
    CHECK(m.signal_code(kHeap + 2 * kPage, Access::kLoad) == SEGV_MAPERR);
    m.brk(kHeap + 4 * kPage);
    CHECK(m.value(kHeap + 1) == 0);
    CHECK(m.value(kHeap) == 7);
    CHECK(m.value(kHeap + 3 * kPage) == 0);
    m.validate();
    CHECK(m.brk(kHeap) == kHeap);
    CHECK(m.areas().empty());
    CHECK(m.mm.pgtables_bytes == 0);
}

TEST_CASE("brk: a page stays free below the next area, 256 more below one that grows down") {
    Machine m;
    const u64 next = kHeap + 1024 * kPage;
    m.mmap(next, kPage, kRead, kPrivate | kAnon | kFixed);
    CHECK(m.brk(next - kPage + 1) == kHeap);
    CHECK(m.brk(next - kPage) == next - kPage);
    m.brk(kHeap);
    m.munmap(next, kPage);
    m.mmap(next, kPage, kRead | kWrite, kPrivate | kAnon | kFixed | kGrowsdown);
    CHECK(m.brk(next - 257 * kPage + 1) == kHeap);
    CHECK(m.brk(next - 257 * kPage) == next - 257 * kPage);
}

TEST_CASE("brk: RLIMIT_DATA counts the heap and the program's data, and is checked before shrinking") {
    Machine m;
    m.mm.start_data = 0x400000;
    m.mm.end_data = 0x400000 + 4 * kPage;
    m.mm.rlimits[kernel::kRlimitData] = at_most(12 * kPage);
    CHECK(m.brk(kHeap + 8 * kPage + 1) == kHeap);
    CHECK(m.brk(kHeap + 8 * kPage) == kHeap + 8 * kPage);
    m.mm.rlimits[kernel::kRlimitData] = at_most(4 * kPage);
    CHECK(m.brk(kHeap + 4 * kPage) == kHeap + 8 * kPage);
    CHECK(m.brk(kHeap) == kHeap);
}

TEST_CASE("brk: RLIMIT_AS and obvious overcommit refuse growth") {
    Machine m;
    m.mm.rlimits[kernel::kRlimitAs] = at_most(4 * kPage);
    CHECK(m.brk(kHeap + 5 * kPage) == kHeap);
    CHECK(m.brk(kHeap + 4 * kPage) == kHeap + 4 * kPage);
    m.mm.rlimits[kernel::kRlimitAs] = kernel::Limit{};
    CHECK(m.brk(kHeap + 65 * kMiB) == kHeap + 4 * kPage);  // RAM is 64 MiB
    CHECK(m.brk(kHeap + 60 * kMiB) == kHeap + 60 * kMiB);
}

TEST_CASE("brk: a heap that the program unmapped itself is not shrunk into a hole") {
    Machine m;
    m.brk(kHeap + 4 * kPage);
    m.munmap(kHeap, 4 * kPage);
    CHECK(m.brk(kHeap) == kHeap + 4 * kPage);
    CHECK(m.brk(kHeap + 5 * kPage) == kHeap + 5 * kPage);
    CHECK(m.areas() == "604000-605000 rw-p");
}

TEST_CASE("vm_brk_flags: the loader's bss replaces what is there") {
    Machine m;
    m.mmap(kHeap, 2 * kPage, kRead, kPrivate | kAnon | kFixed);
    CHECK(kernel::vm_brk_flags(*m.system, m.mm, kHeap, 2 * kPage - 5, 0) == 0);
    CHECK(m.areas() == "600000-602000 rw-p");
    CHECK(kernel::vm_brk_flags(*m.system, m.mm, kHeap, ~u64{0}, 0) == -ENOMEM);
    CHECK(kernel::vm_brk_flags(*m.system, m.mm, kHeap, 0, 0) == 0);
    CHECK(kernel::vm_brk_flags(*m.system, m.mm, kHeap, kPage, kernel::VM_SHARED) == -EINVAL);
    CHECK(kernel::vm_brk_flags(*m.system, m.mm, 0, kPage, 0) == -EPERM);
}
