// The walk itself. SDM Vol. 3A figures 4-8 to 4-11 and tables 4-14 to 4-20.
#include "mmu/page_walker.h"

namespace mmu {

namespace {

constexpr unsigned kPageTable = 1, kPageDirectory = 2, kPdpt = 3;

constexpr PageSize size_of_leaf(unsigned level) {
    return level == kPageTable ? PageSize::k4K : level == kPageDirectory ? PageSize::k2M : PageSize::k1G;
}

}  // namespace

bool PageWalker::reserved_bit_set(Pte entry, unsigned level, bool leaf,
                                  const ControlRegisters& control) const {
    u64 reserved = reserved_address_;
    if (!control.nxe()) reserved |= Pte::kNoExecute;
    if (level > kPdpt || (level == kPdpt && !page_1g_)) reserved |= Pte::kLarge;
    if (leaf && level == kPageDirectory) reserved |= mask(20, 13);
    if (leaf && level == kPdpt) reserved |= mask(29, 13);
    return entry.raw & reserved;
}

Walk PageWalker::walk(const ControlRegisters& control, VirtAddr address, Access access, Privilege privilege,
                      const WalkStart& start, WalkEffects effects) const {
    Walk walk;
    walk.start_level = static_cast<u8>(start.level);
    walk.inherited = walk.rights = start.rights;
    PhysAddr table = start.table;
    for (unsigned level = start.level;; --level) {
        const PhysAddr where = table + 8 * address.table_index(level);
        const Pte entry{memory_.read64(where)};
        walk.entries[walk.entries_read++] = {where, entry};
        walk.leaf = entry;
        if (!entry.present()) [[unlikely]] {
            walk.end = WalkEnd::kNotPresent;
            walk.error_code = access_code(access, privilege, control);
            return walk;
        }
        const bool leaf = level == kPageTable || (level <= kPdpt && entry.large());
        if (reserved_bit_set(entry, level, leaf, control)) [[unlikely]] {
            walk.end = WalkEnd::kReserved;
            walk.error_code =
                PageFaultCode::kPresent | PageFaultCode::kReserved | access_code(access, privilege, control);
            return walk;
        }
        walk.rights = walk.rights.under(entry);
        if (leaf) {
            walk.size = size_of_leaf(level);
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

void PageWalker::finish_leaf(Walk& walk, PhysAddr where, const ControlRegisters& control, Access access,
                             Privilege privilege, WalkEffects effects) const {
    walk.global = walk.leaf.global() && control.pge();
    walk.rights.pkey = static_cast<u8>(walk.leaf.pkey());
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

}  // namespace mmu
