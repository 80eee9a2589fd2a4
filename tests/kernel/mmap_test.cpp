#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {

constexpr u64 kBase = 0x10000000;
constexpr u64 kMmapBase = 0x7ffff7fff000;
constexpr u64 kMiB = 1u << 20;
constexpr u64 kRw = kRead | kWrite;
constexpr u64 kHere = kPrivate | kAnon | kFixed;

}  // namespace

TEST_CASE("mmap: errors come in Linux's order") {
    Machine m;
    FakeFile bytes;
    bytes.bytes.resize(kPage);
    auto file = bytes.open();
    CHECK(m.mmap(0, 0, kRead, kPrivate, &file, 1) == -EINVAL);  // the offset first
    CHECK(m.mmap(0, 0, kRead, kPrivate | kAnon) == -EINVAL);    // then no length
    CHECK(m.mmap(0, ~u64{0}, kRead, 0) == -ENOMEM);             // rounding up wraps to 0
    CHECK(m.mmap(0, 2 * kPage, kRead, 0, &file, mmu::align_down(~u64{0}, kPage)) == -EOVERFLOW);
    CHECK(m.mmap(1, u64{1} << 50, kRead, kHere) == -ENOMEM);  // size before alignment
    CHECK(m.mmap(kBase + 1, kPage, kRead, kHere) == -EINVAL);
    CHECK(m.mmap(0x7ffffffff000, kPage, kRead, kHere) == -ENOMEM);
    CHECK(m.mmap(0xffff800000000000, kPage, kRead, kHere) == -ENOMEM);
    CHECK(m.mmap(0, kPage, kRead, kHere) == -EPERM);  // below mmap_min_addr
    CHECK(m.mmap(0xf000, kPage, kRead, kHere) == -EPERM);
    CHECK(m.mmap(0x10000, kPage, kRead, kHere) == 0x10000);
    CHECK(m.mmap(0x10000, kPage, kRead, kAnon | kFixedNoreplace) == -EEXIST);  // before the type is looked at
    CHECK(m.mmap(0x20000, kPage, kRead, kAnon | kFixedNoreplace) == -EINVAL);
    CHECK(m.mmap(0, kPage, kRead, 3 | kAnon) == -EINVAL);  // SHARED_VALIDATE | ANONYMOUS
    CHECK(m.mmap(0, kPage, kRead, kShared | kAnon | kGrowsdown) == -EINVAL);
}

TEST_CASE("mmap: rights of files") {
    Machine m;
    FakeFile bytes;
    bytes.bytes.resize(kPage);
    auto read_only = bytes.open();
    CHECK(m.mmap(0, kPage, kRw, kShared, &read_only) == -EACCES);
    auto write_only = bytes.open(true);
    write_only.readable = false;
    CHECK(m.mmap(0, kPage, kProtNone, kPrivate, &write_only) == -EACCES);
    CHECK(m.mmap(0, kPage, kRw, kShared, &write_only) == -EACCES);
    auto noexec = bytes.open();
    noexec.path_noexec = true;
    CHECK(m.mmap(0, kPage, kRead | kExec, kPrivate, &noexec) == -EPERM);
    const i64 at = m.mmap(0, kPage, kRead, kPrivate, &noexec);
    REQUIRE(at > 0);
    CHECK(m.mprotect(u64(at), kPage, kRead | kExec) == -EACCES);
    kernel::MmapFile pipe;
    pipe.readable = pipe.writable = true;
    CHECK(m.mmap(0, kPage, kRead, kPrivate, &pipe) == -ENODEV);
    CHECK(m.mmap(0, kPage, kRead, 4, &pipe) == -EINVAL);
    auto again = bytes.open();
    CHECK(m.mmap(0, kPage, kRead, kPrivate | kGrowsdown, &again) == -EINVAL);
    CHECK(m.mmap(0, kPage, kRead, 3 | 0x800000, &again) == -EOPNOTSUPP);
    const i64 shared = m.mmap(0, kPage, kRead, kShared, &again);
    REQUIRE(shared > 0);
    CHECK(m.mprotect(u64(shared), kPage, kRw) == -EACCES);
}

