// The walker against a second specification, written from the text of SDM Vol. 3A 4.5 to 4.8 sentence by
// sentence and as naive as can be, over random tables, control bits and accesses.
#include "tests/mmu/machine.h"

#include "mmu/base/rng.h"

#include <catch2/catch.hpp>

#include <map>
#include <vector>

using namespace mmu;

namespace {

using Cr = ControlRegisters;

struct Spec {
    bool allowed = false;
    u32 error_code = 0;
    u64 physical = 0;
    std::map<u64, u64> written;  ///< what A and D make of entries, by physical address
};

struct Case {
    Cr control;
    PagingFeatures features;
    u64 address;
    Access access;
    Privilege privilege;
};

struct PathEntry {
    u64 where, value;
};

bool has(u64 word, unsigned position) {
    return word >> position & 1;
}

/// Table 4-14 to 4-20: the bits of an entry at `level` that must be 0.
bool reserved_bits_violated(const Case& c, unsigned level, u64 value) {
    for (unsigned position = c.features.physical_bits; position <= 51; ++position)
        if (has(value, position)) return true;
    if (has(value, 63) && !c.control.nxe()) return true;
    const bool ps = has(value, 7);
    if (level == 5 || level == 4) return ps;
    if (level == 3 && ps) {
        if (!c.features.page_1g) return true;
        for (unsigned position = 13; position <= 29; ++position)
            if (has(value, position)) return true;
    }
    if (level == 2 && ps)
        for (unsigned position = 13; position <= 20; ++position)
            if (has(value, position)) return true;
    return false;
}

/// 4.6.2: key i permits a read, or a write.
bool key_permits(const Case& c, bool user_address, unsigned key, bool write) {
    if (user_address ? !c.control.pke() : !c.control.pks()) return true;
    const u32 rights = user_address ? c.control.pkru : c.control.pkrs;
    const bool ad = has(rights, 2 * key), wd = has(rights, 2 * key + 1);
    if (ad) return false;
    if (!write || !wd) return true;
    return c.privilege != Privilege::kUser && !c.control.wp();
}

/// 4.6.1, in its order.
bool access_permitted(const Case& c, bool user_address, bool writable, bool execute_disable, unsigned key) {
    const bool write = c.access == Access::kStore || c.access == Access::kLoadForStore;
    const bool fetch = c.access == Access::kFetch;
    const bool may_execute = !c.control.nxe() || !execute_disable;
    const bool smap_permits = !c.control.smap() || c.privilege == Privilege::kSupervisorAc;
    if (c.privilege == Privilege::kUser) {
        if (!user_address) return false;
        if (fetch) return may_execute;
        if (!write) return key_permits(c, true, key, false);
        return writable && key_permits(c, true, key, true);
    }
    if (fetch) {
        if (user_address && c.control.smep()) return false;
        return may_execute;
    }
    if (user_address && !smap_permits) return false;
    if (!write) return key_permits(c, user_address, key, false);
    if (c.control.wp() && !writable) return false;
    return key_permits(c, user_address, key, true);
}

/// 4.7: figure 4-12.
u32 error_code(const Case& c, bool present, bool reserved, bool key) {
    const bool write = c.access == Access::kStore || c.access == Access::kLoadForStore;
    const bool fetch =
        c.access == Access::kFetch && (c.control.smep() || (c.control.pae() && c.control.nxe()));
    return u32{present} | u32{write} << 1 | u32{c.privilege == Privilege::kUser} << 2 | u32{reserved} << 3 |
           u32{fetch} << 4 | u32{key} << 5;
}

u64 read(const PhysicalMemory& memory, u64 address) {
    return memory.read64(PhysAddr{address});
}

Spec specify(const PhysicalMemory& memory, const Case& c) {
    Spec spec;
    std::vector<PathEntry> path;
    u64 table = c.control.cr3 & 0xffffffffff000;
    unsigned level = c.control.la57() ? 5 : 4;
    while (true) {
        const u64 where = table + ((c.address >> (12 + 9 * (level - 1))) & 511) * 8;
        const u64 value = read(memory, where);
        if (!has(value, 0))
            spec.error_code = error_code(c, false, false, false);
        else if (reserved_bits_violated(c, level, value))
            spec.error_code = error_code(c, true, true, false);
        else {
            path.push_back({where, value});
            if (level == 1 || (level <= 3 && has(value, 7))) break;
            spec.written[where] = value | 1u << 5;  // 4.8: used to get further
            table = value & 0xffffffffff000;
            --level;
            continue;
        }
        return spec;
    }
    bool user_address = true, writable = true, execute_disable = false;
    for (const PathEntry& entry : path) {
        user_address = user_address && has(entry.value, 2);
        writable = writable && has(entry.value, 1);
        execute_disable = execute_disable || has(entry.value, 63);
    }
    const PathEntry leaf = path.back();
    const unsigned key = leaf.value >> 59 & 15;
    if (!access_permitted(c, user_address, writable, execute_disable, key)) {
        const bool write = c.access == Access::kStore || c.access == Access::kLoadForStore;
        const bool by_key = c.access != Access::kFetch && !key_permits(c, user_address, key, write);
        spec.error_code = error_code(c, true, false, by_key);
        return spec;
    }
    const u64 offset_bits = 12 + 9 * (level - 1);
    const u64 offset = c.address & ((u64{1} << offset_bits) - 1);
    const u64 frame = (leaf.value & 0xffffffffff000) >> offset_bits << offset_bits;
    spec.allowed = true;
    spec.physical = frame + offset;
    spec.written[leaf.where] =
        leaf.value | 1u << 5 |
        (c.access == Access::kStore || c.access == Access::kLoadForStore ? 1u << 6 : 0);
    return spec;
}

constexpr u64 kTables = 64;  // frames 1 to 64 hold tables, chosen at random: they may be shared and even loop

u64 random_entry(Rng& rng) {
    u64 value = rng.next() & (0xfff | mask(63, 52));
    if (rng.below(16)) value |= Pte::kPresent;
    if (rng.below(4)) value |= Pte::kUser;
    if (rng.below(4)) value |= Pte::kWritable;
    if (rng.below(3)) value &= ~Pte::kNoExecute;
    if (rng.below(4)) value &= ~Pte::kLarge;
    if (rng.below(3)) value &= ~mask(62, 59);
    value |= (1 + rng.below(kTables)) << 12;
    if (!rng.below(2)) value &= ~mask(29, 12);  // so that large pages are not all reserved
    if (!rng.below(24)) value |= bit(static_cast<unsigned>(30 + rng.below(22)));
    return value;
}

Case random_case(Rng& rng) {
    Case c;
    constexpr u64 kCr4Choice[] = {Cr::kCr4Pge,  Cr::kCr4La57, Cr::kCr4Smep,
                                  Cr::kCr4Smap, Cr::kCr4Pke,  Cr::kCr4Pks};
    for (const u64 choice : kCr4Choice)
        c.control.cr4 = rng.below(2) ? c.control.cr4 | choice : c.control.cr4 & ~choice;
    if (rng.below(3) == 0) c.control.cr0 &= ~Cr::kCr0Wp;
    if (rng.below(3) == 0) c.control.efer &= ~Cr::kEferNxe;
    c.control.pkru = static_cast<u32>(rng.next() & rng.next());
    c.control.pkrs = static_cast<u32>(rng.next() & rng.next());
    c.control.cr3 = (1 + rng.below(kTables)) << 12;
    c.features.physical_bits = static_cast<unsigned>(rng.below(2) ? 46 : 36 + rng.below(17));
    c.features.page_1g = rng.below(4) != 0;
    const unsigned width = c.control.virtual_bits();
    c.address = static_cast<u64>(static_cast<i64>(rng.next() << (64 - width)) >> (64 - width));
    c.access = static_cast<Access>(rng.below(4));
    c.privilege = static_cast<Privilege>(rng.below(4));
    return c;
}

}  // namespace

