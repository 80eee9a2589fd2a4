// --verify: replays each reference in the brute-force model and compares. It keeps a shadow L0 in place of
// the CPU's, filled and hit by the same code, so that what is verified includes the claim that an L0 hit is
// an L1 hit and changes no more than a stamp. Private to the Mmu.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mmu/access_rights.h"
#include "mmu/l0.h"
#include "mmu/physical_memory.h"
#include "mmu/tlb_hierarchy.h"

namespace mmu {

class Verifier {
  public:
    /// `tlb` is empty.
    Verifier(const TlbHierarchy& tlb, PhysicalMemory& memory, u64 seed);
    ~Verifier();

    L0* front() { return front_.get(); }
    /// The first difference found; empty while there is none.
    const std::optional<std::string>& failure() const { return failure_; }

    /// What the CPU's L0 would do for this byte: the host byte, or null where it would miss. A hit is
    /// compared.
    u8* try_front(VirtAddr address, Access access, Privilege privilege, const ControlRegisters& control);

    // What the Mmu did to the hierarchy, told after it did.
    void looked_up(RefKind kind, VirtAddr address, u16 pcid, const TlbHierarchy::Result& result);
    void filled(RefKind kind, VirtAddr address, const TlbEntry& entry);
    void updated(RefKind kind, VirtAddr address, const TlbEntry& entry);
    void invalidated_page(VirtAddr address, u16 pcid, u64 dropped);
    void invalidated_address(VirtAddr address, u16 pcid, u64 dropped);
    void invalidated_pcid(u16 pcid, u64 dropped);
    void invalidated_nonglobal(u64 dropped);
    void invalidated_all(u64 dropped);

  private:
    void fail(const char* what, RefKind kind, VirtAddr address, const std::string& expected,
              const std::string& found);

    const TlbHierarchy& tlb_;
    PhysicalMemory& memory_;
    std::unique_ptr<L0> front_ = std::make_unique<L0>();
    std::optional<std::string> failure_;
    u64 references_ = 0;
};

}  // namespace mmu