TEST_CASE("mmap: without a hint areas go top down and merge with the one above") {
    Machine m;
    CHECK(m.mmap(0, kPage) == i64(kMmapBase - kPage));
    CHECK(m.mmap(0, 3 * kPage) == i64(kMmapBase - 4 * kPage));
    CHECK(m.areas() == "7ffff7ffb000-7ffff7fff000 rw-p");
    CHECK(m.mmap(0, kPage, kRead) == i64(kMmapBase - 5 * kPage));
    m.munmap(kMmapBase - 2 * kPage, kPage);
    CHECK(m.mmap(0, 2 * kPage) == i64(kMmapBase - 7 * kPage));
    CHECK(m.mmap(0, kPage) == i64(kMmapBase - 2 * kPage));  // first fit from the top
    m.validate();
}

TEST_CASE("mmap: a length of whole 2 MiB is aligned to 2 MiB") {
    Machine m;
    const i64 at = m.mmap(0, 4 * kMiB);
    CHECK(at % i64(2 * kMiB) == 0);
    CHECK(at == i64(mmu::align_down(kMmapBase - 4 * kMiB, 2 * kMiB)));
    CHECK(m.mmap(0, 4 * kMiB - kPage) % i64(2 * kMiB) != 0);
}

TEST_CASE("mmap: the place is always the highest gap that fits, as a search from the top finds it") {
    for (u64 seed = 1; seed <= 10; ++seed) {
        Machine m;
        mmu::Rng rng(seed);
        const auto highest_gap = [&](u64 len) {
            u64 top = kMmapBase, best = 0;
            for (auto it = m.mm.mm_mt.end(); it != m.mm.mm_mt.begin();) {
                const auto& vma = (--it)->second;
                if (vma.vm_start >= kMmapBase) continue;
                if (!best && top >= vma.vm_end && top - vma.vm_end >= len) best = top - len;
                top = vma.vm_start - (vma.vm_flags & kernel::VM_GROWSDOWN ? kernel::kStackGuardGap : 0);
            }
            return best ? best : top - len;
        };
        for (int i = 0; i < 600; ++i) {
            const u64 len = (1 + rng.below(rng.below(4) ? 4 : 300)) * kPage;
            const u64 at = kMmapBase - (1 + rng.below(1000)) * kPage;
            switch (rng.below(6)) {
                case 0:
                case 1:
                    m.munmap(at, len);
                    break;
                case 2:
                    m.mmap(at, std::min(len, kMmapBase - at), rng.below(4),
                           kHere | (rng.below(8) ? 0 : kGrowsdown));
                    break;
                case 3:
                    m.mmap(0, len, kRw, 9 | kAnon);
                    break;  // finds a place, then fails
                default: {
                    const u64 expected = highest_gap(len);
                    REQUIRE(m.mmap(0, len, rng.below(4)) == i64(expected));
                }
            }
        }
        m.validate();
    }
}

TEST_CASE("mmap: a hint is rounded down, raised to mmap_min_addr, and ignored where it is not free") {
    Machine m;
    CHECK(m.mmap(kBase + 5000, kPage) == i64(kBase + kPage));
    CHECK(m.mmap(5, kPage) == i64(kMmapBase - kPage));  // rounded down to 0: no hint
    CHECK(m.mmap(0x1234, kPage) == 0x10000);
    CHECK(m.mmap(kBase, 2 * kPage) == i64(kMmapBase - 3 * kPage));
    CHECK(m.mmap(kBase, kPage) == i64(kBase));
    m.mmap(kBase + 1024 * kPage, kPage, kRw, kHere | kGrowsdown);
    CHECK(m.mmap(kBase + 768 * kPage, kPage) == i64(kMmapBase - 4 * kPage));  // inside the stack's gap
    CHECK(m.mmap(kBase + 767 * kPage, kPage) == i64(kBase + 767 * kPage));
    CHECK(m.mmap(u64{1} << 47, kPage) == i64(kMmapBase - 5 * kPage));
}

