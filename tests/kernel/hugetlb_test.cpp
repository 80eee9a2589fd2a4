// hugetlb: pools, reservations, faults, fork and what calls may not do to huge pages. Each test ends with all
// counts recounted from the page tables. What Linux does was read in mm/hugetlb.c (6.12); a host has no pool.
#include "kernel/hugetlb.h"

#include "kernel/dup_mm.h"
#include "tests/kernel/mm_fixture.h"

using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kMadvCold;
using mm_test::kMadvDontfork;
using mm_test::kMadvDontneed;
using mm_test::kMadvFree;
using mm_test::kMadvRemove;
using mm_test::kNoreserve;
using mm_test::kPage;
using mm_test::kPopulate;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::kShared;
using mm_test::kWrite;
using mm_test::Machine;
using mmu::Access;
using mmu::i64;
using mmu::u64;

namespace {

constexpr u64 kHugetlb = 0x40000, k2MiB = 2u << 20, k1GiB = u64{1} << 30;
constexpr u64 kHuge1G = u64{30} << 26, kHuge2M = u64{21} << 26;

struct Pool : Machine {
    explicit Pool(u64 pages = 4, u64 ram = 64u << 20) : Machine(ram) {
        kernel::set_max_huge_pages(*system, h(), pages);
        REQUIRE(h().nr_huge_pages == pages);
    }
    ~Pool() {
        // The pools must be whole again, and go back to the buddy allocator for the machine's own balance.
        kernel::exit_mmap(*system, mm);
        for (kernel::HState& pool : system->hugetlb.hstates) {
            if (pool.resv_huge_pages || pool.free_huge_pages != pool.nr_huge_pages) std::abort();
            kernel::set_max_huge_pages(*system, pool, 0);
        }
    }
    kernel::HState& h() { return system->hugetlb.hstates[0]; }
    i64 huge(u64 bytes, u64 flags = kPrivate, u64 prot = kRead | kWrite) {
        return mmap(0, bytes, prot, flags | kAnon | kHugetlb);
    }
    u64 map(u64 bytes, u64 flags = kPrivate) {
        const i64 place = huge(bytes, flags);
        REQUIRE(place > 0);
        return static_cast<u64>(place);
    }
};

/// A child of `m`, whose faults are made through its own tables.
struct Child {
    explicit Child(Pool& parent) : m(parent), mm(*kernel::mm_alloc(*parent.system)) {
        m.others.push_back(&mm);
        REQUIRE(kernel::dup_mmap(*m.system, mm, m.mm) == 0);
    }
    ~Child() {
        kernel::exit_mmap(*m.system, mm);
        kernel::mm_drop(*m.system, mm);
        m.others.clear();
    }
    mmu::u32 touch(u64 address, mmu::u32 flags = 0) {
        return kernel::handle_mm_fault(*m.system, mm, *mm.find_vma(address), address, flags);
    }
    Pool& m;
    kernel::MmStruct mm;
};

}  // namespace

TEST_CASE("hugetlb: a mapping is reserved when it is made, and a page taken when it is touched") {
    Pool m;
    const u64 at = m.map(2 * k2MiB);
    CHECK(at % k2MiB == 0);
    CHECK(m.h().resv_huge_pages == 2);
    CHECK(m.h().free_huge_pages == 4);
    CHECK(m.store(at + 12345, 7));
    CHECK(m.value(at + 12345) == 7);
    CHECK(m.value(at) == 0);
    CHECK(m.minor() == 1);  // one fault for 512 small pages
    CHECK(m.system->faults.hugetlb == 1);
    CHECK(m.h().resv_huge_pages == 1);
    CHECK(m.h().free_huge_pages == 3);
    CHECK(m.mm.hugetlb_usage == 512);
    CHECK(m.mm.rss_pages() == 0);  // pages of pools are not in RSS
    m.validate();
    CHECK(m.munmap(at, 2 * k2MiB) == 0);
    CHECK(m.h().resv_huge_pages == 0);
    CHECK(m.h().free_huge_pages == 4);
}

TEST_CASE("hugetlb: what the pool cannot promise is ENOMEM; without a promise the touch is SIGBUS") {
    Pool m(2);
    CHECK(m.huge(3 * k2MiB) == -ENOMEM);
    const u64 all = m.map(2 * k2MiB);
    CHECK(m.huge(1) == -ENOMEM);  // rounded up to a page, and all are promised
    const u64 hope = m.map(k2MiB, kPrivate | kNoreserve);
    CHECK(m.signal_code(hope, Access::kStore) == 100 + 2);  // SIGBUS, BUS_ADRERR
    CHECK(m.store(all));
    CHECK(m.munmap(all + k2MiB, k2MiB) == 0);
    CHECK(m.store(hope));
    m.validate();
}

