// Protection keys: the keys of a process, of its areas and pages, and what PKRU forbids. Expectations from
// Linux 6.12: mm/mprotect.c, arch/x86/mm/pkeys.c, arch/x86/mm/fault.c, and its
// selftests/mm/protection_keys.c; where the host has no PKU its kernel is asked.
#include "kernel/pkeys.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernel/mm_fixture.h"

using namespace mm_test;
using mmu::u32;

namespace {

constexpr u64 kBase = 0x10'0000'0000;
constexpr int kAccErr = 2, kPkuErr = 4;

bool host_has_pku() {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx >> 4 & 1);  // OSPKE
}

struct KeyedMachine : Machine {
    KeyedMachine() : Machine(64u << 20, mmu::ControlRegisters::kCr4Pke) { set_pkru(kernel::kInitPkru); }
    i64 alloc(u64 rights, u64 flags = 0) { return kernel::sys_pkey_alloc(*system, mm, flags, rights); }
    i64 free(int pkey) { return kernel::sys_pkey_free(*system, mm, pkey); }
    i64 pkey_mprotect(u64 addr, u64 len, u64 prot, int pkey) {
        return kernel::sys_pkey_mprotect(*system, mm, addr, len, prot, pkey);
    }
    u32 pkru() const { return kernel::read_pkru(*system); }
    void set_pkru(u32 value) { kernel::write_pkru(*system, value); }
    int key_of(u64 addr) { return kernel::vma_pkey(*mm.mm_mt.vma_lookup(addr)); }
    unsigned key_of_page(u64 addr) { return kernel::leaf_of(*system, mm, addr).pkey(); }
};

}  // namespace

TEST_CASE("Protection keys: pkey_alloc gives 1 to 15, with the rights asked for, then ENOSPC") {
    KeyedMachine m;
    CHECK(m.alloc(0, 1) == -EINVAL);
    CHECK(m.alloc(4) == -EINVAL);
    for (int pkey = 1; pkey < 16; ++pkey) {
        const u64 rights = static_cast<u64>(pkey) % 4;
        REQUIRE(m.alloc(rights) == pkey);
        CHECK((m.pkru() >> (2 * pkey) & 3) == rights);
    }
    CHECK(m.alloc(0) == -ENOSPC);
    CHECK((m.pkru() & 3) == 0);
    CHECK(m.free(7) == 0);
    CHECK(m.free(7) == -EINVAL);
    CHECK(m.free(16) == -EINVAL);
    CHECK(m.free(-1) == -EINVAL);
    CHECK(m.alloc(0) == 7);
}

TEST_CASE("Protection keys: an area's key is in its pages, and PKRU forbids loads and stores but no fetch") {
    KeyedMachine m;
    m.mmap(kBase, 2 * kPage, kRead | kWrite | kExec, kPrivate | kAnon | kFixed);
    REQUIRE(m.store(kBase));
    CHECK(m.pkey_mprotect(kBase, kPage, kRead | kWrite | kExec, 3) == -EINVAL);  // not allocated
    REQUIRE(m.alloc(0) == 1);
    REQUIRE(m.pkey_mprotect(kBase, 2 * kPage, kRead | kWrite | kExec, 1) == 0);
    CHECK(m.key_of(kBase) == 1);
    CHECK(m.key_of_page(kBase) == 1);
    CHECK(m.store(kBase));
    CHECK(m.store(kBase + kPage));  // a page that came after its area's key
    CHECK(m.key_of_page(kBase + kPage) == 1);

    m.set_pkru(2u << 2);  // write-disable
    CHECK(m.load(kBase));
    CHECK(m.signal_code(kBase, Access::kStore) == kPkuErr);
    CHECK(m.outcome.pkey == 1);
    CHECK((m.outcome.error_code & mmu::PageFaultCode::kProtectionKey) != 0);
    m.set_pkru(1u << 2);  // access-disable
    CHECK(m.signal_code(kBase, Access::kLoad) == kPkuErr);
    CHECK(m.signal_code(kBase, Access::kStore) == kPkuErr);
    CHECK(m.access(kBase, Access::kFetch) != nullptr);
    m.set_pkru(0);
    CHECK(m.store(kBase));
    m.validate();
}

TEST_CASE("Protection keys: a page that is not there yet is not made for an access that its key forbids") {
    KeyedMachine m;
    REQUIRE(m.alloc(kernel::PKEY_DISABLE_ACCESS_) == 1);
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    REQUIRE(m.pkey_mprotect(kBase, kPage, kRead | kWrite, 1) == 0);
    CHECK(m.signal_code(kBase, Access::kLoad) == kPkuErr);
    CHECK(m.outcome.pkey == 1);
    CHECK((m.outcome.error_code & mmu::PageFaultCode::kProtectionKey) == 0);
    CHECK(m.mm.rss_pages() == 0);
}

TEST_CASE("Protection keys: rights that the area itself forbids stay SEGV_ACCERR") {
    KeyedMachine m;
    REQUIRE(m.alloc(0) == 1);
    m.mmap(kBase, kPage, kRead, kPrivate | kAnon | kFixed);
    REQUIRE(m.pkey_mprotect(kBase, kPage, kRead, 1) == 0);
    REQUIRE(m.load(kBase));
    CHECK(m.signal_code(kBase, Access::kStore) == kAccErr);
}