TEST_CASE("mmap: MAP_32BIT finds its place between 1 and 2 GiB") {
    Machine m;
    CHECK(m.mmap(0, kPage, kRw, kPrivate | kAnon | k32Bit) == 0x40000000);
    CHECK(m.mmap(0, kPage, kRw, kPrivate | kAnon | k32Bit) == 0x40001000);
    CHECK(m.mmap(0, u64{1} << 30, kRw, kPrivate | kAnon | k32Bit | kNoreserve) == -ENOMEM);
}

TEST_CASE("mmap: MAP_FIXED replaces what is there with fresh zero pages") {
    Machine m;
    m.mmap(kBase, 3 * kPage, kRw, kHere);
    for (u64 i = 0; i < 3; ++i) m.store(kBase + i * kPage, 9);
    CHECK(m.mmap(kBase + kPage, kPage, kRead, kHere) == i64(kBase + kPage));
    CHECK(m.areas(kBase) == "0-1000 rw-p, 1000-2000 r--p, 2000-3000 rw-p");
    CHECK(m.value(kBase + kPage) == 0);
    CHECK(m.value(kBase) == 9);
    CHECK(m.value(kBase + 2 * kPage) == 9);
    m.validate();
}

TEST_CASE("mmap: limits on address space, data, and obvious overcommit") {
    Machine m;
    CHECK(m.mmap(0, 65 * kMiB) == -ENOMEM);
    CHECK(m.mmap(0, 65 * kMiB, kRw, kPrivate | kAnon | kNoreserve) > 0);
    CHECK(m.mmap(0, 65 * kMiB, kRead) > 0);
    const i64 reserve = m.mmap(0, 65 * kMiB, kRead);
    CHECK(m.mprotect(u64(reserve), 65 * kMiB, kRw) == -ENOMEM);
    m.mm.rlimits[kernel::kRlimitAs].cur = (m.mm.total_vm + 1) * kPage;
    CHECK(m.mmap(0, 2 * kPage, kProtNone) == -ENOMEM);
    CHECK(m.mmap(0, kPage, kProtNone) > 0);
    m.mm.rlimits[kernel::kRlimitAs].cur = kernel::kRlimInfinity;
    m.mm.rlimits[kernel::kRlimitData].cur = (m.mm.data_vm + 1) * kPage;
    CHECK(m.mmap(0, 2 * kPage) == -ENOMEM);
    const i64 ro = m.mmap(0, 2 * kPage, kRead);
    REQUIRE(ro > 0);
    CHECK(m.mprotect(u64(ro), 2 * kPage, kRw) == -ENOMEM);
    CHECK(m.mprotect(u64(ro), kPage, kRw) == 0);
    m.validate();
}

TEST_CASE("mmap: a refused MAP_FIXED leaves what was there") {
    Machine m;
    m.mmap(kBase, kPage, kRw, kHere);
    m.store(kBase, 3);
    m.mm.rlimits[kernel::kRlimitAs].cur = kPage;
    CHECK(m.mmap(kBase, 2 * kPage, kRw, kHere) == -ENOMEM);
    CHECK(m.value(kBase) == 3);
    CHECK(m.mmap(kBase, kPage, kRead, kHere) == i64(kBase));  // what is replaced does not count twice
}

TEST_CASE("munmap: bad arguments, holes, and cutting an area in two") {
    Machine m;
    m.mmap(kBase, 5 * kPage, kRw, kHere);
    CHECK(m.munmap(kBase, 0) == -EINVAL);
    CHECK(m.munmap(kBase + 1, kPage) == -EINVAL);
    CHECK(m.munmap(0x7ffffffff000, kPage) == -EINVAL);
    CHECK(m.munmap(kBase, ~u64{0}) == -EINVAL);
    CHECK(m.munmap(kBase + 100 * kPage, kPage) == 0);
    CHECK(m.munmap(kBase + 2 * kPage, 1) == 0);
    CHECK(m.areas(kBase) == "0-2000 rw-p, 3000-5000 rw-p");
    CHECK(m.munmap(kBase + kPage, 3 * kPage) == 0);
    CHECK(m.areas(kBase) == "0-1000 rw-p, 4000-5000 rw-p");
}

