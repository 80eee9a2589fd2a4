// The kernel's own objects: which caches there are, a cache's slabs with what is free in them, and what lies
// at a frame or an address. All is read as the allocator keeps it, and nothing changes. Linux: mm/slub.c with
// /sys/kernel/slab, which show the same in parts; `crash`'s kmem -s and -S.
#include <algorithm>
#include <cstring>

#include "emu/debug/debugger.h"
#include "emu/debug/table.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/slab.h"
#include "kernel/state.h"

namespace emu {
namespace {

using kernel::KmemCache, kernel::KernelState, kernel::MemorySystem, kernel::Page, kernel::PageIndex;

/// One slab as its first frame has it.
class Slab {
  public:
    Slab(const MemorySystem& system, PageIndex head)
        : system_(system), head_(head), page_(system.mem_map.at_index(head)) {
        // RAM may have been written by hand: a list that leaves the slab or runs in a circle ends.
        for (u64 at = page_.index; at && free_.size() < objects(); at = next_of(at)) {
            if (at - address() >= bytes()) break;
            free_.push_back(static_cast<u32>((at - address()) / cache().size));
        }
        std::sort(free_.begin(), free_.end());
    }

    const KmemCache& cache() const { return system_.slab.caches[page_.mapping]; }
    u64 address() const { return kernel::page_address(mmu::Pfn{head_}); }
    u64 bytes() const { return mmu::kPageSize << page_.order; }
    u64 frames() const { return u64{1} << page_.order; }
    u64 objects() const { return bytes() / cache().size; }
    u32 in_use() const { return page_.mapcount; }
    const std::vector<u32>& free() const { return free_; }  ///< numbers of objects, ascending
    bool is_free(u64 object) const {
        return std::binary_search(free_.begin(), free_.end(), static_cast<u32>(object));
    }
    const char* state() const {
        return head_ == cache().current ? "current" : page_.index ? in_use() ? "partial" : "empty" : "full";
    }

  private:
    u64 next_of(u64 object) const {
        const mmu::PhysAddr where{object - kernel::kPageOffset};
        u64 next = 0;
        if (system_.memory.contains(where, sizeof next))
            std::memcpy(&next, system_.memory.host(where), sizeof next);
        return next;
    }

