// Privileged instructions: what they refuse and what they invalidate. SDM Vol. 2 (MOV to control registers,
// INVLPG, INVPCID, WRMSR), Vol. 3A 2.5 and 4.10.4.1. Whether the CPU is privileged enough is for the CPU to
// know.
#include <utility>

#include "mmu/base/log.h"
#include "mmu/mmu_state.h"

namespace mmu {

namespace {

using Cr = ControlRegisters;

constexpr u64 kCr0Nw = bit(29), kCr0Cd = bit(30);
constexpr u64 kCr4Implemented = mask(10, 0) | bit(11) /* UMIP */ | Cr::kCr4La57 | bit(16) /* FSGSBASE */ |
                                Cr::kCr4Pcide | bit(18) /* OSXSAVE */ | Cr::kCr4Smep | Cr::kCr4Smap |
                                Cr::kCr4Pke | Cr::kCr4Pks;
constexpr u64 kEferSce = bit(0);
constexpr u64 kEferImplemented = kEferSce | Cr::kEferLme | Cr::kEferLma | Cr::kEferNxe;

Unexpected<Fault> general_protection() {
    return Unexpected{Fault{Vector::kGeneralProtection, 0, VirtAddr{}}};
}

}  // namespace

void Mmu::State::control_changed() {
    virtual_bits = control.virtual_bits();
    pcid = control.pcid();
    paging = control.paging();
    clear_front();
}

void Mmu::State::clear_front() {
    const unsigned count = std::exchange(filled_count, 0);
    if (!front) return;
    if (count > filled.size()) return front->clear();
    for (unsigned i = 0; i < count; ++i) {
        const unsigned slot = filled[i] % L0::kSlots;
        slots_of(*front, static_cast<RefKind>(filled[i] / L0::kSlots))[slot].tag = L0::impossible_tag(slot);
    }
}

void Mmu::State::count_flush(FlushCause cause, VirtAddr address, u16 which, u64 dropped) {
    ++stats.flushes[static_cast<unsigned>(cause)];
    stats.entries_invalidated += dropped;
    if (observer) [[unlikely]]
        tell({.stage = Stage::kInvalidate,
              .cause = cause,
              .pcid = which,
              .address = address,
              .count = dropped});
}

void Mmu::State::invalidate_page(VirtAddr address, FlushCause cause) {
    const u64 dropped = tlb.invalidate_page(address, pcid);
    if (cause == FlushCause::kPageFault)
        walk_cache.invalidate(address, pcid);
    else
        walk_cache.invalidate_pcid(pcid);
    if (verifier) [[unlikely]]
        verifier->invalidated_page(address, pcid, dropped);
    count_flush(cause, address, pcid, dropped);
}

void Mmu::State::invalidate_pcid(u16 which, FlushCause cause) {
    const u64 dropped = tlb.invalidate_pcid(which);
    walk_cache.invalidate_pcid(which);
    if (verifier) [[unlikely]]
        verifier->invalidated_pcid(which, dropped);
    count_flush(cause, VirtAddr{}, which, dropped);
}

void Mmu::State::invalidate_everything(FlushCause cause) {
    const u64 dropped = tlb.invalidate_all();
    walk_cache.invalidate_all();
    if (verifier) [[unlikely]]
        verifier->invalidated_all(dropped);
    count_flush(cause, VirtAddr{}, pcid, dropped);
}

Expected<void, Fault> Mmu::write_cr0(u64 value) {
    State& state = *state_;
    Cr next = state.control;
    next.cr0 = value;
    const bool enables = next.paging() && !state.paging, disables = !next.paging() && state.paging;
    if (value > mask(31, 0) || (next.paging() && !(value & Cr::kCr0Pe)) ||
        ((value & kCr0Nw) && !(value & kCr0Cd)))
        return general_protection();
    if (disables && next.pcide()) return general_protection();
    if (enables && !(next.efer & Cr::kEferLme)) {
        LOG(warn, "CR0.PG set with EFER.LME clear: 32-bit and PAE paging are not modelled; #GP");
        return general_protection();
    }
    if (enables && !next.pae()) return general_protection();
    next.efer = next.paging() ? next.efer | Cr::kEferLma : next.efer & ~Cr::kEferLma;
    state.control = next;
    state.control_changed();
    if (disables) state.invalidate_everything(FlushCause::kCr0);
    return {};
}

Expected<void, Fault> Mmu::load_cr3(u64 value) {
    State& state = *state_;
    const bool pcide = state.control.pcide();
    const u64 address = pcide ? value & ~Cr::kCr3NoFlush : value;
    if (address >> state.features.physical_bits) return general_protection();
    state.control.cr3 = address;
    // Of what control_changed() derives only the PCID can be another one; under the same one L0 stays exact.
    if (state.control.pcid() != state.pcid) state.control_changed();
    if (pcide && (value & Cr::kCr3NoFlush))
        state.count_flush(FlushCause::kCr3NoFlush, VirtAddr{}, state.pcid, 0);
    else
        state.invalidate_pcid(state.pcid, FlushCause::kCr3);
    return {};
}

Expected<void, Fault> Mmu::write_cr4(u64 value) {
    State& state = *state_;
    const Cr old = state.control;
    Cr next = old;
    next.cr4 = value;
    if (value & ~kCr4Implemented) return general_protection();
    if (next.la57() && !state.features.la57) return general_protection();
    if (state.paging && (!next.pae() || next.la57() != old.la57())) return general_protection();
    const bool pcide_set = next.pcide() && !old.pcide(), pcide_cleared = old.pcide() && !next.pcide();
    if (pcide_set && (!state.paging || (old.cr3 & Cr::kCr3PcidMask))) return general_protection();
    const u16 old_pcid = state.pcid;
    state.control = next;
    state.control_changed();
    if (next.pge() != old.pge() || pcide_cleared)
        state.invalidate_everything(FlushCause::kCr4);
    else if (next.pae() != old.pae() || (next.smep() && !old.smep()))
        state.invalidate_pcid(old_pcid, FlushCause::kCr4);
    return {};
}

Expected<void, Fault> Mmu::write_efer(u64 value) {
    State& state = *state_;
    if (value & ~kEferImplemented) return general_protection();
    if (state.paging && ((value ^ state.control.efer) & Cr::kEferLme)) return general_protection();
    const u64 lma = state.control.efer & Cr::kEferLma;  // read-only: it follows LME and PG
    state.control.efer = (value & ~Cr::kEferLma) | lma;
    state.control_changed();
    return {};
}

void Mmu::write_pkru(u32 value) {
    if (value == state_->control.pkru) return;
    state_->control.pkru = value;
    if (!state_->front || !state_->control.pke()) return;
    L0::clear(state_->front->load);  // keys do not concern fetches
    L0::clear(state_->front->store);
}

void Mmu::write_pkrs(u32 value) {
    state_->control.pkrs = value;
}  // L0 has no supervisor pages

void Mmu::invlpg(VirtAddr address) {
    if (!address.is_canonical(state_->virtual_bits)) return;  // SDM Vol. 2 INVLPG: no operation
    state_->invalidate_page(address, FlushCause::kInvlpg);
}

Expected<void, Fault> Mmu::invpcid(u64 type, const InvpcidDescriptor& descriptor) {
    State& state = *state_;
    if (type > 3 || descriptor.pcid > Cr::kCr3PcidMask) return general_protection();
    if (type <= 1 && descriptor.pcid && !state.control.pcide()) return general_protection();
    const VirtAddr address{descriptor.address};
    const u16 which = static_cast<u16>(descriptor.pcid);
    if (type == 0) {
        if (!address.is_canonical(state.virtual_bits)) return general_protection();
        const u64 dropped = state.tlb.invalidate_address_nonglobal(address, which);
        state.walk_cache.invalidate(address, which);
        if (state.verifier) state.verifier->invalidated_address(address, which, dropped);
        state.count_flush(FlushCause::kInvpcid, address, which, dropped);
    } else if (type == 1) {
        state.invalidate_pcid(which, FlushCause::kInvpcid);
    } else if (type == 2) {
        state.invalidate_everything(FlushCause::kInvpcid);
    } else {
        const u64 dropped = state.tlb.invalidate_nonglobal();
        state.walk_cache.invalidate_all();
        if (state.verifier) state.verifier->invalidated_nonglobal(dropped);
        state.count_flush(FlushCause::kInvpcid, VirtAddr{}, 0, dropped);
    }
    return {};
}

void Mmu::flush_all() {
    state_->invalidate_everything(FlushCause::kFlushAll);
}

}  // namespace mmu
