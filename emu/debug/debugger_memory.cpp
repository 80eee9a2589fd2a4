// The debugger's eye and hand on guest memory. Linux: mm/memory.c __access_remote_vm() is what ptrace(2)
// does, and it faults pages in to read them; here reading changes nothing.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "emu/debug/debugger.h"
#include "emu/debug/guest_files.h"
#include "kernel/fault.h"
#include "kernel/host/seam.h"
#include "kernel/state.h"

namespace emu {

using mmu::Access, mmu::PhysAddr, mmu::VirtAddr;

namespace {

/// The frame's byte behind `address`, whatever its rights; nothing when no page is there.
std::optional<PhysAddr> locate(const Debugger& debugger, u64 address, Access access, bool any_rights) {
    const VirtAddr where{address};
    const mmu::ControlRegisters control = debugger.control();
    if (!control.paging() || !where.is_canonical(control.virtual_bits())) return std::nullopt;
    const mmu::Walk walk = debugger.peek_walk(address, access);
    if (!walk.translated() && !(any_rights && walk.end == mmu::WalkEnd::kDenied)) return std::nullopt;
    return walk.physical(where);
}

}  // namespace

usize Debugger::read(u64 address, std::span<u8> bytes) const {
    if (bytes.empty()) return 0;
    if (StageFrames::holds(address)) return stages_.read(address, bytes);
    if (const usize got = address >= kVmemmap              ? read_page_structs(address, bytes)
                          : address >= kernel::kPageOffset ? read_direct_map(address, bytes)
                                                           : 0)
        return got;
    usize done = 0;
    while (done < bytes.size()) {
        const u64 at = address + done;
        const usize in_page = mmu::kPageSize - (at & mmu::kPageOffsetMask);
        const auto part = bytes.subspan(done, std::min<usize>(in_page, bytes.size() - done));
        const auto physical = locate(*this, at, Access::kLoad, true);
        usize got = 0;
        if (physical && machine_.memory().contains(*physical, part.size())) {
            std::memcpy(part.data(), machine_.memory().host(*physical), part.size());
            got = part.size();
        } else if (!physical) {
            got = read_backing(at, part);
        }
        done += got;
        if (got < part.size()) break;
    }
    return done;
}

/// Linux's map of all RAM, where the kernel's pointers lead; of the objects there, areas have contents.
usize Debugger::read_direct_map(u64 address, std::span<u8> bytes) const {
    const kernel::KernelState& kernel = machine_.kernel().state();
    const u64 start = address - kernel::kPageOffset, end = kernel.system.mem_map.frames() * mmu::kPageSize;
    if (start >= end) return 0;
    const usize count = std::min<u64>(bytes.size(), end - start);
    std::memcpy(bytes.data(), std::as_const(machine_.memory()).host(PhysAddr{start}), count);
    for (const auto& [id, mm] : kernel.mms)
        for (const auto& [last, vma] : mm.mm_mt) {
            const u64 object = vma.object.address();
            if (!object || object >= address + count || object + sizeof(AreaImage) <= address) continue;
            const AreaImage image{vma.vm_start, vma.vm_end, vma.vm_flags, vma.vm_pgoff};
            const u64 from = std::max(object, address), to = std::min(object + sizeof image, address + count);
            std::memcpy(bytes.data() + (from - address),
                        reinterpret_cast<const char*>(&image) + (from - object), to - from);
        }
    return count;
}

/// vmemmap: struct page of each frame.
usize Debugger::read_page_structs(u64 address, std::span<u8> bytes) const {
    const kernel::MemMap& map = machine_.kernel().state().system.mem_map;
    const u64 start = address - kVmemmap, end = map.frames() * sizeof(kernel::Page);
    if (start >= end) return 0;
    const usize count = std::min<u64>(bytes.size(), end - start);
    std::memcpy(bytes.data(), reinterpret_cast<const char*>(&map.at_index(0)) + start, count);
    return count;
}

/// What a fault at `address` would bring: zeroes, or the file's bytes. Within one page.
usize Debugger::read_backing(u64 address, std::span<u8> bytes) const {
    const kernel::host::Seam::Aside aside;
    kernel::KernelState& kernel = machine_.kernel().state();
    if (!has_task()) return 0;
    kernel::MmStruct& mm = kernel.mm_of(task());
    const kernel::VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
    if (!vma) return 0;
    std::fill(bytes.begin(), bytes.end(), mmu::u8{0});
    if (vma->is_anonymous()) return bytes.size();
    kernel::AddressSpace& file = kernel.system.page_cache.mapping_of(vma->vm_file);
    const u64 index = vma->index_of(address), offset = address & mmu::kPageOffsetMask;
    if (const kernel::PageIndex page = file.find(index)) {
        std::memcpy(bytes.data(), machine_.memory().frame(mmu::Pfn{page}) + offset, bytes.size());
        return bytes.size();
    }
    const u64 at = index * mmu::kPageSize + offset, size = file.size_bytes();
    const bool replays = kernel::host::Seam::get().mode() == kernel::host::Seam::Mode::kReplay;
    if (!(replays && size == 0)) {
        if (index * mmu::kPageSize >= size) return 0;  // SIGBUS
        if (file.backing) (void)file.backing->pread(bytes, at);
        return bytes.size();
    }
    // What the recorded guest has not read is not in the recording: from the file as it is now.
    const auto now = open_guest_file(kernel, task(), kernel.system.page_cache.file(vma->vm_file).path);
    if (!now) return 0;
    const ssize_t got = ::pread(now->get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    return got > 0 ? bytes.size() : 0;
}

bool Debugger::write(u64 address, std::span<const u8> bytes) {
    kernel::KernelState& kernel = machine_.kernel().state();
    if (machine_.ended() || !has_task()) return false;
    const kernel::host::Seam::Aside aside;
    kernel::MmStruct& mm = kernel.mm_of(task());
    while (!bytes.empty()) {
        const usize in_page = mmu::kPageSize - (address & mmu::kPageOffsetMask);
        const auto part = bytes.first(std::min<usize>(in_page, bytes.size()));
        auto physical = locate(*this, address, Access::kStore, false);
        if (!physical) {
            kernel::VmAreaStruct* vma = mm.mm_mt.vma_lookup(address);
            if (!vma || !(vma->vm_flags & kernel::VM_WRITE)) return false;
            const mmu::u32 flags = kernel::FAULT_FLAG_WRITE | kernel::FAULT_FLAG_REMOTE;
            if (kernel::handle_mm_fault(kernel.system, mm, *vma, address, flags) & kernel::VM_FAULT_ERROR)
                return false;
            physical = locate(*this, address, Access::kStore, false);
        }
        if (!physical || !machine_.memory().contains(*physical, part.size())) return false;
        std::memcpy(machine_.memory().host(*physical), part.data(), part.size());
        machine_.memory().note_write(physical->pfn());
        bytes = bytes.subspan(part.size());
        address += part.size();
    }
    vm_watch_.look_again();
    return true;
}

}  // namespace emu
