// What the kernel's part of memory management costs: first-touch faults on recycled frames (with the MMU's
// part, and alone), mapping calls, and making a machine's memory.
#include <benchmark/benchmark.h>

#include <memory>

#include "kernel/fault.h"
#include "kernel/mm.h"
#include "kernel/mmap.h"
#include "mmu/presets.h"

namespace {

using mmu::Access;
using mmu::u64;
using mmu::VirtAddr;

constexpr u64 kPage = mmu::kPageSize;
constexpr u64 kReadWrite = 3, kPrivateAnonymous = 0x22;

struct Machine {
    Machine()
        : memory(std::move(*mmu::PhysicalMemory::create(u64{1} << 30))),
          hw(memory, *mmu::find_preset(mmu::kDefaultPreset), mmu::PagingFeatures{}, 1),
          system(memory, hw),
          mm(*kernel::mm_alloc(system)) {
        hw.attach(&l0);
        kernel::arch_pick_mmap_layout(mm, 0);
        kernel::switch_mm(system, mm);
    }
    u64 map(u64 pages) {
        return static_cast<u64>(
            kernel::sys_mmap(system, mm, 0, pages * kPage, kReadWrite, kPrivateAnonymous, nullptr, 0));
    }
    mmu::PhysicalMemory memory;
    mmu::L0 l0;
    mmu::Mmu hw;
    kernel::MemorySystem system;
    kernel::MmStruct mm;
    mmu::Registers registers;
};

/// mmap, a store to each page, munmap: a store is a miss, a fault, and the store again.
void first_touch(benchmark::State& state) {
    Machine m;
    const u64 pages = static_cast<u64>(state.range(0));
    for (auto _ : state) {
        const u64 base = m.map(pages);
        for (u64 i = 0; i < pages; ++i) {
            const VirtAddr address{base + i * kPage};
            const auto miss = m.hw.translate(address, Access::kStore, mmu::Privilege::kUser);
            kernel::do_page_fault(m.system, m.mm, miss.error(), m.registers);
            benchmark::DoNotOptimize(m.hw.translate(address, Access::kStore, mmu::Privilege::kUser)->host);
        }
        kernel::sys_munmap(m.system, m.mm, base, pages * kPage);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(first_touch)->Arg(64)->Arg(4096);

/// The kernel's part of the same.
void do_page_fault(benchmark::State& state) {
    Machine m;
    const u64 pages = static_cast<u64>(state.range(0));
    for (auto _ : state) {
        const u64 base = m.map(pages);
        for (u64 i = 0; i < pages; ++i) {
            const mmu::Fault fault{mmu::Vector::kPageFault,
                                   mmu::PageFaultCode::kWrite | mmu::PageFaultCode::kUser,
                                   VirtAddr{base + i * kPage}};
            kernel::do_page_fault(m.system, m.mm, fault, m.registers);
        }
        kernel::sys_munmap(m.system, m.mm, base, pages * kPage);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(do_page_fault)->Arg(64)->Arg(4096);

/// mmap and munmap of one untouched page among `range` other areas.
void map_and_unmap(benchmark::State& state) {
    Machine m;
    for (mmu::i64 i = 0; i < state.range(0); ++i) {
        const u64 base = m.map(2);
        kernel::sys_munmap(m.system, m.mm, base, kPage);
    }
    for (auto _ : state) {
        const u64 base = m.map(3);
        kernel::sys_munmap(m.system, m.mm, base, 3 * kPage);
    }
}
BENCHMARK(map_and_unmap)->Arg(10)->Arg(10000);

void brk_up_and_down(benchmark::State& state) {
    Machine m;
    m.mm.start_brk = m.mm.brk = 0x600000;
    for (auto _ : state) {
        kernel::sys_brk(m.system, m.mm, 0x600000 + 33 * kPage);
        kernel::sys_brk(m.system, m.mm, 0x600000);
    }
}
BENCHMARK(brk_up_and_down);

void make_machine(benchmark::State& state) {
    for (auto _ : state) {
        auto machine = std::make_unique<Machine>();
        benchmark::DoNotOptimize(machine.get());
    }
}
BENCHMARK(make_machine)->Unit(benchmark::kMicrosecond);

}  // namespace
