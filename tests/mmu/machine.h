// RAM, hand-built tables and an Mmu over them, for tests of the whole translation. Include it before Catch,
// whose CHECK must be the one that the test sees.
#pragma once

#include "mmu/mmu.h"
#include "mmu/observer.h"
#include "mmu/presets.h"
#include "mmu/walk_cache.h"
#include "tests/mmu/table_builder.h"

namespace mmu {

/// A small TLB whose contents are easy to foretell: fully associative, LRU, every page size in one array.
inline TlbConfig small_tlb(u32 l1_entries = 4, u32 l2_entries = 16) {
    const auto array = [](const char* name, u32 entries) {
        return TlbArrayConfig{.name = name, .sizes = {true, true, true}, .sets = 1, .ways = entries};
    };
    TlbConfig config;
    config.name = "small";
    config.l1_instruction = {array("L1I", l1_entries)};
    config.l1_load = {array("L1D", l1_entries)};
    if (l2_entries) config.l2 = {array("L2", l2_entries)};
    return config;
}

struct Machine {
    explicit Machine(const TlbConfig& tlb = small_tlb(), unsigned levels = 4, PagingFeatures features = {})
        : memory(std::move(*PhysicalMemory::create(16 << 20))),
          tables(memory, levels),
          mmu(memory, tlb, features, 1) {
        if (levels == 5) {
            CHECK(mmu.write_cr0(mmu.control().cr0 & ~ControlRegisters::kCr0Pg).has_value());
            CHECK(mmu.write_cr4(mmu.control().cr4 | ControlRegisters::kCr4La57).has_value());
            CHECK(mmu.write_cr0(mmu.control().cr0 | ControlRegisters::kCr0Pg).has_value());
        }
        CHECK(mmu.load_cr3(tables.root().value).has_value());
    }

    Expected<Translation, Fault> load(VirtAddr address) { return user(address, Access::kLoad); }
    Expected<Translation, Fault> store(VirtAddr address) { return user(address, Access::kStore); }
    Expected<Translation, Fault> fetch(VirtAddr address) { return user(address, Access::kFetch); }
    Expected<Translation, Fault> user(VirtAddr address, Access access) {
        return mmu.translate(address, access, Privilege::kUser);
    }
    /// The physical address that a user's load of `address` reaches; ~0 for a fault.
    u64 reached(VirtAddr address) {
        const auto found = load(address);
        return found ? found->physical.value : ~u64{0};
    }
    /// Same for the error code; ~0 for no fault.
    u32 error_code(VirtAddr address, Access access, Privilege privilege = Privilege::kUser) {
        const auto found = mmu.translate(address, access, privilege);
        return found ? ~0u : found.error().error_code;
    }
    void set_cr4(u64 bits) { CHECK(mmu.write_cr4(mmu.control().cr4 | bits).has_value()); }
    void clear_cr4(u64 bits) { CHECK(mmu.write_cr4(mmu.control().cr4 & ~bits).has_value()); }
    const WalkStats& walks() const { return mmu.stats().walks; }
    const RefStats& user_loads() const { return mmu.stats().user[0]; }

    PhysicalMemory memory;
    TableBuilder tables;
    Mmu mmu;
};

}  // namespace mmu
