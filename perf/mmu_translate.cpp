// What one reference costs by where it ends: L0, L1, L2, a walk with and without its caches, a fault.
#include <benchmark/benchmark.h>

#include <memory>

#include "mmu/arch/pte.h"
#include "mmu/mmu.h"
#include "mmu/presets.h"

namespace {

using namespace mmu;

constexpr u64 kTable = Pte::kPresent | Pte::kWritable | Pte::kUser | Pte::kAccessed;
constexpr u64 kStart = u64{1} << 30;

/// `pages` pages from kStart on, mapped by tables in the first frames of RAM.
class Machine {
  public:
    Machine(u64 pages, const char* preset)
        : memory_(std::move(*PhysicalMemory::create(u64{256} << 20))),
          mmu_(memory_, *find_preset(preset), PagingFeatures{}, 1) {
        write(1, VirtAddr{kStart}.table_index(4), 2);
        write(2, VirtAddr{kStart}.table_index(3), 3);
        for (u64 i = 0; i < pages; ++i) {
            if (i % 512 == 0) write(3, i / 512, 4 + i / 512);
            memory_.write64(PhysAddr{((4 + i / 512) << kPageShift) + 8 * (i % 512)},
                            Pte(Pfn{1024 + i}, kTable | Pte::kDirty).raw);
        }
        (void)mmu_.load_cr3(1 << kPageShift);
        l0_ = std::make_unique<L0>();
        mmu_.attach(l0_.get());
    }
    Mmu& mmu() { return mmu_; }
    L0& l0() { return *l0_; }

  private:
    void write(u64 frame, u64 index, u64 next) {
        memory_.write64(PhysAddr{(frame << kPageShift) + 8 * index}, Pte(Pfn{next}, kTable).raw);
    }
    PhysicalMemory memory_;
    Mmu mmu_;
    std::unique_ptr<L0> l0_;
};

/// Loads from `pages` pages in turn, all of them through translate().
void translate(benchmark::State& state, const char* preset) {
    const u64 pages = static_cast<u64>(state.range(0));
    Machine machine(pages, preset);
    u64 i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            machine.mmu().translate(VirtAddr{kStart + i * kPageSize}, Access::kLoad, Privilege::kUser));
        i = i + 1 == pages ? 0 : i + 1;
    }
    const RefStats& loads = machine.mmu().stats().user[0];
    const auto count = static_cast<double>(state.iterations());
    state.counters["l1_miss"] = static_cast<double>(loads.l1_misses) / count;
    state.counters["l2_miss"] = static_cast<double>(loads.l2_misses) / count;
}
// One page: L1 hits. 256: L1 misses that hit L2. 16384: walks.
BENCHMARK_CAPTURE(translate, skylake_sp, "skylake-sp")->Arg(1)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(translate, golden_cove, "golden-cove")->Arg(1)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(translate, zen4, "zen4")->Arg(1)->Arg(256)->Arg(16384);

/// The CPU's own way: L0 first, translate() on a miss.
void front(benchmark::State& state) {
    const u64 pages = static_cast<u64>(state.range(0));
    Machine machine(pages, "skylake-sp");
    u64 i = 0, sum = 0;
    for (auto _ : state) {
        const u64 address = kStart + i * kPageSize;
        u8* host = machine.l0().hit(machine.l0().load, address, 8);
        if (!host) host = machine.mmu().translate(VirtAddr{address}, Access::kLoad, Privilege::kUser)->host;
        sum += *host;
        i = i + 1 == pages ? 0 : i + 1;
    }
    benchmark::DoNotOptimize(sum);
}
BENCHMARK(front)->Arg(1)->Arg(16)->Arg(64)->Arg(256);

void fault(benchmark::State& state) {
    Machine machine(1, "skylake-sp");
    for (auto _ : state)
        benchmark::DoNotOptimize(
            machine.mmu().translate(VirtAddr{kStart + 100 * kPageSize}, Access::kLoad, Privilege::kUser));
}
BENCHMARK(fault);

void invlpg(benchmark::State& state) {
    Machine machine(1, "skylake-sp");
    for (auto _ : state) {
        (void)machine.mmu().translate(VirtAddr{kStart}, Access::kLoad, Privilege::kUser);
        machine.mmu().invlpg(VirtAddr{kStart});
    }
}
BENCHMARK(invlpg);

}  // namespace