TEST_CASE("munmap: a table goes when its last neighbour goes") {
    Machine m;
    m.mmap(kBase, kPage, kRw, kHere);
    m.mmap(kBase + 4 * kPage, kPage, kRw, kHere);
    m.mmap(kBase + (u64{1} << 30), kPage, kRw, kHere);
    m.store(kBase);
    m.store(kBase + 4 * kPage);
    m.store(kBase + (u64{1} << 30));
    CHECK(m.mm.pgtables_bytes == 5 * kPage);  // one pud, two pmds, two page tables
    m.munmap(kBase, kPage);
    CHECK(m.mm.pgtables_bytes == 5 * kPage);
    m.munmap(kBase + 4 * kPage, kPage);
    CHECK(m.mm.pgtables_bytes == 3 * kPage);
    m.munmap(kBase + (u64{1} << 30), kPage);
    CHECK(m.mm.pgtables_bytes == 0);
    CHECK(m.mm.peak_pgtables_bytes == 5 * kPage);
}

TEST_CASE("munmap and mprotect: at the limit of map_count a split is refused and nothing has changed") {
    Machine m;
    m.mmap(kBase, 3 * kPage, kRw, kHere);
    m.store(kBase + kPage, 8);
    for (u64 i = 0; m.mm.map_count() < kernel::kMaxMapCount; ++i)
        REQUIRE(m.mmap(2 * kBase + 2 * i * kPage, kPage, kRead, kHere | kNoreserve) > 0);
    CHECK(m.munmap(kBase + kPage, kPage) == -ENOMEM);
    CHECK(m.mprotect(kBase + kPage, kPage, kRead) == -ENOMEM);
    CHECK(m.value(kBase + kPage) == 8);
    CHECK(m.mm.mm_mt.begin()->second.pages() == 3);
    m.mmap(kBase - 4 * kPage, kPage, kRead, kHere);  // one more than the limit is let through
    CHECK(m.mmap(kBase - 2 * kPage, kPage, kRead, kHere) == -ENOMEM);
    CHECK(m.munmap(kBase, kPage) == -ENOMEM);  // needs a split as well
    CHECK(m.munmap(kBase, 3 * kPage) == 0);
}

TEST_CASE("mprotect: the middle of an area makes three, restoring makes one again") {
    Machine m;
    m.mmap(kBase, 3 * kPage, kRw, kHere);
    CHECK(m.mprotect(kBase + kPage, kPage, kRead) == 0);
    CHECK(m.areas(kBase) == "0-1000 rw-p, 1000-2000 r--p, 2000-3000 rw-p");
    CHECK(m.mprotect(kBase + kPage, kPage, kRw) == 0);
    CHECK(m.areas(kBase) == "0-3000 rw-p");
    m.validate();
}

TEST_CASE("mprotect: errors, and a hole is found after what lies before it has changed") {
    Machine m;
    m.mmap(kBase, kPage, kRw, kHere);
    m.mmap(kBase + 2 * kPage, kPage, kRw, kHere);
    CHECK(m.mprotect(kBase + 1, kPage, kRead) == -EINVAL);
    CHECK(m.mprotect(kBase, 0, 0x40) == 0);
    CHECK(m.mprotect(kBase, kPage, 0x40) == -EINVAL);
    CHECK(m.mprotect(kBase, ~u64{0}, kRead) == -ENOMEM);
    CHECK(m.mprotect(kBase, kPage, kRead | 0x01000000 | 0x02000000) == -EINVAL);
    CHECK(m.mprotect(kBase, kPage, kRead | 0x01000000) == -EINVAL);
    CHECK(m.mprotect(kBase + kPage, kPage, kRead) == -ENOMEM);
    CHECK(m.mprotect(kBase, 3 * kPage, kRead) == -ENOMEM);
    CHECK(m.areas(kBase) == "0-1000 r--p, 2000-3000 rw-p");
}

