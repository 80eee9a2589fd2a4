// Purpose: the ordered set of VMAs. See vma.h.
#include "kernel/vma.h"

#include <cstring>
#include <iterator>

#include "kernel/mm.h"
#include "mmu/arch/pte.h"
#include "mmu/base/check.h"

namespace kernel {

using mmu::Pte;

void VmAreaStruct::permissions(char (&text)[5]) const {
    text[0] = vm_flags & VM_READ ? 'r' : '-';
    text[1] = vm_flags & VM_WRITE ? 'w' : '-';
    text[2] = vm_flags & VM_EXEC ? 'x' : '-';
    text[3] = vm_flags & VM_MAYSHARE ? 's' : 'p';
    text[4] = 0;
}

u64 vm_get_page_prot(u64 vm_flags) {
    if (!(vm_flags & VM_ACCESS_FLAGS)) return 0;  // PAGE_NONE: not present (x86 marks it PROTNONE)
    u64 prot = Pte::kPresent | Pte::kUser | Pte::kAccessed;
    if (!(vm_flags & VM_EXEC)) prot |= Pte::kNoExecute;
    if ((vm_flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE)) prot |= Pte::kWritable;
    const u64 pkey = (vm_flags & ARCH_VM_PKEY_FLAGS) >> VM_PKEY_SHIFT;
    return prot | pkey << kPagePkeyShift;
}

VmAreaStruct* VmaMap::find_vma_slow(u64 address) {
    const auto it = map_.upper_bound(address);
    if (it == map_.end()) return nullptr;
    return cached_ = &it->second;
}

/// What knows areas by their places (AreaIndex) has to look again.
void VmaMap::note_change() {
    if (system_) ++system_->area_generation;
}

VmAreaStruct* VmaMap::prev_of(const VmAreaStruct& vma) {
    const auto it = map_.find(vma.vm_end);
    return it == map_.begin() ? nullptr : &std::prev(it)->second;
}

VmAreaStruct* VmaMap::next_of(const VmAreaStruct& vma) {
    const auto it = std::next(map_.find(vma.vm_end));
    return it == map_.end() ? nullptr : &it->second;
}

VmAreaStruct& VmaMap::insert(const VmAreaStruct& vma) {
    const auto [it, inserted] = map_.emplace(vma.vm_end, vma);
    CHECK(inserted && vma.vm_start < vma.vm_end, vma.vm_start, vma.vm_end);
    if (system_ && prepare()) {
        it->second.object = std::move(spare_);
        // anon_vma_clone(). Memory for it that cannot be had is not counted.
        if (vma.anon_vma) (void)it->second.chain_object.allocate(*system_, kAnonVmaChainCache);
        mirror(it->second);
    }
    note_change();
    return it->second;
}

void VmaMap::erase(const VmAreaStruct& vma) {
    erase(map_.find(vma.vm_end));
}

VmaMap::Iterator VmaMap::erase(Iterator it) {
    if (cached_ == &it->second) cached_ = nullptr;
    note_change();
    return map_.erase(it);
}

void VmaMap::set_range(VmAreaStruct& vma, u64 start, u64 end) {
    CHECK(start < end, start, end);
    if (vma.vm_end != end) {
        auto node = map_.extract(vma.vm_end);
        node.key() = end;
        const auto result = map_.insert(std::move(node));
        CHECK(result.inserted, start, end);
    }
    vma.vm_start = start;
    vma.vm_end = end;
    note_change();
    mirror(vma);
}

bool VmaMap::prepare() {
    return !system_ || spare_ || spare_.allocate(*system_, kVmAreaCache);
}

void VmaMap::mirror(const VmAreaStruct& vma) {
    if (!vma.object) return;
    // struct vm_area_struct begins with vm_start and vm_end; vm_mm is left out, vm_page_prot and vm_flags
    // follow.
    const u64 words[] = {vma.vm_start, vma.vm_end, 0, vma.vm_page_prot, vma.vm_flags};
    std::memcpy(system_->memory.host(mmu::PhysAddr{vma.object.address() - kPageOffset}), words, sizeof words);
}

}  // namespace kernel