TEST_CASE("Protection keys: mprotect keeps the key, neighbours of two keys do not merge") {
    KeyedMachine m;
    REQUIRE(m.alloc(0) == 1);
    m.mmap(kBase, 2 * kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    const u64 areas = m.mm.map_count();
    REQUIRE(m.pkey_mprotect(kBase, kPage, kRead | kWrite, 1) == 0);
    CHECK(m.mm.map_count() == areas + 1);
    REQUIRE(m.mprotect(kBase, kPage, kRead) == 0);
    CHECK(m.key_of(kBase) == 1);
    REQUIRE(m.pkey_mprotect(kBase, kPage, kRead | kWrite, 0) == 0);
    CHECK(m.mm.map_count() == areas);
    CHECK(m.pkey_mprotect(kBase, kPage, kRead | kWrite, -1) == 0);  // as mprotect()
    m.validate();
}

TEST_CASE("Protection keys: PROT_EXEC alone is execute-only, with a key that nobody can name") {
    KeyedMachine m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    REQUIRE(m.store(kBase));
    REQUIRE(m.mprotect(kBase, kPage, kExec) == 0);
    CHECK(m.key_of(kBase) == 1);
    CHECK((m.pkru() >> 2 & 3) == 1);
    CHECK(m.signal_code(kBase, Access::kLoad) == kPkuErr);
    CHECK(m.access(kBase, Access::kFetch) != nullptr);
    CHECK(m.free(1) == -EINVAL);
    CHECK(m.pkey_mprotect(kBase, kPage, kRead, 1) == -EINVAL);
    CHECK(m.alloc(0) == 2);
    m.mmap(kBase + 8 * kPage, kPage, kExec, kPrivate | kAnon | kFixed);
    CHECK(m.key_of(kBase + 8 * kPage) == 1);
    REQUIRE(m.mprotect(kBase, kPage, kRead) == 0);
    CHECK(m.key_of(kBase) == 0);
    CHECK(m.load(kBase));
}

TEST_CASE("Protection keys: the kernel's copies obey PKRU") {
    KeyedMachine m;
    REQUIRE(m.alloc(0) == 1);
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    REQUIRE(m.pkey_mprotect(kBase, kPage, kRead | kWrite, 1) == 0);
    REQUIRE(m.store(kBase, 9));
    u8 byte = 0;
    m.set_pkru(2u << 2);
    CHECK(kernel::copy_from_user(*m.system, m.mm, &byte, kBase, 1) == 0);
    CHECK(byte == 9);
    CHECK(kernel::copy_to_user(*m.system, m.mm, kBase, &byte, 1) == 1);
    m.set_pkru(1u << 2);
    CHECK(kernel::copy_from_user(*m.system, m.mm, &byte, kBase, 1) == 1);
}

TEST_CASE("Protection keys: a CPU without them answers as the host's kernel does on such a CPU") {
    Machine m;
    m.mmap(kBase, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
    const auto alloc = [&](u64 flags, u64 rights) {
        return kernel::sys_pkey_alloc(*m.system, m.mm, flags, rights);
    };
    const auto protect = [&](int pkey) {
        return kernel::sys_pkey_mprotect(*m.system, m.mm, kBase, kPage, kRead, pkey);
    };
    const i64 ours[] = {alloc(0, 0), alloc(0, 0), alloc(1, 0), alloc(0, 4),
                        protect(-1), protect(0),  protect(1),  kernel::sys_pkey_free(*m.system, m.mm, 0)};
    CHECK(ours[1] == -ENOSPC);
    if (host_has_pku()) {
        WARN("skipped: the host's CPU has protection keys");
        return;
    }
    // In a process of its own: each answer depends on those before.
    int results[2];
    REQUIRE(pipe(results) == 0);
    const pid_t child = fork();
    if (child == 0) {
        alignas(4096) static char page[4096];
        const auto call = [](long number, auto... arguments) -> i64 {
            return syscall(number, arguments...) < 0 ? -errno : 0;
        };
        const i64 theirs[] = {call(SYS_pkey_alloc, 0L, 0L),
                              call(SYS_pkey_alloc, 0L, 0L),
                              call(SYS_pkey_alloc, 1L, 0L),
                              call(SYS_pkey_alloc, 0L, 4L),
                              call(SYS_pkey_mprotect, page, sizeof page, 1L, -1L),
                              call(SYS_pkey_mprotect, page, sizeof page, 1L, 0L),
                              call(SYS_pkey_mprotect, page, sizeof page, 1L, 1L),
                              call(SYS_pkey_free, 0L)};
        _exit(write(results[1], theirs, sizeof theirs) != sizeof theirs);
    }
    i64 theirs[std::size(ours)];
    REQUIRE(read(results[0], theirs, sizeof theirs) == sizeof theirs);
    waitpid(child, nullptr, 0);
    close(results[0]);
    close(results[1]);
    for (unsigned n = 0; n < std::size(ours); ++n) {
        INFO("answer " << n);
        CHECK(ours[n] == theirs[n]);
    }
}
