// The stream of events: what a debugger sees of one translation.
#include "tests/mmu/machine.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};

class Recorder : public Observer {
  public:
    void on_mmu_event(const MmuEvent& event) override { events.push_back(event); }

    std::string stages() const {
        std::string text;
        for (const MmuEvent& event : events)
            text += (text.empty() ? "" : " ") + std::string(name_of(event.stage));
        return text;
    }
    std::vector<MmuEvent> events;
};

}  // namespace

TEST_CASE("Observer: a first store is told step by step, with each entry's address and raw bits") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    const Pte pml4e = machine.tables.read(kAddress, 4), pte = machine.tables.read(kAddress, 1);
    Recorder recorder;
    machine.mmu.set_observer(&recorder);
    REQUIRE(machine.store(kAddress));
    REQUIRE(recorder.stages() ==
            "reference tlb-lookup walk-begin walk-entry accessed-set walk-entry accessed-set walk-entry "
            "accessed-set walk-entry accessed-set dirty-set verdict fill");
    const auto& events = recorder.events;
    REQUIRE(events[1].level == 0);
    REQUIRE((events[2].level == 4 && !events[2].cached && events[2].physical == machine.tables.root()));
    REQUIRE((events[3].level == 4 && events[3].raw == pml4e.raw));
    REQUIRE(events[3].physical == machine.tables.entry(kAddress, 4));
    REQUIRE((events[9].level == 1 && events[9].raw == pte.raw));
    REQUIRE((events[12].verdict == Verdict::kAllowed && events[12].physical.value == 0x1abc));
    REQUIRE(
        (events[13].physical.value == 0x1000 && events[13].raw == (pte.raw | Pte::kAccessed | Pte::kDirty)));
}

TEST_CASE("Observer: hits, walk-cache hits, re-walks, faults and flushes are told") {
    Machine machine;
    machine.tables.map(kAddress, PhysAddr{0x1000});
    machine.tables.map(kAddress + kPageSize, PhysAddr{0x2000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(machine.load(kAddress));
    Recorder recorder;
    machine.mmu.set_observer(&recorder);
    REQUIRE(machine.load(kAddress));
    REQUIRE(recorder.stages() == "reference tlb-lookup");
    REQUIRE(recorder.events[1].level == 1);

    recorder.events.clear();
    REQUIRE(machine.load(kAddress + kPageSize));
    REQUIRE(recorder.stages() == "reference tlb-lookup walk-begin walk-entry accessed-set verdict fill");
    REQUIRE((recorder.events[2].cached && recorder.events[2].level == 1));

    recorder.events.clear();
    REQUIRE_FALSE(machine.store(kAddress + kPageSize));
    REQUIRE(recorder.stages() == "reference tlb-lookup rewalk walk-begin walk-entry verdict invalidate");
    REQUIRE(recorder.events[2].verdict == Verdict::kReadOnly);
    REQUIRE(recorder.events[5].verdict == Verdict::kReadOnly);
    REQUIRE(recorder.events[5].error_code == 7);
    REQUIRE((recorder.events[6].cause == FlushCause::kPageFault && recorder.events[6].count == 2));

    recorder.events.clear();
    machine.mmu.invlpg(kAddress);
    REQUIRE(recorder.stages() == "invalidate");
    REQUIRE_FALSE(machine.load(VirtAddr{u64{1} << 50}));
    REQUIRE(recorder.events.back().verdict == Verdict::kNonCanonical);
}

TEST_CASE("Observer: watching changes no count") {
    const auto run = [](Observer* observer) {
        Machine machine;
        for (unsigned page = 0; page < 30; ++page)
            machine.tables.map(kAddress + page * kPageSize, PhysAddr{0x1000});
        machine.mmu.set_observer(observer);
        for (unsigned i = 0; i < 500; ++i)
            (void)machine.user(kAddress + i * 11 % 40 * kPageSize, i % 3 ? Access::kLoad : Access::kStore);
        return machine.mmu.stats();
    };
    Recorder recorder;
    REQUIRE(run(&recorder) == run(nullptr));
}
