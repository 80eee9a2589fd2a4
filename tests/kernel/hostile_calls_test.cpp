// A guest may ask for anything. Arguments from the borders of every range, in every combination that chance
// finds, on a machine so small that it runs out of frames: whatever comes back, the address space stays
// consistent, and when it is gone all frames are free again.
#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using namespace mm_test;

namespace {

constexpr u64 kBase = 0x10000000;

class Guest {
  public:
    explicit Guest(u64 seed) : rng_(seed), m_(4u << 20) {
        kernel::create_stack(*m_.system, m_.mm, 0x7ffffffff000, false);
        m_.mm.start_stack = 0x7fffffffe000;
        file_.bytes.resize(40 * kPage + 123, 1);
    }

    void step() {
        kernel::MemorySystem& s = *m_.system;
        kernel::MmStruct& mm = m_.mm;
        const u64 a = number(), b = number(), c = number();
        switch (rng_.below(13)) {
            case 0:
                return map(a, b, c);
            case 1:
                m_.mmap(near(), few_pages(), rng_.below(8), kPrivate | kAnon | kFixed);
                return;
            case 2:
                m_.munmap(a, b);
                return;
            case 3:
                m_.mprotect(a, b, rng_.below(3) ? rng_.below(8) : c);
                return;
            case 4:
                m_.mremap(a, b, c, rng_.below(9), number());
                return;
            case 5:
                m_.mremap(near(), few_pages(), few_pages(), rng_.below(8), near());
                return;
            case 6:
                m_.madvise(a, b, static_cast<int>(rng_.below(27)));
                return;
            case 7:
                kernel::sys_mincore(s, mm, a, b, c);
                return;
            case 8:
                kernel::sys_msync(s, mm, a, b, rng_.below(8));
                return;
            case 9:
                lock(a, b);
                return;
            case 10:
                m_.brk(rng_.below(2) ? a : 0x600000 + rng_.below(64) * 1000);
                return;
            case 11:
                copy(a, b);
                return;
            default:
                m_.access(a, static_cast<Access>(rng_.below(3)));
        }
    }
    void validate() { m_.validate(); }

  private:
    u64 near() { return kBase + rng_.below(512) * kPage; }
    u64 few_pages() { return rng_.below(40) * kPage; }
    u64 number() {
        static constexpr u64 kBorders[] = {0,
                                           1,
                                           kPage - 1,
                                           kPage,
                                           0x10000,
                                           0x600000,
                                           u64{1} << 21,
                                           u64{1} << 30,
                                           u64{1} << 39,
                                           u64{1} << 46,
                                           0x7ffffffff000,
                                           u64{1} << 47,
                                           u64{1} << 52,
                                           u64{1} << 63,
                                           ~u64{0},
                                           0x7ffff7fff000};
        switch (rng_.below(5)) {
            case 0:
                return kBorders[rng_.below(std::size(kBorders))];
            case 1:
                return kBorders[rng_.below(std::size(kBorders))] + (rng_.below(9) - 4) * kPage;
            case 2:
                return near();
            case 3:
                return few_pages();
            default:
                return rng_.below(20) ? near() + rng_.below(kPage) : rng_.next();
        }
    }
    void map(u64 addr, u64 len, u64 offset) {
        u64 flags = rng_.below(4) | (rng_.below(2) ? kAnon : 0) | (rng_.below(3) ? 0 : kFixed) |
                    (rng_.below(8) ? 0 : kGrowsdown) | (rng_.below(6) ? 0 : kNoreserve) |
                    (rng_.below(20) ? 0 : 0x2000);
        if (rng_.below(20) == 0) flags = rng_.next() & ~kPopulate;
        if (flags & kAnon) {
            m_.mmap(addr, len, rng_.below(8), flags, nullptr, rng_.below(4) ? 0 : offset);
        } else {
            auto file = file_.open(rng_.below(2));
            m_.mmap(addr, len, rng_.below(8), flags, &file, offset);
        }
    }
    void lock(u64 addr, u64 len) {
        switch (rng_.below(4)) {
            case 0:
                kernel::sys_mlock2(*m_.system, m_.mm, addr, len, rng_.below(3));
                return;
            case 1:
                kernel::sys_mlockall(*m_.system, m_.mm, rng_.below(9));
                return;
            case 2:
                kernel::sys_munlockall(*m_.system, m_.mm);
                return;
            default:
                kernel::sys_munlock(*m_.system, m_.mm, addr, len);
        }
    }
    void copy(u64 addr, u64 len) {
        u8 bytes[3 * kPage] = {};
        const u64 some = std::min<u64>(len, sizeof bytes);
        std::string text;
        switch (rng_.below(4)) {
            case 0:
                kernel::copy_to_user(*m_.system, m_.mm, addr, bytes, some);
                return;
            case 1:
                kernel::copy_from_user(*m_.system, m_.mm, bytes, addr, some);
                return;
            case 2:
                kernel::strncpy_from_user(*m_.system, m_.mm, text, addr, some);
                return;
            default:
                kernel::clear_user(*m_.system, m_.mm, addr, len);
        }
    }

    mmu::Rng rng_;
    FakeFile file_;
    Machine m_;
};

}  // namespace

TEST_CASE("Hostile calls: no argument breaks the address space or loses a frame") {
    for (u64 seed = 1; seed <= 150; ++seed) {
        Guest guest(seed);
        for (int i = 0; i < 3000; ++i) {
            guest.step();
            if (i % 16 == 0) guest.validate();
        }
        guest.validate();
    }
}
