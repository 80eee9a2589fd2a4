// --verify: replays each reference in the brute-force model and compares. It keeps a shadow L0 in place of
// the CPU's, filled and hit by the same code, so that what is verified includes the claim that an L0 hit is
// an L1 hit and changes no more than a stamp. Private to the Mmu; it must not know how the hierarchy works.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mmu/access_rights.h"
#include "mmu/l0.h"
#include "mmu/physical_memory.h"
#include "mmu/reference_model.h"
#include "mmu/tlb_hierarchy.h"

namespace mmu {

class Verifier {
  public:
    /// `tlb` is as it was made with `seed`.
    Verifier(const TlbHierarchy& tlb, PhysicalMemory& memory, u64 seed);

    L0* front() { return front_.get(); }
    /// The first difference found, as a sentence; empty while there is none.
    const std::optional<std::string>& failure() const { return model_.failure(); }

    /// What the CPU's L0 would do for this byte: the host byte, or null where it would miss. A hit is
    /// compared.
    u8* try_front(VirtAddr address, Access access, Privilege privilege, const ControlRegisters& control);

    // What the Mmu did to the hierarchy, told after it did.
    void looked_up(RefKind kind, VirtAddr address, u16 pcid, const TlbHierarchy::Result& result);
    void filled(RefKind kind, VirtAddr address, const TlbEntry& entry) { model_.fill(kind, address, entry); }
    void updated(RefKind kind, VirtAddr address, const TlbEntry& entry, bool found);
    void invalidated_page(VirtAddr address, u16 pcid, u64 dropped) {
        model_.check_dropped("INVLPG or #PF", model_.invalidate_page(address, pcid), dropped);
    }
    void invalidated_address(VirtAddr address, u16 pcid, u64 dropped) {
        model_.check_dropped("INVPCID 0", model_.invalidate_address_nonglobal(address, pcid), dropped);
    }
    void invalidated_pcid(u16 pcid, u64 dropped) {
        model_.check_dropped("MOV to CR3 or INVPCID 1", model_.invalidate_pcid(pcid), dropped);
    }
    void invalidated_nonglobal(u64 dropped) {
        model_.check_dropped("INVPCID 3", model_.invalidate_nonglobal(), dropped);
    }
    void invalidated_all(u64 dropped) {
        model_.check_dropped("a flush of everything", model_.invalidate_all(), dropped);
    }

  private:
    const TlbHierarchy& tlb_;
    PhysicalMemory& memory_;
    ReferenceModel model_;
    std::unique_ptr<L0> front_ = std::make_unique<L0>();
};

}  // namespace mmu
