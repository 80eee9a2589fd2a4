#include "mmu/verifier.h"

#include "mmu/mmu_state.h"

namespace mmu {

Verifier::Verifier(const TlbHierarchy& tlb, PhysicalMemory& memory, u64 seed)
    : tlb_(tlb), memory_(memory), model_(tlb.config(), seed) {}

u8* Verifier::try_front(VirtAddr address, Access access, Privilege privilege,
                        const ControlRegisters& control) {
    if (privilege != Privilege::kUser) return nullptr;
    const RefKind kind = kind_of(access);
    if (access == Access::kLoadForStore && !front_->probe(front_->store, address.value, 1)) return nullptr;
    u8* const host = front_->hit(slots_of(*front_, kind), address.value, 1);
    if (!host) return nullptr;
    const TlbHierarchy::Peek resident = tlb_.peek(kind, address, control.pcid());
    const TlbEntry* const entry = resident.way ? &resident.way->entry : nullptr;
    model_.check_reference(kind, address, control.pcid(), TlbHierarchy::Level::kL1, entry);
    if (!entry) {
        model_.fail("an L0 hit of " + std::string(name_of(kind)) + " " + std::to_string(address.value) +
                    " has no entry in the TLB");
        return host;
    }
    const PhysAddr physical = entry->translate(address);
    const bool same_byte = memory_.contains(physical) && memory_.host(physical) == host;
    const bool allowed =
        !denial_code(rights_of(*entry), access, privilege, control) && (!is_write(access) || entry->dirty);
    if (!same_byte || !allowed)
        model_.fail(
            "an L0 hit of " + std::string(name_of(kind)) + " " + std::to_string(address.value) +
            (allowed ? " leads to another byte than its entry" : " does what its entry does not allow"));
    return host;
}

void Verifier::looked_up(RefKind kind, VirtAddr address, u16 pcid, const TlbHierarchy::Result& result) {
    model_.check_reference(kind, address, pcid, result.level, result.way ? &tlb_.entry(result.way) : nullptr);
}

void Verifier::updated(RefKind kind, VirtAddr address, const TlbEntry& entry, bool found) {
    if (model_.update(kind, address, entry) != found)
        model_.fail("a refresh of the entry for " + std::to_string(address.value) +
                    " found it in one model only");
}

}  // namespace mmu
