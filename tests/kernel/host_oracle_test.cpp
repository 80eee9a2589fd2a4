// The host's kernel as the oracle: the same random calls in the same window of addresses, on the host and on
// ours. After each call the results are equal, and so are the areas that /proc/self/maps shows, the contents
// of the pages that were touched, and the minor faults of touching. Skipped on a host that is not Linux on
// x86-64 or where the window is taken.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>

#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {

constexpr u64 kWindow = 0x200000000000;  // far from everything that the test program maps
constexpr u64 kPages = 64;
constexpr u64 kBytes = kPages * kPage;
constexpr u64 kEdge = 24;  // pages beyond the window that calls may reach

i64 host_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
    const long result = ::syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

/// The host's areas of the window, "start-end perms" relative to it.
std::string host_areas() {
    std::string text;
    FILE* maps = std::fopen("/proc/self/maps", "r");
    REQUIRE(maps);
    char line[512];
    while (std::fgets(line, sizeof line, maps)) {
        unsigned long long start = 0, end = 0;
        char perms[5] = "";
        if (std::sscanf(line, "%llx-%llx %4s", &start, &end, perms) != 3) continue;
        if (end <= kWindow || start >= kWindow + kBytes + kEdge * kPage) continue;
        char area[64];
        std::snprintf(area, sizeof area, "%s%llx-%llx %s", text.empty() ? "" : ", ", start - kWindow,
                      end - kWindow, perms);
        text += area;
    }
    std::fclose(maps);
    return text;
}

long host_minor_faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

sigjmp_buf escape;
volatile int escape_code;

void on_signal(int signal, siginfo_t* info, void*) {
    escape_code = info->si_code + (signal == SIGBUS ? 100 : 0);
    siglongjmp(escape, 1);
}

struct HostTouch {
    int code = 0;  ///< as Machine::signal_code()
    u8 value = 0;
    long faults = 0;
};

/// Touches a byte of the window on the host. A store leaves its value there. AddressSanitizer would touch the
/// byte's shadow as well, which counts.
[[gnu::no_sanitize_address]] HostTouch host_touch(u64 address, bool write, u8 value) {
    struct sigaction action {
    }, old_segv{}, old_bus{};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    volatile u8* byte = reinterpret_cast<volatile u8*>(address);
    HostTouch result;
    if (sigsetjmp(escape, 0) == 0) {
        const long before = host_minor_faults();
        if (write) *byte = value;
        result.value = write ? value : *byte;
        result.faults = host_minor_faults() - before;
    } else {
        result.code = escape_code;
    }
    sigaction(SIGSEGV, &old_segv, nullptr);
    sigaction(SIGBUS, &old_bus, nullptr);
    return result;
}

