// The walk itself. SDM Vol. 3A figures 4-8 to 4-11 and tables 4-14 to 4-20.
#include "mmu/page_walker.h"

namespace mmu {

namespace {

constexpr unsigned kPageTable = 1, kPageDirectory = 2, kPdpt = 3;

constexpr PageSize size_of_leaf(unsigned level) {
    return level == kPageTable ? PageSize::k4K : level == kPageDirectory ? PageSize::k2M : PageSize::k1G;
}

}  // namespace

PageWalker::PageWalker(PhysicalMemory& memory, const PagingFeatures& features) : memory_(memory) {
    const u64 address = mask(51, 12) & ~(bit(features.physical_bits) - 1);
    for (auto& of_level : reserved_) of_level = {address, address};
    reserved_[kPageDirectory][1] |= mask(20, 13);
    reserved_[kPdpt][1] |= features.page_1g ? mask(29, 13) : u64{Pte::kLarge};
    for (unsigned level = kPdpt + 1; level < reserved_.size(); ++level) reserved_[level][1] |= Pte::kLarge;
}

[[gnu::always_inline]] inline void PageWalker::finish_leaf(Walk& walk, PhysAddr where,
                                                           const ControlRegisters& control, Access access,
                                                           Privilege privilege, WalkEffects effects) const {
    walk.global = walk.leaf.global() && control.pge();
    walk.page = walk.leaf.address(walk.size);
    if (const u32 denied = denial_code(walk.rights, access, privilege, control)) [[unlikely]] {
        walk.end = WalkEnd::kDenied;
        walk.error_code = denied;
        return;
    }
    if (effects == WalkEffects::kNone) return;
    const Pte marked = walk.leaf.with(Pte::kAccessed | (is_write(access) ? Pte::kDirty : 0));
    if (marked == walk.leaf) return;
    walk.accessed_set += !walk.leaf.accessed();
    walk.dirty_set = marked.dirty() && !walk.leaf.dirty();
    memory_.write64(where, marked.raw);
    walk.leaf = marked;
}

Walk PageWalker::walk(const ControlRegisters& control, VirtAddr address, Access access, Privilege privilege,
                      const WalkStart& start, WalkEffects effects) const {
    Walk walk;
    walk.start_level = static_cast<u8>(start.level);
    walk.inherited = start.rights;
    const u64 reserved_without_nxe = control.nxe() ? 0 : u64{Pte::kNoExecute};
    u64 every = ~u64{0}, any = 0;  // AND and OR of the entries read
    PhysAddr table = start.table;
    for (unsigned level = start.level;; --level) {
        const PhysAddr where = table + 8 * address.table_index(level);
        const Pte entry{memory_.read64(where)};
        walk.where[walk.entries_read] = where.value;
        walk.raw[walk.entries_read++] = entry.raw;
        if (!entry.present()) [[unlikely]] {
            walk.leaf = entry;
            walk.end = WalkEnd::kNotPresent;
            walk.error_code = access_code(access, privilege, control);
            return walk;
        }
        const bool large = level != kPageTable && entry.large();
        if (entry.raw & (reserved_[level][large] | reserved_without_nxe)) [[unlikely]] {
            walk.leaf = entry;
            walk.end = WalkEnd::kReserved;
            walk.error_code =
                PageFaultCode::kPresent | PageFaultCode::kReserved | access_code(access, privilege, control);
            return walk;
        }
        every &= entry.raw;
        any |= entry.raw;
        if (level == kPageTable || large) {
            walk.leaf = entry;
            walk.size = size_of_leaf(level);
            walk.rights = {start.rights.writable && Pte{every}.writable(),
                           start.rights.user && Pte{every}.user(),
                           start.rights.no_execute || Pte{any}.no_execute(), static_cast<u8>(entry.pkey())};
            finish_leaf(walk, where, control, access, privilege, effects);
            return walk;
        }
        if (!entry.accessed() && effects == WalkEffects::kAccessedAndDirty) {
            memory_.write64(where, entry.with(Pte::kAccessed).raw);
            ++walk.accessed_set;
        }
        table = entry.address();
    }
}

}  // namespace mmu