TEST_CASE(
    "hugetlb: an unknown page size is EINVAL, an empty pool ENOMEM, a 1 GiB page has a pool of its own") {
    Pool m(1);
    CHECK(m.huge(k2MiB, kPrivate | u64{22} << 26) == -EINVAL);
    CHECK(m.huge(k1GiB, kPrivate | kHuge1G) == -ENOMEM);
    CHECK(m.huge(k2MiB, kPrivate | kHuge2M) > 0);
    CHECK(m.huge(0) == -EINVAL);
    CHECK(m.mmap(kPage, k2MiB, kRead, kPrivate | kAnon | kHugetlb | kFixed) == -EINVAL);
}

TEST_CASE("hugetlb: calls that would cut a huge page are EINVAL and change nothing") {
    Pool m;
    const u64 at = m.map(2 * k2MiB);
    CHECK(m.store(at));
    const auto before = m.areas();
    CHECK(m.munmap(at, kPage) == -EINVAL);
    CHECK(m.munmap(at + kPage, k2MiB) == -EINVAL);
    CHECK(m.mprotect(at, kPage, kRead) == -EINVAL);
    CHECK(m.madvise(at, kPage, kMadvDontfork) == -EINVAL);
    CHECK(m.madvise(at + kPage, kPage, kMadvDontneed) == -EINVAL);  // begins at a page
    CHECK(m.madvise(at, k2MiB + kPage, kMadvDontneed) == 0);        // and its end is rounded down
    CHECK(m.madvise(at, k2MiB, kMadvFree) == -EINVAL);
    CHECK(m.madvise(at, k2MiB, kMadvCold) == -EINVAL);
    CHECK(m.mremap(at, 2 * k2MiB, 4 * k2MiB, 1) == -EINVAL);
    CHECK(m.mremap(at + kPage, k2MiB, k2MiB, 1) == -EINVAL);
    CHECK(m.areas() == before);
    CHECK(m.value(at) == 0);  // DONTNEED gave it up
    CHECK(m.mprotect(at, k2MiB, kRead) == 0);
    CHECK(m.signal_code(at, Access::kStore) == 2);
    CHECK(m.mprotect(at, k2MiB, kRead | kWrite) == 0);
    CHECK(m.store(at));
    m.validate();
}

TEST_CASE("hugetlb: a move keeps the frames, shrinking gives the rest back") {
    Pool m;
    const u64 at = m.map(2 * k2MiB), target = 0x10000000;
    CHECK(m.store(at, 3));
    CHECK(m.store(at + k2MiB, 4));
    CHECK(m.mremap(at, 2 * k2MiB, 2 * k2MiB, 3, target) == static_cast<i64>(target));
    CHECK(m.value(target) == 3);
    CHECK(m.value(target + k2MiB) == 4);
    CHECK(m.signal_code(at, Access::kLoad) == 1);
    CHECK(m.mremap(target, 2 * k2MiB, k2MiB) == static_cast<i64>(target));
    CHECK(m.h().free_huge_pages == 3);
    CHECK(m.h().resv_huge_pages == 0);
    m.validate();
}

TEST_CASE("hugetlb: after fork a write copies; the owner's reservation goes before its child's copy") {
    Pool m(2);
    const u64 at = m.map(k2MiB);
    CHECK(m.store(at, 9));
    {
        Child child(m);
        CHECK(child.touch(at) == 0);
        CHECK(m.store(at, 10));  // the second page of the pool
        CHECK(m.system->faults.cow_copy == 1);
        m.validate();
        CHECK(child.touch(at, kernel::FAULT_FLAG_WRITE) == 0);  // its own now: reused
        CHECK(m.system->faults.cow_reuse == 1);
        CHECK(m.h().free_huge_pages == 0);
    }
    CHECK(m.h().free_huge_pages == 1);
    {
        Child child(m);
        const u64 last = m.map(k2MiB);  // takes what was left
        CHECK(m.store(last));
        CHECK(m.store(at, 11));  // nothing to copy to: the child loses its page
        CHECK(child.mm.hugetlb_usage == 0);
        CHECK(child.touch(at) == kernel::VM_FAULT_SIGBUS);
        m.validate();
        CHECK(m.munmap(last, k2MiB) == 0);
    }
    CHECK(m.value(at) == 11);
}