TEST_CASE("mprotect: PROT_GROWSDOWN reaches down to the start of a stack") {
    Machine m;
    m.mmap(kBase, 4 * kPage, kRw, kHere | kGrowsdown);
    CHECK(m.mprotect(kBase + 3 * kPage, kPage, kRw | kExec | 0x01000000) == 0);
    CHECK(m.areas(kBase) == "0-4000 rwxp");
}

TEST_CASE("mremap: grows in place where there is room, else moves the frames without copying") {
    Machine m;
    m.mmap(kBase, 2 * kPage, kRw, kHere);
    m.store(kBase, 1);
    m.store(kBase + kPage, 2);
    CHECK(m.mremap(kBase, 2 * kPage, 4 * kPage) == i64(kBase));
    CHECK(m.areas(kBase) == "0-4000 rw-p");
    m.mmap(kBase + 4 * kPage, kPage, kRead, kHere);
    CHECK(m.mremap(kBase, 4 * kPage, 5 * kPage) == -ENOMEM);
    const Pfn frame = m.pte(kBase + kPage).pfn();
    const u64 faults = m.minor();
    const i64 moved = m.mremap(kBase, 4 * kPage, 600 * kPage, 1);
    REQUIRE(moved > 0);
    CHECK(m.pte(u64(moved) + kPage).pfn() == frame);
    CHECK(m.value(u64(moved) + kPage) == 2);
    CHECK(m.minor() == faults);
    CHECK(m.signal_code(kBase, Access::kLoad) == SEGV_MAPERR);
    m.validate();
    CHECK(m.mremap(u64(moved), 600 * kPage, kPage) == moved);
    CHECK(m.mm.rss_pages() == 1);
    m.validate();
}

TEST_CASE("mremap: DONTUNMAP leaves an area that reads zero") {
    Machine m;
    m.mmap(kBase, kPage, kRw, kHere);
    m.store(kBase, 5);
    CHECK(m.mremap(kBase, kPage, kPage, 7, kBase + 16 * kPage) == i64(kBase + 16 * kPage));
    CHECK(m.value(kBase) == 0);
    CHECK(m.value(kBase + 16 * kPage) == 5);
    m.validate();
}

TEST_CASE("mremap: to a fixed place from two areas is refused as in 6.12, when target and tail are gone") {
    Machine m;
    const u64 target = kBase + 16 * kPage;
    m.mmap(kBase, 2 * kPage, kRw, kHere);
    m.mmap(kBase + 2 * kPage, 2 * kPage, kRead, kHere);
    m.mmap(target, 8 * kPage, kRead, kHere);
    constexpr u64 kMayMoveFixed = 3;
    CHECK(m.mremap(kBase, 4 * kPage, 3 * kPage, kMayMoveFixed, target) == -EFAULT);
    CHECK(m.areas(kBase) == "0-2000 rw-p, 2000-3000 r--p, 13000-18000 r--p");
    m.validate();
}

TEST_CASE("mremap: errors") {
    Machine m;
    m.mmap(kBase, 4 * kPage, kRw, kHere);
    CHECK(m.mremap(kBase, kPage, kPage, 8) == -EINVAL);
    CHECK(m.mremap(kBase, kPage, kPage, 2) == -EINVAL);
    CHECK(m.mremap(kBase, kPage, kPage, 4) == -EINVAL);
    CHECK(m.mremap(kBase, kPage, 2 * kPage, 5) == -EINVAL);
    CHECK(m.mremap(kBase + 1, kPage, kPage, 1) == -EINVAL);
    CHECK(m.mremap(kBase, kPage, 0, 1) == -EINVAL);
    CHECK(m.mremap(kBase, 0, kPage, 1) == -EINVAL);  // private
    CHECK(m.mremap(kBase, 4 * kPage, 4 * kPage, 3, kBase + kPage) == -EINVAL);
    CHECK(m.mremap(kBase, 4 * kPage, 4 * kPage, 3, kBase + 64 * kPage + 1) == -EINVAL);
    CHECK(m.mremap(kBase + 4 * kPage, kPage, 2 * kPage, 1) == -EFAULT);
    CHECK(m.mremap(kBase, 5 * kPage, 6 * kPage, 1) == -EFAULT);
    CHECK(m.mremap(kBase, kPage, u64{1} << 50, 1) == -ENOMEM);
    CHECK(m.areas(kBase) == "0-4000 rw-p");
}

