// What may have an L0 slot and what may not; when slots go.
#include "tests/mmu/machine.h"

#include <catch2/catch.hpp>

using namespace mmu;

namespace {

constexpr VirtAddr kAddress{0x7f12'3456'7abc};

struct Fronted : Machine {
    explicit Fronted(const TlbConfig& tlb = small_tlb()) : Machine(tlb) {
        mmu.attach(front.get());
        tables.map(kAddress, PhysAddr{0x1000});
    }
    bool loads(VirtAddr a = kAddress) { return front->probe(front->load, a.value, 1); }
    bool stores(VirtAddr a = kAddress) { return front->probe(front->store, a.value, 1); }
    bool fetches(VirtAddr a = kAddress) { return front->probe(front->fetch, a.value, 1); }

    std::unique_ptr<L0> front = std::make_unique<L0>();
};

class Silent : public Observer {
  public:
    explicit Silent(bool references) : references_(references) {}
    void on_mmu_event(const MmuEvent&) override {}
    bool wants_references() const override { return references_; }

  private:
    bool references_;
};

}  // namespace

TEST_CASE("L0: a reference fills the slot of its own kind, with the host byte of its page") {
    Fronted m;
    REQUIRE(m.load(kAddress));
    REQUIRE((m.loads() && !m.stores() && !m.fetches()));
    REQUIRE(m.front->probe(m.front->load, kAddress.value, 1) == m.memory.host(PhysAddr{0x1abc}));
    REQUIRE(m.front->probe(m.front->load, kAddress.value, 0x545) == nullptr);  // crosses the page
    REQUIRE(m.store(kAddress));
    REQUIRE((m.stores() && !m.fetches()));
    REQUIRE(m.fetch(kAddress));
    REQUIRE(m.fetches());
}

TEST_CASE("L0: supervisor references fill no slot, whatever the page") {
    Fronted m;
    for (const Privilege privilege : {Privilege::kSupervisor, Privilege::kSupervisorAc})
        REQUIRE(m.mmu.translate(kAddress, Access::kStore, privilege));
    REQUIRE((!m.loads() && !m.stores()));
}

TEST_CASE("L0: a clean page gets no store slot before its D bit is set") {
    Fronted m;
    REQUIRE(m.load(kAddress));
    REQUIRE_FALSE(m.stores());
    REQUIRE_FALSE(m.tables.read(kAddress, 1).dirty());
    REQUIRE(m.store(kAddress));
    REQUIRE(m.stores());
    REQUIRE(m.tables.read(kAddress, 1).dirty());
}

TEST_CASE("L0: a frame that holds decoded code has no store slot, under any address") {
    Fronted m;
    const VirtAddr alias{0x5000};
    m.tables.map(alias, PhysAddr{0x1000});
    REQUIRE(m.store(kAddress));
    REQUIRE(m.store(alias));
    REQUIRE((m.stores() && m.stores(alias)));
    m.mmu.frame_holds_code(Pfn{1});
    REQUIRE((!m.stores() && !m.stores(alias)));
    REQUIRE(m.store(kAddress));
    REQUIRE_FALSE(m.stores());
    m.memory.unmark_code(Pfn{1});
    REQUIRE(m.store(kAddress));
    REQUIRE(m.stores());
}

TEST_CASE("L0: what may change a translation or a right empties it") {
    Fronted m;
    m.set_cr4(ControlRegisters::kCr4Pke);
    const auto warm = [&] {
        REQUIRE(m.store(kAddress));  // first: the walk that sets D refreshes the entry, and its slots go
        REQUIRE(m.load(kAddress));
        REQUIRE(m.fetch(kAddress));
        REQUIRE((m.loads() && m.stores() && m.fetches()));
    };
    const auto empty = [&] { return !m.loads() && !m.stores() && !m.fetches(); };
    Mmu& mmu = m.mmu;
    warm();
    mmu.invlpg(kAddress);
    REQUIRE(empty());
    warm();
    REQUIRE(mmu.load_cr3(mmu.control().cr3));
    REQUIRE(empty());
    warm();
    mmu.flush_all();
    REQUIRE(empty());
    warm();
    m.set_cr4(ControlRegisters::kCr4Smap);
    REQUIRE(empty());
    warm();
    REQUIRE(mmu.write_efer(mmu.control().efer & ~ControlRegisters::kEferNxe));
    REQUIRE(empty());
    warm();
    REQUIRE(mmu.write_cr0(mmu.control().cr0 & ~ControlRegisters::kCr0Wp));
    REQUIRE(empty());
    warm();
    mmu.write_pkru(4);
    REQUIRE((!m.loads() && !m.stores() && m.fetches()));
    warm();
    mmu.attach(nullptr);
    REQUIRE(empty());
}

TEST_CASE("L0: MOV to CR3 that keeps the TLB still empties it: its tags know no PCID") {
    Fronted m;
    m.set_cr4(ControlRegisters::kCr4Pcide);
    REQUIRE(m.load(kAddress));
    REQUIRE(m.mmu.load_cr3(m.tables.root().value | 1 | ControlRegisters::kCr3NoFlush));
    REQUIRE_FALSE(m.loads());
}

TEST_CASE("L0: an entry that leaves the L1 takes its slots along") {
    Fronted m;  // 4 ways, LRU
    for (unsigned page = 0; page < 5; ++page) {
        m.tables.map(kAddress + page * kPageSize, PhysAddr{0x1000});
        REQUIRE(m.load(kAddress + page * kPageSize));
    }
    REQUIRE_FALSE(m.loads());
    for (unsigned page = 1; page < 5; ++page) REQUIRE(m.loads(kAddress + page * kPageSize));
}

TEST_CASE("L0: a fault leaves no slot of its page") {
    Fronted m;
    m.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(m.load(kAddress));
    REQUIRE(m.loads());
    REQUIRE_FALSE(m.store(kAddress));
    REQUIRE_FALSE(m.loads());
}

TEST_CASE("L0: a re-walk that finds another frame leaves no slot to the old one") {
    Fronted m;
    m.tables.map(kAddress, PhysAddr{0x1000}, PageSize::k4K, Pte::kPresent | Pte::kUser);
    REQUIRE(m.load(kAddress));
    m.tables.map(kAddress, PhysAddr{0x2000});
    REQUIRE(m.store(kAddress)->physical.value == 0x2abc);
    u8* const host = m.front->probe(m.front->load, kAddress.value, 1);
    REQUIRE((host == nullptr || host == m.memory.host(PhysAddr{0x2abc})));
    REQUIRE(m.reached(kAddress) == 0x2abc);
}

TEST_CASE("L0: it stays empty while an observer wants each reference, and under --verify") {
    Fronted m;
    REQUIRE(m.load(kAddress));
    Silent each(true), steps(false);
    m.mmu.set_observer(&each);
    REQUIRE(m.mmu.granular());
    REQUIRE(m.load(kAddress));
    REQUIRE_FALSE(m.loads());
    m.mmu.set_observer(&steps);
    REQUIRE_FALSE(m.mmu.granular());
    REQUIRE(m.load(kAddress));
    REQUIRE(m.loads());
    m.mmu.set_observer(nullptr);
    m.mmu.enable_verify();
    REQUIRE(m.load(kAddress));
    REQUIRE_FALSE(m.loads());
}

TEST_CASE("L0: memory that is not RAM gets no slot") {
    Fronted m;
    m.tables.map(kAddress, PhysAddr{u64{1} << 40});
    REQUIRE(m.load(kAddress));
    REQUIRE_FALSE(m.loads());
}
