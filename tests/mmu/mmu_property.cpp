// The coupled MMU against walking each time, and against itself without the fast path, over random histories.
#include "tests/mmu/machine.h"

#include "mmu/base/rng.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

using Cr = ControlRegisters;

constexpr u64 kPages = 300;
constexpr VirtAddr kBase{0x7f00'0000'0000};

/// What the CPU does: the fast path, then translate().
Expected<Translation, Fault> reference(Mmu& mmu, L0& front, VirtAddr address, Access access) {
    L0::Slot* const slots = access == Access::kStore   ? front.store
                            : access == Access::kFetch ? front.fetch
                                                       : front.load;
    if (access != Access::kLoadForStore || front.probe(front.store, address.value, 1))
        if (u8* const host = front.hit(slots, address.value, 1))
            return Translation{PhysAddr{static_cast<u64>(host - mmu.memory().host(PhysAddr{}))}, host};
    return mmu.translate(address, access, Privilege::kUser);
}

u64 random_leaf(Rng& rng) {
    u64 flags = Pte::kPresent | Pte::kUser;
    if (!rng.below(6)) flags &= ~Pte::kPresent;
    if (!rng.below(12)) flags &= ~Pte::kUser;
    if (rng.below(3)) flags |= Pte::kWritable;
    if (rng.below(2)) flags |= Pte::kNoExecute;
    if (!rng.below(3)) flags |= Pte::kDirty | Pte::kAccessed;
    return flags | rng.below(4) << 59;
}

/// Three address spaces of `kPages` pages each, two of them 2 MiB pages, in three PCIDs.
struct Spaces {
    explicit Spaces(const TlbConfig& tlb)
        : memory(std::move(*PhysicalMemory::create(64 << 20))), mmu(memory, tlb, {}, 1) {
        builders.reserve(3);
        for (u64 i = 0; i < 3; ++i) builders.emplace_back(memory, 4, 1 + i * 256);
        REQUIRE(mmu.write_cr4(mmu.control().cr4 | Cr::kCr4Pcide | Cr::kCr4Pke));
        enter(0, true);
    }
    void enter(u64 space, bool flush) {
        current = space;
        REQUIRE(mmu.load_cr3(builders[space].root().value | space | (flush ? 0 : Cr::kCr3NoFlush)));
    }
    /// The pages are spread, so that several tables and sets are in play; the last ones are large.
    static VirtAddr page(u64 number) { return kBase + number * kPageSize + (number % 3) * (u64{1} << 30); }
    static VirtAddr large_page(u64 number) { return kBase + (u64{5} << 30) + number * (u64{1} << 21); }

    /// Changes a page of the current space; the caller invalidates `address` after.
    VirtAddr change(Rng& rng) {
        TableBuilder& tables = builders[current];
        if (!rng.below(10)) {
            const VirtAddr address = large_page(rng.below(3));
            tables.map(address, PhysAddr{(1 + rng.below(20)) << 21}, PageSize::k2M, random_leaf(rng));
            return address;
        }
        const VirtAddr address = page(rng.below(kPages));
        if (!rng.below(20))
            tables.write(address, 2,
                         Pte{tables.read(address, 2).raw ^ (rng.below(2) ? Pte::kWritable : Pte::kPresent)});
        else if (tables.read(address, 2).present())
            tables.map(address, PhysAddr{(4096 + rng.below(4096)) << 12}, PageSize::k4K, random_leaf(rng));
        return address;
    }

    PhysicalMemory memory;
    std::vector<TableBuilder> builders;
    Mmu mmu;
    u64 current = 0;
};

VirtAddr random_address(Rng& rng, u64 reach) {
    if (!rng.below(8)) return Spaces::large_page(rng.below(3)) + rng.below(1 << 21);
    return Spaces::page(rng.below(reach)) + rng.below(kPageSize);
}

Access random_access(Rng& rng) {
    constexpr Access kChoices[] = {Access::kLoad, Access::kLoad, Access::kStore, Access::kLoadForStore,
                                   Access::kFetch};
    return kChoices[rng.below(5)];
}

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    for (const TlbConfig& config : presets()) names.push_back(config.name);
    return names;
}