    const MemorySystem& system_;
    PageIndex head_;
    const Page& page_;
    std::vector<u32> free_;
};

/// "0-3,7"; "none".
std::string ranges(const std::vector<u32>& numbers) {
    std::string text;
    for (usize n = 0; n < numbers.size();) {
        usize last = n;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(numbers[n]);
        if (last > n) text += "-" + std::to_string(numbers[last]);
        n = last + 1;
    }
    return text.empty() ? "none" : text;
}

/// The first frames of the slabs of one cache, in the order of their addresses.
std::vector<PageIndex> slabs_of(const MemorySystem& system, kernel::CacheId id) {
    std::vector<PageIndex> found;
    for (u64 pfn = system.buddy.first_frame(); pfn < system.buddy.frontier();) {
        const Page& page = system.mem_map[mmu::Pfn{pfn}];
        if (page.page_type == kernel::PGTY_slab && page.mapping == id)
            found.push_back(static_cast<PageIndex>(pfn));
        const bool block = page.is(Page::kBuddy) || page.page_type;
        pfn += block ? u64{1} << page.order : 1;
    }
    return found;
}

std::string cache_text(const MemorySystem& system, kernel::CacheId id) {
    const KmemCache& cache = system.slab.caches[id];
    const auto number = [](u64 value) { return std::to_string(value); };
    std::string text = cache.name + ": objects of " + number(cache.object_size) + " bytes, " +
                       number(cache.size) + " apart; " + number(cache.objects) + " in a slab of " +
                       number(u64{1} << cache.order) + (cache.order ? " frames" : " frame") + " (order " +
                       number(cache.order) + "); " + number(cache.active_objects) + " of " +
                       number(cache.total_objects) + " in use\n";
    Table table{{"frame", "address", "order", "objects", "in-use", "state", "free"}, {}};
    for (const PageIndex head : slabs_of(system, id)) {
        const Slab slab(system, head);
        table.rows.push_back({hex(head), hex(slab.address()), number(system.mem_map.at_index(head).order),
                              number(slab.objects()), number(slab.in_use()), slab.state(),
                              ranges(slab.free())});
    }
    return text + (table.rows.empty() ? "no slabs yet\n" : table.text());
}

/// Whose object lies at `address`, for the structures that a person looks for; empty: another's.
std::string owner_of(const KernelState& kernel, u64 address) {
    for (const auto& [pid, task] : kernel.tasks) {
        const std::string who = "task " + std::to_string(pid) + " (" + task.comm + ")";
        if (task.object.address() == address) return who;
        if (task.pid_object.address() == address) return "the pid of " + who;
    }
    for (const auto& [tgid, process] : kernel.processes)
        if (process.object.address() == address) return "process " + std::to_string(tgid);
    for (const auto& [id, mm] : kernel.mms) {
        std::string whose;
        for (const auto& [pid, task] : kernel.tasks)
            if (task.mm == id && pid == task.tgid) whose += (whose.empty() ? "" : ", ") + std::to_string(pid);
        whose = " of process " + (whose.empty() ? std::string("(none)") : whose);
        if (mm.object.address() == address) return "the address space" + whose;
        for (const auto& [end, vma] : mm.mm_mt)
            for (const kernel::KmemObject* part : {&vma.object, &vma.anon_object, &vma.chain_object})
                if (part->address() == address)
                    return "area " + hex(vma.vm_start) + "-" + hex(vma.vm_end) + whose;
    }
    return "";
}

std::string slab_frame_text(const KernelState& kernel, u64 pfn, std::optional<u64> address) {
    const MemorySystem& system = kernel.system;
    const Page& page = system.mem_map[mmu::Pfn{pfn}];
    const auto head = page.page_type == kernel::PGTY_slab_tail ? page.next : static_cast<PageIndex>(pfn);
    const Slab slab(system, head);
    std::string text = "frame " + hex(pfn) + " is " + std::to_string(pfn - head + 1) + " of " +
                       std::to_string(slab.frames()) + " of a slab of " + slab.cache().name + " at " +
                       hex(slab.address()) + ": " + std::to_string(slab.in_use()) + " of " +
                       std::to_string(slab.objects()) + " objects in use, free: " + ranges(slab.free()) +
                       "\n";
    if (!address) return text;
    const u64 offset = *address - slab.address(), number = offset / slab.cache().size;
    if (number >= slab.objects()) return text + hex(*address) + " is behind its last object\n";
    const u64 object = slab.address() + number * slab.cache().size;
    const std::string owner = slab.is_free(number) ? "" : owner_of(kernel, object);
    return text + hex(*address) + " is in object " + std::to_string(number) + " at " + hex(object) +
           (slab.is_free(number) ? ", free" : ", in use") + (owner.empty() ? "" : ": " + owner) + "\n";
}

/// What else a frame may be.
std::string other_frame_words(const MemorySystem& system, u64 pfn) {
    using P = kernel::Page;
    const Page& page = system.mem_map[mmu::Pfn{pfn}];
    if (pfn < system.buddy.first_frame()) return "never given out";
    switch (page.page_type) {
        case kernel::PGTY_vmalloc:
            return "a frame of vmalloc()";
        case kernel::PGTY_table:
            return "a page table of the kernel";
        case kernel::PGTY_kernel:
            return "a block of order " + std::to_string(page.order) + " of __get_free_pages()";
        default:
            return page.is(P::kReserved) ? "reserved"
                   : page.is(P::kBuddy)  ? "free"
                   : page.is(P::kTable)  ? "a page table"
                   : page.is(P::kAnon)   ? "anonymous memory"
                   : page.is(P::kCache)  ? "of the page cache"
                   : page.refcount       ? "in use"
                                         : "free";
    }
}

}  // namespace

std::optional<kernel::CacheId> cache_named(const MemorySystem& system, const std::string& name) {
    for (usize id = 1; id < system.slab.caches.size(); ++id)
        if (!name.empty() && system.slab.caches[id].name == name) return static_cast<kernel::CacheId>(id);
    return std::nullopt;
}

Table slab_table(Debugger& debugger) {
    Table table{{"cache", "active", "objects", "size", "in-a-slab", "order", "slabs", "partial", "frames"},
                {}};
    for (const KmemCache& cache : debugger.machine().kernel().state().system.slab.caches)
        if (!cache.name.empty())
            table.rows.push_back({cache.name, std::to_string(cache.active_objects),
                                  std::to_string(cache.total_objects), std::to_string(cache.size),
                                  std::to_string(cache.objects), std::to_string(cache.order),
                                  std::to_string(cache.slabs), std::to_string(cache.partial_slabs),
                                  std::to_string(cache.pages)});
    return table;
}

std::string slab_text(Debugger& debugger, u64 number) {
    const KernelState& kernel = debugger.machine().kernel().state();
    const u64 frames = kernel.system.mem_map.frames();
    std::optional<u64> address;
    u64 pfn = number;
    if (number >= kernel::kPageOffset && (number - kernel::kPageOffset) >> mmu::kPageShift < frames) {
        address = number;
        pfn = (number - kernel::kPageOffset) >> mmu::kPageShift;
    } else if (number >= frames) {
        if (!mmu::VirtAddr{number}.is_canonical(debugger.control().virtual_bits()))
            return hex(number) + " is neither a frame nor a canonical address\n";
        const mmu::Walk walk = debugger.peek_walk(number, mmu::Access::kLoad);
        if (!walk.translated() && walk.end != mmu::WalkEnd::kDenied)
            return "no frame is mapped at " + hex(number) + "\n";
        pfn = walk.physical(mmu::VirtAddr{number}).value >> mmu::kPageShift;
        if (pfn >= frames) return hex(number) + " is not in RAM\n";
    }
    const Page& page = kernel.system.mem_map[mmu::Pfn{pfn}];
    if (page.page_type == kernel::PGTY_slab || page.page_type == kernel::PGTY_slab_tail)
        return slab_frame_text(kernel, pfn, address);
    return "frame " + hex(pfn) + " is in no slab: " + other_frame_words(kernel.system, pfn) + "\n";
}

std::string slab_text(Debugger& debugger, const std::string& cache) {
    const MemorySystem& system = debugger.machine().kernel().state().system;
    const auto id = cache_named(system, cache);
    return id ? cache_text(system, *id)
              : "no cache, frame or address: " + cache + " (vm slab lists the caches)\n";
}

}  // namespace emu
