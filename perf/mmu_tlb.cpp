// What a reference costs: through L0, through the slow lookup alone, and with the fill after a miss; by
// preset and by policy, for four streams of pages. Time per iteration is per reference.
#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "mmu/presets.h"
#include "mmu/replacement.h"
#include "mmu/tlb_hierarchy.h"

namespace {

using namespace mmu;

constexpr u64 kReferences = 1 << 16;

struct Stream {
    const char* name;
    std::function<u64(u64 i, Rng& rng)> address;
};

const Stream kStreams[] = {
    {"sequential", [](u64 i, Rng&) { return i * 8; }},
    {"16 pages", [](u64, Rng& rng) { return rng.below(16) << 12 | rng.below(512) << 3; }},
    {"64 pages", [](u64, Rng& rng) { return rng.below(64) << 12 | rng.below(512) << 3; }},
    {"mixed: 7/8 of 16 pages, 1/8 of 4096",
     [](u64, Rng& rng) {
         return (rng.below(8) ? rng.below(16) : rng.below(4096)) << 12 | rng.below(512) << 3;
     }},
    {"4096 pages", [](u64, Rng& rng) { return rng.below(4096) << 12 | rng.below(512) << 3; }},
};

std::vector<u64> addresses_of(const Stream& stream) {
    Rng rng(1);
    std::vector<u64> addresses(kReferences);
    for (u64 i = 0; i < kReferences; ++i) addresses[i] = 0x400000 + stream.address(i, rng);
    return addresses;
}

TlbEntry walk(VirtAddr address) {
    return {
        .page_number = address.page_number(), .dirty = true, .frame = PhysAddr{address.page_base().value}};
}

[[gnu::noinline]] u64 slow(TlbHierarchy& tlb, L0* l0, VirtAddr address) {
    TlbWay* way = tlb.lookup(RefKind::kLoad, address, 0).way;
    if (!way) way = tlb.fill(RefKind::kLoad, address, walk(address));
    if (l0)
        if (u64* stamp = tlb.front_stamp(RefKind::kLoad, way))
            L0::fill(l0->load, address.page_base(), reinterpret_cast<u8*>(address.page_base().value), stamp);
    return tlb.entry(way).translate(address).value;
}

/// As the CPU does it: L0, else the lookup, else the fill.
void with_l0(benchmark::State& state, const TlbConfig& config, const Stream& stream) {
    TlbHierarchy tlb(config, 1);
    L0 l0;
    tlb.attach(&l0);
    const std::vector<u64> addresses = addresses_of(stream);
    u64 sum = 0, i = 0;
    for (auto _ : state) {
        const u64 address = addresses[i++ % kReferences];
        if (const u8* host = l0.hit(l0.load, address, 8))
            sum += reinterpret_cast<u64>(host);
        else
            sum += slow(tlb, &l0, VirtAddr{address});
    }
    benchmark::DoNotOptimize(sum);
}

void without_l0(benchmark::State& state, const TlbConfig& config, const Stream& stream) {
    TlbHierarchy tlb(config, 1);
    const std::vector<u64> addresses = addresses_of(stream);
    u64 sum = 0, i = 0;
    for (auto _ : state) sum += slow(tlb, nullptr, VirtAddr{addresses[i++ % kReferences]});
    benchmark::DoNotOptimize(sum);
}

/// A 16 x 4 L1 (15 ways x 16 where the policy wants groups of three: 3) before a 128 x 12 L2, all of one
/// policy.
TlbConfig config_of(const Policy& policy) {
    TlbConfig config = *find_preset("skylake-sp");
    config.name = policy.name;
    config.l1_load[0].policy = config.l2[0].policy = std::string(policy.name);
    if (policy.refuse(4)) config.l1_load[0].ways = 3;
    if (policy.refuse(12)) config.l2[0].ways = 16;
    return config;
}

bool register_all() {
    std::vector<TlbConfig> configs;
    for (const Policy& policy : kPolicies) configs.push_back(config_of(policy));
    for (const char* preset : {"skylake-sp", "golden-cove", "zen2", "zen4"})
        configs.push_back(*find_preset(preset));
    for (const TlbConfig& config : configs) {
        for (const Stream& stream : kStreams) {
            const std::string name = config.name + "/" + stream.name;
            benchmark::RegisterBenchmark(("L0/" + name).c_str(), [=, &stream](benchmark::State& state) {
                with_l0(state, config, stream);
            });
            benchmark::RegisterBenchmark(("lookup/" + name).c_str(), [=, &stream](benchmark::State& state) {
                without_l0(state, config, stream);
            });
        }
    }
    return true;
}

[[maybe_unused]] const bool kRegistered = register_all();

/// Fills and flushes: what an address-space switch without PCID costs.
void flush_all(benchmark::State& state) {
    TlbHierarchy tlb(*find_preset("skylake-sp"), 1);
    L0 l0;
    tlb.attach(&l0);
    for (auto _ : state) {
        for (u64 page = 0; page < 16; ++page) slow(tlb, &l0, VirtAddr{page << 12});
        benchmark::DoNotOptimize(tlb.invalidate_all());
    }
}
BENCHMARK(flush_all);

void invalidate_page(benchmark::State& state) {
    TlbHierarchy tlb(*find_preset("skylake-sp"), 1);
    L0 l0;
    tlb.attach(&l0);
    for (auto _ : state) {
        slow(tlb, &l0, VirtAddr{0x400000});
        benchmark::DoNotOptimize(tlb.invalidate_page(VirtAddr{0x400000}, 0));
    }
}
BENCHMARK(invalidate_page);

}  // namespace
