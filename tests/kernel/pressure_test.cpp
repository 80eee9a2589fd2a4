// Memory that is always too small: private and shared pages go to swap and come back, huge pages are made of
// them and cut again, processes are copied, frames, slots and reads of swap fail now and then. Drawn at
// random against a model that knows what each page holds; all counts are recounted on the way.
#include "kernel/dup_mm.h"
#include "kernel/khugepaged.h"
#include "kernel/vmscan.h"
#include "mmu/base/rng.h"
#include "tests/kernel/mm_fixture.h"

using mm_test::i64;
using mm_test::kAnon;
using mm_test::kFixed;
using mm_test::kPage;
using mm_test::kPrivate;
using mm_test::kRead;
using mm_test::kShared;
using mm_test::kWrite;
using mm_test::Machine;
using mmu::u64;
using mmu::u8;

namespace {

constexpr u64 kHuge = 2u << 20;
constexpr u64 kPrivateAt = 8 * kHuge, kPrivatePages = 1024, kSharedAt = 16 * kHuge, kSharedPages = 500;
constexpr int kDontneed = 4, kRemove = 9, kHugepage = 14, kNohugepage = 15, kCold = 20, kPageout = 21,
              kCollapse = 25;

class Pressure {
  public:
    explicit Pressure(u64 seed) : rng_(seed), m_(9u << 20), private_(kPrivatePages), shared_(kSharedPages) {
        m_.system->swap.enable(16u << 20);
        m_.system->thp.mode = seed % 3 ? kernel::ThpMode::kAlways : kernel::ThpMode::kMadvise;
        m_.system->overcommit = kernel::Overcommit::kAlways;
        REQUIRE(m_.mmap(kPrivateAt, kPrivatePages * kPage, kRead | kWrite, kPrivate | kAnon | kFixed) > 0);
        REQUIRE(m_.mmap(kSharedAt, kSharedPages * kPage, kRead | kWrite, kShared | kAnon | kFixed) > 0);
    }
    ~Pressure() { end_child(); }

    void step() {
        switch (rng_.below(18)) {
            case 0:
                return advise(kPrivateAt, kPrivatePages, rng_.below(2) ? kCold : kPageout);
            case 1:
                return advise(kSharedAt, kSharedPages, rng_.below(2) ? kCold : kPageout);
            case 2:
                return advise(kPrivateAt, kPrivatePages, rng_.below(3) ? kHugepage : kNohugepage);
            case 3:
                m_.madvise(kPrivateAt + rng_.below(2) * kHuge, kHuge, kCollapse);
                return;
            case 4:
                return scan();
            case 5:
                return drop(private_, advise(kPrivateAt, kPrivatePages, kDontneed, 30));
            case 6:
                return drop(shared_, advise(kSharedAt, kSharedPages, kRemove, 30));
            case 7:
                advise(kSharedAt, kSharedPages, kDontneed);
                return;
            case 8:
                kernel::try_to_free_pages(*m_.system, rng_.below(64));
                return;
            case 9:
                return rng_.below(3) ? end_child() : fork();
            case 10:
                return inject();
            case 11:
                return protect();
            case 12:
                return lock();
            default:
                for (int i = 0; i < 40; ++i) touch();
        }
    }
    void validate() {
        m_.validate();
        m_.system->out_of_memory = false;
    }
    /// Everything is still there once nothing fails any more.
    void compare_all() {
        m_.system->inject = {};
        for (u64 i = 0; i < kPrivatePages; ++i) REQUIRE(m_.value(kPrivateAt + i * kPage) == private_[i]);
        for (u64 i = 0; i < kSharedPages; ++i) REQUIRE(m_.value(kSharedAt + i * kPage) == shared_[i]);
        if (child_) compare_child();
    }
    const kernel::MemorySystem& system() const { return *m_.system; }