TEST_CASE("hugetlb: a shared mapping's pages belong to its file and outlast the touch of one process") {
    Pool m;
    const u64 at = m.map(2 * k2MiB, kShared);
    CHECK(m.store(at, 5));
    {
        Child child(m);
        CHECK(child.mm.hugetlb_usage == 0);  // it faults them in
        CHECK(child.touch(at, kernel::FAULT_FLAG_WRITE) == 0);
        CHECK(child.touch(at + k2MiB, kernel::FAULT_FLAG_WRITE) == 0);
        CHECK(m.h().free_huge_pages == 2);
        m.validate();
    }
    CHECK(m.value(at) == 5);
    CHECK(m.madvise(at, k2MiB, kMadvRemove) == 0);
    CHECK(m.h().free_huge_pages == 3);
    CHECK(m.value(at) == 0);
    m.validate();
}

TEST_CASE("hugetlb: a smaller pool keeps what is in use as surplus, and gives it back later") {
    Pool m;
    const u64 at = m.map(2 * k2MiB, kPrivate | kPopulate);
    CHECK(m.minor() == 2);
    kernel::set_max_huge_pages(*m.system, m.h(), 1);
    CHECK(m.h().nr_huge_pages == 2);
    CHECK(m.h().surplus_huge_pages == 1);
    m.validate();
    CHECK(m.munmap(at, 2 * k2MiB) == 0);
    CHECK(m.h().nr_huge_pages == 1);
    CHECK(m.h().surplus_huge_pages == 0);
    m.validate();
}

TEST_CASE("hugetlb: nr_overcommit_hugepages makes pages on demand, which go when nobody has them") {
    Pool m(1);
    m.h().nr_overcommit_huge_pages = 2;
    CHECK(m.huge(4 * k2MiB) == -ENOMEM);  // one and two more
    CHECK(m.h().nr_huge_pages == 1);
    CHECK(m.h().surplus_huge_pages == 0);
    const u64 at = m.map(3 * k2MiB);
    CHECK(m.h().nr_huge_pages == 3);
    CHECK(m.h().surplus_huge_pages == 2);
    CHECK(m.h().resv_huge_pages == 3);
    m.validate();
    CHECK(m.store(at + k2MiB, 9));
    CHECK(m.huge(k2MiB) == -ENOMEM);
    m.validate();
    CHECK(m.munmap(at, 3 * k2MiB) == 0);
    CHECK(m.h().nr_huge_pages == 1);
    CHECK(m.h().surplus_huge_pages == 0);
    CHECK(m.h().resv_huge_pages == 0);
    const u64 hope = m.map(3 * k2MiB, kPrivate | kNoreserve);  // nothing is promised: made by the touch
    for (u64 i = 0; i < 3; ++i) CHECK(m.store(hope + i * k2MiB));
    CHECK(m.h().surplus_huge_pages == 2);
    m.validate();
    CHECK(m.munmap(hope, 3 * k2MiB) == 0);
    CHECK(m.h().nr_huge_pages == 1);
    m.validate();
}

TEST_CASE("hugetlb: a read gives a page of its own, which the first write only makes writable") {
    Pool m;
    const u64 at = m.map(k2MiB);
    CHECK(m.value(at) == 0);
    CHECK(m.store(at));
    CHECK(m.minor() == 2);
    CHECK(m.system->faults.cow_reuse == 1);
    CHECK(m.h().free_huge_pages == 3);
}

TEST_CASE("hugetlb: one entry of a page-directory-pointer table maps 1 GiB") {
    Pool m(0, u64{2} << 30);
    kernel::HState& h = m.system->hugetlb.hstates[1];
    kernel::set_max_huge_pages(*m.system, h, 2);
    CHECK(h.nr_huge_pages == 1);  // the first GiB has the kernel in it
    const u64 at = static_cast<u64>(m.huge(k1GiB, kPrivate | kHuge1G));
    CHECK(at % k1GiB == 0);
    CHECK(m.store(at + k1GiB - 1, 6));
    CHECK(m.value(at + k1GiB - 1) == 6);
    CHECK(m.value(at + k1GiB / 2) == 0);
    CHECK(m.minor() == 1);
    CHECK(m.munmap(at, k2MiB) == -EINVAL);
    {
        Child child(m);
        CHECK(child.mm.hugetlb_usage == k1GiB / kPage);
        m.validate();
    }
    m.validate();
}
