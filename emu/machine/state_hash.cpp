#include "emu/machine/state_hash.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

namespace emu {
namespace {

using mmu::PageSize, mmu::PhysAddr, mmu::PhysicalMemory, mmu::Pte;

/// Words in, one word out: a multiply-and-rotate mix; equality is all that is asked of it.
class Hash {
  public:
    void word(u64 value) {
        state_ = (state_ ^ value) * 0x9e3779b97f4a7c15;
        state_ ^= state_ >> 29;
    }
    void bytes(const u8* data, usize size) {
        for (usize at = 0; at < size; at += 8) {
            u64 value = 0;
            std::memcpy(&value, data + at, std::min<usize>(8, size - at));
            word(value);
        }
    }
    u64 value() const { return state_; }

  private:
    u64 state_ = 0x6d6d7573636f7065;
};

void add_registers(Hash& hash, const mmu::Registers& r) {
    for (const u64 value : r.gpr) hash.word(value);
    for (const u64 value : {r.rip, r.fs_base, r.gs_base, r.rflags, u64{r.mxcsr}}) hash.word(value);
    for (const auto& vector : r.vector) hash.bytes(vector.bytes.data(), vector.bytes.size());
    for (const auto& value : r.x87.physical) {
        hash.word(value.significand);
        hash.word(value.sign_exponent);
    }
    for (const u64 value : {u64{r.x87.control}, u64{r.x87.status}, u64{r.x87.top}, u64{r.x87.valid}})
        hash.word(value);
}

void add_tables(Hash& hash, const PhysicalMemory& memory, PhysAddr table, unsigned level) {
    for (u64 n = 0; n < 512; ++n) {
        const Pte entry{memory.read64(table + 8 * n)};
        if (entry.raw == 0) continue;
        hash.word(level << 16 | n);
        hash.word(entry.raw);
        if (!entry.present()) continue;
        const bool leaf = level == 1 || entry.large();
        if (!leaf) {
            add_tables(hash, memory, entry.address(), level - 1);
            continue;
        }
        const PageSize size = level == 1 ? PageSize::k4K : level == 2 ? PageSize::k2M : PageSize::k1G;
        const PhysAddr page = entry.address(size);
        if (memory.contains(page, bytes_of(size))) hash.bytes(memory.host(page), bytes_of(size));
    }
}

/// By way, how many others were used before it: the order of stamps is all that matters, and a run in single
/// steps makes more of them.
std::vector<u64> order_of_use(const mmu::Tlb& array) {
    std::vector<u32> ways(array.size());
    std::iota(ways.begin(), ways.end(), 0);
    std::stable_sort(ways.begin(), ways.end(), [&](u32 a, u32 b) { return array.stamp(a) < array.stamp(b); });
    std::vector<u64> order(ways.size());
    for (u32 n = 0; n < ways.size(); ++n) order[ways[n]] = n;
    return order;
}

void add_tlb(Hash& hash, const mmu::Mmu& mmu) {
    for (const mmu::Tlb& array : mmu.tlb().arrays()) {
        const std::vector<u64> order = order_of_use(array);
        for (u32 number = 0; number < array.size(); ++number) {
            hash.word(array.valid(number));
            hash.word(order[number]);
            hash.word(array.mark(number));
            if (!array.valid(number)) continue;
            const mmu::TlbEntry& entry = array.way(number).entry;
            hash.word(entry.page_number);
            hash.word(entry.frame.value);
            hash.word(entry.pcid);
        }
    }
    const mmu::MmuStats& stats = mmu.stats();
    for (const auto* kinds : {&stats.user, &stats.kernel})
        for (const mmu::RefStats& kind : *kinds)
            for (const u64 value :
                 {kind.references, kind.l1_misses, kind.l2_hits, kind.l2_misses, kind.faults})
                hash.word(value);
    for (const u64 value : stats.flushes) hash.word(value);
    hash.word(stats.walks.memory_references);
}

}  // namespace

std::string hash_state(const mmu::Registers& registers, const Counters& counters, const mmu::Mmu& mmu,
                       const PhysicalMemory& memory, const std::vector<HashedTask>& others) {
    Hash hash;
    add_registers(hash, registers);
    for (const u64 value : {counters.instructions, counters.loads, counters.stores, counters.fetches})
        hash.word(value);
    add_tables(hash, memory, mmu.control().root(), mmu.control().levels());
    for (const HashedTask& task : others) {
        add_registers(hash, *task.registers);
        add_tables(hash, memory, task.root, mmu.control().levels());
    }
    add_tlb(hash, mmu);
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash.value()));
    return text;
}

}  // namespace emu