/// Runs a random history. Returns how many references ended otherwise than a walk of the tables says.
u64 disagreements(Spaces& spaces, L0& front, u64 seed, u64 forget_one_in) {
    Rng rng(seed);
    u64 wrong = 0;
    for (unsigned i = 0; i < 40'000; ++i) {
        const u64 choice = rng.below(1000);
        if (choice < 40) {
            const VirtAddr changed = spaces.change(rng);
            if (!forget_one_in || rng.below(forget_one_in)) spaces.mmu.invlpg(changed);
        } else if (choice < 45) {
            spaces.enter(rng.below(3), rng.below(3) == 0);
        } else if (choice < 50) {
            spaces.mmu.write_pkru(static_cast<u32>(rng.below(256)));
        } else if (choice < 51) {
            REQUIRE(spaces.mmu.invpcid(rng.below(4), {.pcid = spaces.current, .address = 0}));
        }
        const VirtAddr address = random_address(rng, 1 + rng.below(kPages));
        const Access access = random_access(rng);
        const auto expected = spaces.mmu.peek(address, access, Privilege::kUser);
        const auto found = reference(spaces.mmu, front, address, access);
        const bool same = expected.has_value() == found.has_value() &&
                          (found ? found->physical == expected->physical && found->host == expected->host
                                 : found.error() == expected.error());
        wrong += !same;
        if (found && access == Access::kStore && same)
            wrong += !spaces.mmu.peek_walk(address, access, Privilege::kUser).leaf.dirty();
    }
    return wrong;
}

}  // namespace

TEST_CASE("Mmu: with every change invalidated, the TLB is never seen: each reference ends as a walk would") {
    const std::string preset = GENERATE(from_range(preset_names()));
    CAPTURE(preset);
    Spaces spaces(find_preset(preset).value());
    auto front = std::make_unique<L0>();
    spaces.mmu.attach(front.get());
    REQUIRE(disagreements(spaces, *front, 11, 0) == 0);
}

TEST_CASE("Mmu: a forgotten invalidation is seen") {
    Spaces spaces(find_preset("skylake-sp").value());
    auto front = std::make_unique<L0>();
    spaces.mmu.attach(front.get());
    REQUIRE(disagreements(spaces, *front, 11, 3) > 10);
}

TEST_CASE("Mmu: invalidating more than was asked for changes no outcome (40)") {
    Spaces spaces(find_preset("skylake-sp").value());
    auto front = std::make_unique<L0>();
    spaces.mmu.attach(front.get());
    Rng rng(3);
    for (unsigned round = 0; round < 40; ++round) {
        for (unsigned i = 0; i < 200; ++i) {
            const VirtAddr address = random_address(rng, kPages);
            if (i % 3 == 0) spaces.mmu.invlpg(random_address(rng, kPages));
            if (i % 50 == 0) spaces.mmu.flush_all();
            const auto expected = spaces.mmu.peek(address, Access::kStore, Privilege::kUser);
            const auto found = reference(spaces.mmu, *front, address, Access::kStore);
            REQUIRE(expected.has_value() == found.has_value());
            if (found) REQUIRE(found->physical == expected->physical);
        }
        spaces.mmu.invlpg(spaces.change(rng));
    }
}

TEST_CASE("Mmu: the fast path changes no count: with and without L0 the model counts the same") {
    const std::string preset = GENERATE(from_range(preset_names()));
    CAPTURE(preset);
    Spaces with(find_preset(preset).value()), without(find_preset(preset).value());
    auto front = std::make_unique<L0>();
    auto nothing = std::make_unique<L0>();
    with.mmu.attach(front.get());
    REQUIRE(disagreements(with, *front, 5, 0) == 0);
    REQUIRE(disagreements(without, *nothing, 5, 0) == 0);
    REQUIRE(with.mmu.stats() == without.mmu.stats());
}

TEST_CASE("Mmu: the brute-force model agrees with each reference of a random history (--verify)") {
    const std::string preset = GENERATE(from_range(preset_names()));
    CAPTURE(preset);
    Spaces spaces(find_preset(preset).value());
    auto front = std::make_unique<L0>();
    spaces.mmu.attach(front.get());
    spaces.mmu.enable_verify();
    REQUIRE(spaces.mmu.granular());
    REQUIRE(disagreements(spaces, *front, 5, 0) == 0);
    REQUIRE(spaces.mmu.verify_failure().value_or("") == "");
}