  private:
    struct Range {
        u64 first, count;
    };
    void advise(u64 base, u64 pages, int advice) { (void)advise(base, pages, advice, pages); }
    Range advise(u64 base, u64 pages, int advice, u64 most) {
        const u64 first = rng_.below(pages), count = 1 + rng_.below(std::min(pages - first, most));
        REQUIRE(m_.madvise(base + first * kPage, count * kPage, advice) == 0);
        return {first, count};
    }
    void drop(std::vector<u8>& model, Range range) {
        std::fill_n(model.begin() + static_cast<long>(range.first), range.count, u8{0});
    }
    void touch() {
        const bool own = rng_.below(2);
        std::vector<u8>& model = own ? private_ : shared_;
        const u64 page = rng_.below(model.size()), at = (own ? kPrivateAt : kSharedAt) + page * kPage;
        if (rng_.below(2)) {
            const u8 value = static_cast<u8>(rng_.next());
            if (m_.store(at, value)) model[page] = value;
        } else if (const int value = m_.value(at); value >= 0) {
            REQUIRE(value == model[page]);
        }
    }
    void scan() {
        u64 pages = rng_.below(4096);
        kernel::khugepaged_scan_mm(*m_.system, child_ && rng_.below(2) ? *child_ : m_.mm, 0, pages);
    }
    void inject() {
        using kernel::InjectSite;
        m_.system->inject = {};
        m_.system->swap.page_cluster = static_cast<unsigned>(rng_.below(5));
        if (rng_.below(3) == 0) m_.system->inject.set(InjectSite::kSwap, 0, 2 + rng_.below(5));
        if (rng_.below(3) == 0) m_.system->inject.set(InjectSite::kSwapRead, 0, 2 + rng_.below(9));
        if (rng_.below(4) == 0) m_.system->inject.set(InjectSite::kAlloc, 0, 5 + rng_.below(40));
    }
    void protect() {
        const u64 first = rng_.below(kPrivatePages), count = 1 + rng_.below(kPrivatePages - first);
        const u64 at = kPrivateAt + first * kPage;
        if (m_.mprotect(at, count * kPage, rng_.below(2) ? kRead : 0)) return;
        REQUIRE(m_.signal_code(at, mmu::Access::kStore) == SEGV_ACCERR);
        while (m_.mprotect(at, count * kPage, kRead | kWrite)) m_.system->inject = {};
    }
    void lock() {
        auto& cache = m_.system->page_cache;
        auto& space = cache.mapping_of(m_.mm.mm_mt.find_vma(kSharedAt)->vm_file);
        // Not too often: what is locked is a third of all there is.
        cache.set_unevictable(*m_.system, space, !space.unevictable && rng_.below(4) == 0);
    }
    void fork() {
        if (child_) return;
        auto fresh = kernel::mm_alloc(*m_.system);
        if (!fresh) return;
        child_ = std::make_unique<kernel::MmStruct>(std::move(*fresh));
        m_.others.push_back(child_.get());
        copied_ = private_;
        if (kernel::dup_mmap(*m_.system, *child_, m_.mm)) end_child();
    }
    void end_child() {
        if (!child_) return;
        kernel::exit_mmap(*m_.system, *child_);
        kernel::mm_drop(*m_.system, *child_);
        m_.others.clear();
        child_.reset();
    }
    void compare_child() {
        for (u64 i = 0; i < kPrivatePages; i += 3) {
            const u64 at = kPrivateAt + i * kPage;
            if (!kernel::leaf_of(*m_.system, *child_, at).present())
                REQUIRE(!(kernel::handle_mm_fault(*m_.system, *child_, *child_->find_vma(at), at, 0) &
                          kernel::VM_FAULT_ERROR));
            const mmu::Pte pte = kernel::leaf_of(*m_.system, *child_, at);
            REQUIRE(*m_.system->memory.frame(pte.pfn()) == copied_[i]);
        }
    }

    mmu::Rng rng_;
    Machine m_;
    std::vector<u8> private_, shared_, copied_;
    std::unique_ptr<kernel::MmStruct> child_;
};

}  // namespace

TEST_CASE("Pressure: drawn calls with too little memory, and failures, lose no byte and no frame") {
    u64 collapsed = 0, swapped = 0, failed = 0, ahead = 0;
    for (u64 seed = 1; seed <= 25; ++seed) {
        INFO("seed " << seed);
        Pressure pressure(seed);
        for (int i = 0; i < 300; ++i) {
            pressure.step();
            if (i % 8 == 0) pressure.validate();
            if (i == 299)
                for (const auto site : {kernel::InjectSite::kSwap, kernel::InjectSite::kSwapRead})
                    failed += pressure.system().inject.rule(site).failed;
        }
        pressure.compare_all();
        pressure.validate();
        collapsed += pressure.system().thp.stats.collapse_alloc;
        swapped += pressure.system().reclaim.pswpout;
        ahead += pressure.system().reclaim.swap_ra;
    }
    CHECK(collapsed > 10);
    CHECK(swapped > 1000);
    CHECK(failed > 10);
    CHECK(ahead > 100);
}
