#include "tests/lockstep/native_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <set>

#include "kernel/state.h"
#include "kernel/uaccess.h"
#include "mmu/base/check.h"

namespace tests {
namespace {

constexpr u64 kPage = 4096;
using Page = std::array<u8, kPage>;

kernel::KernelState& state_of(emu::Machine& machine) {
    return const_cast<kernel::KernelState&>(machine.kernel().state());
}

}  // namespace

std::vector<NativeMemory::Area> NativeMemory::areas() const {
    kernel::KernelState& state = state_of(machine_);
    std::vector<Area> found;
    for (const auto& [end, vma] : state.mm_of(state.task()).mm_mt) {
        const int protection = (vma.vm_flags & kernel::VM_READ ? PROT_READ : 0) |
                               (vma.vm_flags & kernel::VM_WRITE ? PROT_WRITE : 0) |
                               (vma.vm_flags & kernel::VM_EXEC ? PROT_EXEC : 0);
        found.push_back({vma.vm_start, vma.vm_end, protection, vma.is_anonymous(),
                         (vma.vm_flags & kernel::VM_GROWSDOWN) != 0, *vma.name != 0});
    }
    return found;
}

/// The host's bytes of a page that is mapped and can be read, or null.
const u8* NativeMemory::page(u64 address) const {
    const auto found = machine_.mmu().peek(mmu::VirtAddr{address}, mmu::Access::kLoad, mmu::Privilege::kUser);
    return found ? found->host : nullptr;
}

usize NativeMemory::peek(u64 address, u8* to, usize size) const {
    usize done = 0;
    while (done < size) {
        const u8* const from = page(address + done);
        if (!from) break;
        const usize chunk = std::min<usize>(size - done, kPage - ((address + done) & (kPage - 1)));
        std::memcpy(to + done, from, chunk);
        done += chunk;
    }
    return done;
}

void NativeMemory::copy(u64 address, usize size) {
    std::vector<u8> bytes(size);
    tracee_.write(address, bytes.data(), peek(address, bytes.data(), size));
}

/// Pages that are there, and those of anonymous memory that are not: they read as zero.
template <class Visitor>
void NativeMemory::each_page(Visitor visit) const {
    static const Page zero{};
    for (const Area& area : areas()) {
        if (!(area.protection & PROT_READ)) continue;
        for (u64 at = area.start; at < area.end; at += kPage) {
            const u8* const emulated = page(at);
            if (emulated)
                visit(at, emulated);
            else if (area.anonymous && !area.stack)
                visit(at, zero.data());
        }
    }
}

void NativeMemory::copy_stack() {
    for (const Area& area : areas())
        if (area.stack)
            for (u64 at = area.start; at < area.end; at += kPage)
                if (const u8* emulated = page(at)) CHECK(tracee_.write(at, emulated, kPage) == kPage, at);
    known_ = areas();
    // The vDSO follows with the first call, when the native kernel's is out of its place.
    std::erase_if(known_, [](const Area& area) { return area.special; });
}

std::string NativeMemory::first_difference() {
    std::string text;
    each_page([&](u64 at, const u8* emulated) {
        Page native;
        if (!text.empty() || tracee_.read(at, native.data(), kPage) != kPage ||
            std::memcmp(native.data(), emulated, kPage) == 0)
            return;
        const usize n =
            static_cast<usize>(std::mismatch(native.begin(), native.end(), emulated).first - native.begin());
        char line[128];
        std::snprintf(line, sizeof line, "memory at %#lx: native %02x, emulated %02x", at + n, native[n],
                      emulated[n]);
        text = line;
    });
    return text;
}

void NativeMemory::follow() {
    // The native kernel's pages for its clock lie where the emulated one maps things, and cannot be cut.
    if (!unmapped_) tracee_.unmap_special_areas();
    unmapped_ = true;
    follow_areas();
    each_page([&](u64 at, const u8* emulated) {
        Page native;
        if (tracee_.read(at, native.data(), kPage) == kPage &&
            std::memcmp(native.data(), emulated, kPage) == 0)
            return;
        CHECK(tracee_.write(at, emulated, kPage) == kPage, at);
    });
}

/// Between any two borders of old and new areas nothing changes but as a whole.
void NativeMemory::follow_areas() {
    const std::vector<Area> now = areas();
    std::set<u64> borders;
    for (const std::vector<Area>* list : {static_cast<const std::vector<Area>*>(&known_), &now})
        for (const Area& area : *list)
            if (!area.stack) borders.insert({area.start, area.end});
    const auto at = [](const std::vector<Area>& list, u64 address) -> const Area* {
        for (const Area& area : list)
            if (!area.stack && area.start <= address && address < area.end) return &area;
        return nullptr;
    };
    for (auto border = borders.begin(); border != borders.end() && std::next(border) != borders.end();
         ++border) {
        const u64 start = *border, size = *std::next(border) - start;
        const Area *before = at(known_, start), *after = at(now, start);
        if (!before && after) {
            constexpr u64 kHow = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
            const mmu::i64 made = tracee_.system_call(
                SYS_mmap, {start, size, static_cast<u64>(after->protection), kHow, ~u64{0}, 0});
            CHECK(made == static_cast<mmu::i64>(start), start, size, made);
            if (!after->anonymous && after->protection) fill_new(start, start + size);
        } else if (before && !after) {
            tracee_.system_call(SYS_munmap, {start, size});
        } else if (before && after && before->protection != after->protection) {
            tracee_.system_call(SYS_mprotect, {start, size, static_cast<u64>(after->protection)});
        }
    }
    known_ = now;
}

/// A mapped file: its bytes, through the emulated kernel, which faults them in.
void NativeMemory::fill_new(u64 start, u64 end) {
    kernel::KernelState& state = state_of(machine_);
    Page bytes;
    for (u64 at = start; at < end; at += kPage)
        if (kernel::copy_from_user(state.system, state.mm_of(state.task()), bytes.data(), at, kPage) == 0)
            tracee_.write(at, bytes.data(), kPage);
}

}  // namespace tests