TEST_CASE("madvise: DONTNEED gives zero pages, FREE keeps the contents, and both need no lock") {
    Machine m;
    m.mmap(kBase, 2 * kPage, kRw, kHere);
    m.store(kBase, 1);
    m.store(kBase + kPage, 2);
    CHECK(m.madvise(kBase + kPage, kPage, kMadvFree) == 0);
    CHECK(m.value(kBase + kPage) == 2);
    CHECK(m.madvise(kBase, kPage, kMadvDontneed) == 0);
    CHECK(m.mm.rss_pages() == 1);
    CHECK(m.value(kBase) == 0);
    CHECK(m.madvise(kBase, kPage, 77) == -EINVAL);
    CHECK(m.madvise(kBase + 1, 0, kMadvDontneed) == -EINVAL);
    CHECK(m.madvise(kBase, 0, kMadvDontneed) == 0);
    CHECK(m.madvise(kBase, 3 * kPage, kMadvDontneed) == -ENOMEM);
    CHECK(kernel::sys_mlock2(*m.system, m.mm, kBase, kPage, 0) == 0);
    CHECK(m.madvise(kBase, kPage, kMadvDontneed) == -EINVAL);
    CHECK(m.madvise(kBase, kPage, kMadvDontneedLocked) == 0);
    m.validate();
}

TEST_CASE("mlock: limits and accounting") {
    Machine m;
    m.mmap(kBase, 8 * kPage, kRw, kHere);
    m.mm.rlimits[kernel::kRlimitMemlock] = {4 * kPage, 4 * kPage};
    CHECK(kernel::sys_mlock2(*m.system, m.mm, kBase, 5 * kPage, 0) == -ENOMEM);
    CHECK(kernel::sys_mlock2(*m.system, m.mm, kBase + 10, 3 * kPage, 0) == 0);
    CHECK(m.mm.locked_vm == 4);
    CHECK(m.mm.rss_pages() == 4);
    CHECK(m.mmap(0, kPage, kRw, kPrivate | kAnon | 0x2000) == -EAGAIN);
    CHECK(kernel::sys_munlock(*m.system, m.mm, kBase, 8 * kPage) == 0);
    CHECK(m.mm.locked_vm == 0);
    m.mm.rlimits[kernel::kRlimitMemlock] = {0, 0};
    CHECK(kernel::sys_mlock2(*m.system, m.mm, kBase, kPage, 0) == -EPERM);
    CHECK(m.mmap(0, kPage, kRw, kPrivate | kAnon | 0x2000) == -EPERM);
    CHECK(kernel::sys_mlockall(*m.system, m.mm, 4) == -EINVAL);
    m.validate();
}

TEST_CASE("VMA: 60000 areas are found, and unmapped at once, without undue delay") {
    Machine m(u64{512} << 20);
    for (u64 i = 0; i < 60000; ++i)
        REQUIRE(m.mmap(kBase + 2 * i * kPage, kPage, kRw, kHere | kNoreserve) > 0);
    CHECK(m.store(kBase + 2 * 31234 * kPage));
    CHECK(m.signal_code(kBase + (2 * 31234 + 1) * kPage, Access::kLoad) == SEGV_MAPERR);
    CHECK(m.munmap(kBase, 120000 * kPage) == 0);
    CHECK(m.mm.map_count() == 0);
}
