#include "mmu/verifier.h"

#include "mmu/mmu_state.h"

namespace mmu {

Verifier::Verifier(const TlbHierarchy& tlb, PhysicalMemory& memory, u64) : tlb_(tlb), memory_(memory) {}
Verifier::~Verifier() = default;

u8* Verifier::try_front(VirtAddr address, Access access, Privilege privilege,
                        const ControlRegisters& control) {
    if (privilege != Privilege::kUser) return nullptr;
    const RefKind kind = kind_of(access);
    if (access == Access::kLoadForStore && !front_->probe(front_->store, address.value, 1)) return nullptr;
    u8* const host = front_->hit(slots_of(*front_, kind), address.value, 1);
    if (!host) return nullptr;
    ++references_;
    const TlbHierarchy::Peek resident = tlb_.peek(kind, address, control.pcid());
    if (resident.level != TlbHierarchy::Level::kL1) {
        fail("an L0 hit", kind, address, "an L1 hit", "an entry that is not in the L1");
        return host;
    }
    const TlbEntry& entry = resident.way->entry;
    const PhysAddr physical = entry.translate(address);
    if (!memory_.contains(physical) || memory_.host(physical) != host)
        fail("the byte behind an L0 hit", kind, address, std::to_string(physical.value), "another one");
    if (denial_code(rights_of(entry), access, privilege, control) || (is_write(access) && !entry.dirty))
        fail("an L0 hit", kind, address, "a right that the entry lacks", "a slot");
    return host;
}

void Verifier::looked_up(RefKind, VirtAddr, u16, const TlbHierarchy::Result&) {
    ++references_;
}
void Verifier::filled(RefKind, VirtAddr, const TlbEntry&) {}
void Verifier::updated(RefKind, VirtAddr, const TlbEntry&) {}
void Verifier::invalidated_page(VirtAddr, u16, u64) {}
void Verifier::invalidated_address(VirtAddr, u16, u64) {}
void Verifier::invalidated_pcid(u16, u64) {}
void Verifier::invalidated_nonglobal(u64) {}
void Verifier::invalidated_all(u64) {}

void Verifier::fail(const char* what, RefKind kind, VirtAddr address, const std::string& expected,
                    const std::string& found) {
    if (failure_) return;
    char where[64];
    std::snprintf(where, sizeof where, "%s of %#llx", name_of(kind),
                  static_cast<unsigned long long>(address.value));
    failure_ = "reference " + std::to_string(references_) + ", " + where + ": " + what + ": expected " +
               expected + ", found " + found;
}

}  // namespace mmu
