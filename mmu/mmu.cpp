// The face itself: construction, the debugger's eye, the front, the observer.
#include "mmu/mmu.h"

#include <algorithm>

#include "mmu/mmu_state.h"

namespace mmu {

Mmu::Mmu(PhysicalMemory& memory, const TlbConfig& tlb, const PagingFeatures& features, u64 seed)
    : memory_(memory), state_(std::make_unique<State>(memory, tlb, features, seed)) {}

Mmu::~Mmu() = default;

void Mmu::attach(L0* l0) {
    if (state_->cpu_front) state_->cpu_front->clear();
    state_->cpu_front = l0;
    state_->choose_front();
}

Expected<Translation, Fault> Mmu::peek(VirtAddr address, Access access, Privilege privilege) const {
    State& state = *state_;
    if (!state.paging) return state.translate_unpaged(address);
    if (!address.is_canonical(state.virtual_bits))
        return Unexpected{Fault{Vector::kGeneralProtection, 0, VirtAddr{}}};
    const Walk walk = state.walker.walk(state.control, address, access, privilege,
                                        PageWalker::root_of(state.control), WalkEffects::kNone);
    if (!walk.translated()) return Unexpected{Fault{Vector::kPageFault, walk.error_code, address}};
    const PhysAddr physical = walk.physical(address);
    return Translation{physical, memory_.contains(physical) ? memory_.host(physical) : nullptr, walk.size};
}

Walk Mmu::peek_walk(VirtAddr address, Access access, Privilege privilege) const {
    return state_->walker.walk(state_->control, address, access, privilege,
                               PageWalker::root_of(state_->control), WalkEffects::kNone);
}

Walk Mmu::peek_walk(const ControlRegisters& control, VirtAddr address, Access access,
                    Privilege privilege) const {
    return state_->walker.walk(control, address, access, privilege, PageWalker::root_of(control),
                               WalkEffects::kNone);
}

bool Mmu::granular() const {
    return state_->verifier || (state_->observer && state_->observer->wants_references()) ||
           state_->tlb.granular();
}

const ControlRegisters& Mmu::control() const {
    return state_->control;
}
const PagingFeatures& Mmu::features() const {
    return state_->features;
}
const MmuStats& Mmu::stats() const {
    return state_->stats;
}
const TlbHierarchy& Mmu::tlb() const {
    return state_->tlb;
}
const WalkCache& Mmu::walk_cache() const {
    return state_->walk_cache;
}

void Mmu::set_stale_rights(StaleRights rule) {
    state_->stale_rights = rule;
}

void Mmu::frame_holds_code(Pfn pfn) {
    CHECK(pfn.value < memory_.frames(), pfn.value);
    if (memory_.holds_code(pfn)) return;  // then it has no store slot
    memory_.mark_code(pfn);
    if (state_->front && state_->stored[pfn.value % state_->stored.size()])
        L0::drop_host_page(state_->front->store, memory_.frame(pfn));
}

void Mmu::set_watched_pages(std::vector<VirtAddr> pages) {
    for (VirtAddr& page : pages) page = page.page_base();
    std::sort(pages.begin(), pages.end());
    state_->watched_pages = std::move(pages);
    if (state_->front) state_->front->clear();
}

bool Mmu::State::is_watched(VirtAddr address) const {
    return std::binary_search(watched_pages.begin(), watched_pages.end(), address.page_base());
}

void Mmu::enable_verify() {
    State& state = *state_;
    if (state.verifier) return;
    // Both models must begin alike: empty, with no history in their policies and generators.
    if (state.front) state.front->clear();
    const TlbConfig config = state.tlb.config();
    std::destroy_at(&state.tlb);
    std::construct_at(&state.tlb, config, state.random_seed);
    state.walk_cache.invalidate_all();
    state.verifier = std::make_unique<Verifier>(state.tlb, memory_, state.random_seed);
    state.choose_front();
}

const std::optional<std::string>& Mmu::verify_failure() const {
    static const std::optional<std::string> kNone;
    return state_->verifier ? state_->verifier->failure() : kNone;
}

void Mmu::set_observer(Observer* observer) {
    state_->observer = observer;
    state_->choose_front();
}

void Mmu::State::choose_front() {
    if (front) front->clear();
    filled_count = 0;
    if (cpu_front) cpu_front->clear();
    const bool each = observer && observer->wants_references();
    front = each ? nullptr : verifier ? verifier->front() : cpu_front;
    tlb.attach(front);
}

void Mmu::State::tell(MmuEvent event) const {
    observer->on_mmu_event(event);
}

void Mmu::State::tell_walk(VirtAddr address, Access access, Privilege privilege, const Walk& walk) const {
    MmuEvent event{.access = access, .privilege = privilege, .pcid = pcid, .address = address};
    event.stage = Stage::kWalkBegin;
    event.level = walk.start_level;
    event.cached = walk.start_level != control.levels();
    event.physical = PhysAddr{align_down(walk.entry(0).where.value, kPageSize)};
    tell(event);
    event.cached = false;
    for (unsigned i = 0; i < walk.entries_read; ++i) {
        const WalkedEntry entry = walk.entry(i);
        const bool last = i + 1u == walk.entries_read;
        event.stage = Stage::kWalkEntry;
        event.level = static_cast<u8>(walk.level_of(i));
        event.physical = entry.where;
        event.raw = entry.value.raw;
        tell(event);
        const bool used = !last || walk.translated();
        event.stage = Stage::kAccessedSet;
        if (used && !entry.value.accessed()) tell(event);
        event.stage = Stage::kDirtySet;
        if (last && walk.dirty_set) tell(event);
    }
    event.stage = Stage::kVerdict;
    event.size = walk.size;
    event.error_code = walk.error_code;
    event.physical = walk.translated() ? walk.physical(address) : PhysAddr{};
    event.verdict = walk.end == WalkEnd::kTranslated   ? Verdict::kAllowed
                    : walk.end == WalkEnd::kNotPresent ? Verdict::kNotPresent
                    : walk.end == WalkEnd::kReserved
                        ? Verdict::kReservedBit
                        : reason_of_denial(walk.rights, access, privilege, control);
    tell(event);
}

}  // namespace mmu