class Pair {
  public:
    explicit Pair(u64 seed) : rng_(seed) {
        // The window is reserved once to see that it is free, then given back.
        void* probe = ::mmap(reinterpret_cast<void*>(kWindow), kBytes + kEdge * kPage, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
        usable_ = probe == reinterpret_cast<void*>(kWindow);
        if (usable_) ::munmap(probe, kBytes + kEdge * kPage);
        ours_.mm.rlimits[kernel::kRlimitMemlock] = limit(RLIMIT_MEMLOCK);
        make_file();
    }
    ~Pair() {
        ::close(read_only_);
        std::fclose(host_file_);
        if (usable_) ::munmap(reinterpret_cast<void*>(kWindow), kBytes + kEdge * kPage);
    }
    bool usable() const { return usable_; }

    void step() {
        switch (rng_.below(12)) {
            case 0:
            case 1:
                return map();
            case 2:
                return unmap();
            case 3:
            case 4:
                return protect();
            case 5:
                return remap();
            case 6:
                return advise();
            case 7:
                return misc();
            default:
                return touch();
        }
    }
    void compare_areas() {
        INFO(trail_ << ours_.details(kWindow));
        REQUIRE(ours_.areas(kWindow) == host_areas());
        ours_.validate();
    }

  private:
    static kernel::Limit limit(int which) {
        rlimit host{};
        getrlimit(static_cast<__rlimit_resource>(which), &host);
        return {host.rlim_cur, host.rlim_max};
    }
    /// The same bytes, nine and a half pages, in a file of the host and in one of ours; both are in the page
    /// cache.
    void make_file() {
        host_file_ = std::tmpfile();
        REQUIRE(host_file_);
        for (u64 i = 0; i < 9 * kPage + kPage / 2; ++i) file_.bytes.push_back(static_cast<u8>(i / 512 + 1));
        REQUIRE(std::fwrite(file_.bytes.data(), file_.bytes.size(), 1, host_file_) == 1);
        std::fflush(host_file_);
        const std::string path = "/proc/self/fd/" + std::to_string(::fileno(host_file_));
        read_only_ = ::open(path.c_str(), O_RDONLY);
        REQUIRE(read_only_ >= 0);
        const u64 elsewhere = kWindow + 4 * kBytes;
        auto file = file_.open();
        REQUIRE(ours_.mmap(elsewhere, 10 * kPage, kRead, kPrivate | kFixed | kPopulate, &file) > 0);
        ours_.munmap(elsewhere, 10 * kPage);
    }
    u64 page_address() { return kWindow + rng_.below(kPages) * kPage + (rng_.below(24) ? 0 : 8); }
    u64 length() {
        if (rng_.below(40) == 0) return 0;
        const u64 pages = 1 + rng_.below(rng_.below(3) ? 6 : 20);
        return pages * kPage - (rng_.below(8) ? 0 : 100);
    }
    u64 protection() {
        static constexpr u64 kChoices[] = {0, 1, 3, 3, 3, 2, 5, 7, 4};
        return rng_.below(60) ? kChoices[rng_.below(9)] : u64{0x10};
    }
    void expect(const char* name, long number, i64 ours, u64 a, u64 b, u64 c = 0, u64 d = 0, u64 e = 0,
                u64 f = 0) {
        const i64 host = host_call(number, a, b, c, d, e, f);
        char line[160];
        std::snprintf(line, sizeof line, "%s(%llx, %llx, %llx, %llx, %llx) = %lld\n", name,
                      static_cast<unsigned long long>(a - kWindow), static_cast<unsigned long long>(b),
                      static_cast<unsigned long long>(c), static_cast<unsigned long long>(d),
                      static_cast<unsigned long long>(e), static_cast<long long>(host));
        remember(line);
        INFO(trail_);
        REQUIRE(ours == host);
    }

    void remember(const char* line) {
        trail_ += line;
        if (trail_.size() > 250000) trail_.erase(0, 500);
    }

    void map() {
        const u64 addr = page_address(), len = length(), prot = protection() & 7;
        u64 flags = MAP_ANONYMOUS | (rng_.below(6) ? MAP_PRIVATE : MAP_SHARED) |
                    (rng_.below(4) ? MAP_FIXED : MAP_FIXED_NOREPLACE);
        if (rng_.below(8) == 0) flags |= MAP_NORESERVE;
        if (rng_.below(8) == 0) flags |= MAP_POPULATE;
        if (rng_.below(30) == 0) flags = MAP_ANONYMOUS | MAP_FIXED;  // neither private nor shared
        if (rng_.below(4) == 0) {
            const bool writable = rng_.below(2);
            const u64 offset = rng_.below(12) * kPage + (rng_.below(30) ? 0 : 1);
            flags &= ~u64{MAP_ANONYMOUS};
            auto file = file_.open(writable);
            const i64 ours = ours_.mmap(addr, len, prot, flags, &file, offset);
            const int fd = writable ? ::fileno(host_file_) : read_only_;
            return expect("mmap", SYS_mmap, ours, addr, len, prot, flags, static_cast<u64>(fd), offset);
        }
        expect("mmap", SYS_mmap, ours_.mmap(addr, len, prot, flags), addr, len, prot, flags, ~u64{0}, 0);
    }
    void unmap() {
        const u64 addr = page_address(), len = length();
        expect("munmap", SYS_munmap, ours_.munmap(addr, len), addr, len);
    }
    void protect() {
        const u64 addr = page_address(), len = length(), prot = protection();
        expect("mprotect", SYS_mprotect, ours_.mprotect(addr, len, prot), addr, len, prot);
    }
    /// A move stays within one area: across areas the host's kernel may be newer than ours (6.17 allows it).
    void remap() {
        const u64 addr = page_address();
        const kernel::VmAreaStruct* vma = ours_.mm.mm_mt.vma_lookup(addr);
        u64 old_len = length(), new_len = length(), flags = rng_.below(8);
        if (rng_.below(40) == 0) flags = 8;
        // Nor is a hole moved, nor nothing: newer kernels check that before they unmap the target.
        if ((!vma || !old_len) && (flags & MREMAP_FIXED)) return;
        if (vma && (flags & (MREMAP_FIXED | 4)))
            old_len = std::min(old_len, mmu::align_down(vma->vm_end - addr, kPage));
        if (flags & 4) new_len = old_len;
        const u64 to = kWindow + rng_.below(kPages) * kPage + (rng_.below(24) ? 0 : 8);
        // Without a fixed target each kernel puts it elsewhere.
        if (!(flags & MREMAP_FIXED)) flags &= ~u64{MREMAP_MAYMOVE};
        if (!(flags & MREMAP_FIXED) && (flags & 4)) return;
        if (old_len == 0 && vma && (vma->vm_flags & kernel::VM_MAYSHARE)) return;
        expect("mremap", SYS_mremap, ours_.mremap(addr, old_len, new_len, flags, to), addr, old_len, new_len,
               flags, to);
    }
    void advise() {
        static constexpr int kAdvices[] = {0, 1, 2, 3, 4, 4, 8, 10, 11, 16, 17, 18, 19, 20, 22, 23, 5, 77};
        const int advice = kAdvices[rng_.below(std::size(kAdvices))];
        const u64 addr = page_address(), len = length();
        expect("madvise", SYS_madvise, ours_.madvise(addr, len, advice), addr, len, u64(advice));
    }
    void misc() {
        const u64 addr = page_address(), len = length();
        switch (rng_.below(4)) {
            case 0: {
                const u64 flags = rng_.below(9);
                expect("msync", SYS_msync, kernel::sys_msync(*ours_.system, ours_.mm, addr, len, flags), addr,
                       len, flags);
                return;
            }
            case 1:
                expect("mlock", SYS_mlock, kernel::sys_mlock2(*ours_.system, ours_.mm, addr, len, 0), addr,
                       len);
                return;
            case 2:
                expect("munlock", SYS_munlock, kernel::sys_munlock(*ours_.system, ours_.mm, addr, len), addr,
                       len);
                return;
            default:
                residency(addr, len);
        }
    }
    /// mincore(): the same answer for each page; ours writes it into a page of its own beyond the window.
    void residency(u64 addr, u64 len) {
        const u64 vec = kWindow + 2 * kBytes;
        ours_.mmap(vec, kPage, kRead | kWrite, kPrivate | kAnon | kFixed);
        u8 host[kPages + 32] = {};
        const i64 result = kernel::sys_mincore(*ours_.system, ours_.mm, addr, len, vec);
        expect("mincore", SYS_mincore, result, addr, len, reinterpret_cast<u64>(host));
        u8 ours[kPages + 32] = {};
        if (result == 0)
            kernel::copy_from_user(*ours_.system, ours_.mm, ours, vec, (len + kPage - 1) / kPage);
        ours_.munmap(vec, kPage);
        if (result) return;
        INFO(trail_);
        for (u64 i = 0; i < (len + kPage - 1) / kPage; ++i) REQUIRE((host[i] & 1) == ours[i]);
    }
    /// A load or store anywhere in the window: the same signal and si_code, or the same contents and minor
    /// faults.
    void touch() {
        const u64 address = kWindow + rng_.below(kPages) * kPage + rng_.below(kPage);
        const bool write = rng_.below(3);
        const u8 value = static_cast<u8>(address >> 12);
        const u64 before = ours_.minor();
        const HostTouch host = host_touch(address, write, value);
        char line[64];
        std::snprintf(line, sizeof line, "%s(%llx, 1)\n", write ? "store" : "load",
                      static_cast<unsigned long long>(address - kWindow));
        remember(line);
        INFO(trail_ << ours_.details(kWindow));
        REQUIRE(ours_.signal_code(address, write ? Access::kStore : Access::kLoad) == host.code);
        if (host.code) return;
        if (write) ours_.store(address, value);
        REQUIRE(ours_.value(address) == host.value);
        REQUIRE(static_cast<long>(ours_.minor() - before) == host.faults);
    }

    mmu::Rng rng_;
    FakeFile file_;
    FILE* host_file_ = nullptr;
    int read_only_ = -1;
    Machine ours_;
    std::string trail_;
    bool usable_ = false;
};

}  // namespace

TEST_CASE(
    "Host oracle: random sequences of mapping calls give the results, areas, contents and faults of Linux") {
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (u64 seed = 1; seed <= 40; ++seed) {
        Pair pair(seed);
        if (!pair.usable()) {
            WARN("the window is taken: skipped");
            return;
        }
        INFO("seed " << seed);
        for (int i = 0; i < 250; ++i) {
            pair.step();
            pair.compare_areas();
        }
    }
}
