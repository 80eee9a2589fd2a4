#include "emu/diff/fault_recorder.h"

#include "kernel/mm.h"

namespace emu {

namespace {

Place place_of(const kernel::MemorySystem& system, kernel::MmStruct* mm, u64 address) {
    Place place{.address = address};
    const kernel::VmAreaStruct* vma = mm ? mm->find_vma(address) : nullptr;
    // An area just above may be the stack, about to grow.
    if (!vma || (!vma->contains(address) && !(vma->vm_flags & kernel::VM_GROWSDOWN))) return place;
    place.name = kernel::vma_name(system, *mm, *vma);
    if (vma->name[0] != 0) {
        place.area = Place::Area::kSpecial;
    } else if (vma->is_anonymous() || place.name == kSharedAnonymous) {
        place.area = Place::Area::kAnonymous;
    } else {
        place.area = Place::Area::kFile;
        place.offset = (vma->vm_pgoff << mmu::kPageShift) + (address - vma->vm_start);
    }
    return place;
}

}  // namespace

void FaultRecorder::on_event(const kernel::Event& event) {
    if (event.kind != kernel::EventKind::kFaultEntry || event.after == 0 ||
        kernel_.current != kernel::kFirstPid)
        return;
    const auto found = kernel_.mms.find(kernel_.tasks.at(kernel_.current).mm);
    kernel::MmStruct* mm = found == kernel_.mms.end() ? nullptr : &found->second;
    faults.push_back({.at = place_of(kernel_.system, mm, event.address),
                      .by = place_of(kernel_.system, mm, event.after),
                      .error_code = static_cast<u32>(event.flags)});
}

}  // namespace emu