TEST_CASE("PageWalker: it agrees with the SDM's text on 200 000 random tables and accesses") {
    PhysicalMemory memory = std::move(*PhysicalMemory::create(1 << 20));
    Rng rng(2024);
    for (u64 table = 1; table <= kTables; ++table)
        for (u64 i = 0; i < 512; ++i) memory.write64(PhysAddr{table << 12 | i * 8}, random_entry(rng));
    u64 outcomes[4] = {};
    for (unsigned i = 0; i < 200'000; ++i) {
        const Case c = random_case(rng);
        const Spec spec = specify(memory, c);
        const PageWalker walker(memory, c.features);
        const WalkStart root = PageWalker::root_of(c.control);
        const VirtAddr address{c.address};
        const Walk dry = walker.walk(c.control, address, c.access, c.privilege, root, WalkEffects::kNone);
        const Walk walk =
            walker.walk(c.control, address, c.access, c.privilege, root, WalkEffects::kAccessedAndDirty);
        ++outcomes[static_cast<unsigned>(walk.end)];
        const bool same = walk.translated() == spec.allowed && walk.error_code == spec.error_code &&
                          (!spec.allowed || walk.physical(address).value == spec.physical) &&
                          dry.end == walk.end && dry.error_code == walk.error_code;
        bool marks = true;
        for (const auto& [where, value] : spec.written) marks = marks && read(memory, where) == value;
        if (!same || !marks) {
            CAPTURE(i, c.address, c.control.cr4, walk.error_code, spec.error_code, spec.allowed);
            REQUIRE(same);
            REQUIRE(marks);
        }
        // Keep the tables changing, and their A and D bits with them.
        for (unsigned n = 0; n < 4; ++n)
            memory.write64(PhysAddr{(1 + rng.below(kTables)) << 12 | rng.below(512) * 8}, random_entry(rng));
        for (unsigned n = 0; n < walk.entries_read; ++n)
            memory.write64(walk.entry(n).where, random_entry(rng));
    }
    for (const u64 count : outcomes) REQUIRE(count > 5'000);
}

TEST_CASE("PageWalker: a walk marks nothing but the entries that the SDM names") {
    PhysicalMemory memory = std::move(*PhysicalMemory::create(1 << 20));
    Rng rng(7);
    for (u64 table = 1; table <= kTables; ++table)
        for (u64 i = 0; i < 512; ++i) memory.write64(PhysAddr{table << 12 | i * 8}, random_entry(rng));
    const auto all = [&] {
        return std::vector<u8>(memory.host(PhysAddr{0}), memory.host(PhysAddr{0}) + memory.size());
    };
    for (unsigned i = 0; i < 300; ++i) {
        const Case c = random_case(rng);
        const Spec spec = specify(memory, c);
        std::vector<u8> expected = all();
        for (const auto& [where, value] : spec.written)
            std::memcpy(expected.data() + where, &value, sizeof value);
        (void)PageWalker(memory, c.features)
            .walk(c.control, VirtAddr{c.address}, c.access, c.privilege, PageWalker::root_of(c.control),
                  WalkEffects::kAccessedAndDirty);
        REQUIRE(all() == expected);
    }
}

TEST_CASE("PageWalker: a walk begun from what a walk cache remembers ends as one begun at CR3") {
    PhysicalMemory memory = std::move(*PhysicalMemory::create(1 << 20));
    Rng rng(99);
    for (u64 table = 1; table <= kTables; ++table)
        for (u64 i = 0; i < 512; ++i) memory.write64(PhysAddr{table << 12 | i * 8}, random_entry(rng));
    unsigned compared = 0;
    for (unsigned i = 0; i < 30'000; ++i) {
        const Case c = random_case(rng);
        const PageWalker walker(memory, c.features);
        const VirtAddr address{c.address};
        const Walk full = walker.walk(c.control, address, c.access, c.privilege,
                                      PageWalker::root_of(c.control), WalkEffects::kNone);
        WalkCache cache(WalkCacheConfig{});
        if (!full.translated() || full.entries_read < 2) continue;
        cache.insert(address, c.control.pcid(), full);
        const WalkStart start = cache.lookup(address, c.control);
        REQUIRE(start.level == full.level_of(full.entries_read - 1));
        const Walk shortened =
            walker.walk(c.control, address, c.access, c.privilege, start, WalkEffects::kNone);
        REQUIRE(shortened.end == full.end);
        REQUIRE(shortened.rights == full.rights);
        REQUIRE(shortened.physical(address) == full.physical(address));
        REQUIRE(shortened.entries_read == 1);
        ++compared;
    }
    REQUIRE(compared > 500);
}
