// glibc's malloc laid over pages: its arenas, top chunks, bins and mapped chunks, and which pages of them are
// resident. No symbols are needed: an arena shows itself by its empty bins, whose links point at themselves.
// What is read is the guest's and may be anything. Source: glibc malloc/malloc.c (struct malloc_state,
// malloc_chunk), malloc/arena.c (heap_info), as they are since 2.26.
#include <algorithm>
#include <cstring>
#include <set>

#include "emu/debug/debugger.h"
#include "emu/debug/vm_words.h"
#include "emu/report/story_words.h"
#include "kernel/state.h"

namespace emu {
namespace {

/// struct malloc_state's members on x86-64.
constexpr u64 kFastBins = 0x10, kTop = 0x60, kBins = 0x70, kNext = 0x870, kSystemMem = 0x888,
              kArenaBytes = 0x898;
constexpr usize kFastBinCount = 10, kBinCount = 127, kSmallBins = 63;
constexpr u64 kInUseOfPrevious = 1, kMapped = 2, kSizeMask = ~u64{7};
constexpr u64 kHeapMaxBytes = u64{64} << 20;
constexpr usize kMostChunks = 1u << 20;  // a list that the guest has broken ends

class Heap {
  public:
    explicit Heap(Debugger& debugger)
        : debugger_(debugger),
          kernel_(debugger.machine().kernel().state()),
          mm_(kernel_.mm_of(debugger.task())) {}

    std::string text() {
        const u64 main = find_main_arena();
        std::string out;
        if (!main)
            return "no arena of glibc's malloc is in this process: it has not been used yet, or the program "
                   "has "
                   "another allocator (musl's is not understood)\n";
        std::set<u64> seen;
        for (u64 arena = main; arena && seen.insert(arena).second && seen.size() <= 256;
             arena = word(arena + kNext))
            out += arena_text(arena, arena == main);
        out += mapped_chunks();
        return looks_left_
                   ? out
                   : out + "not all of it was looked at: there is too much, or its lists are broken\n";
    }

  private:
    u64 word(u64 address) const {
        u64 value = 0;
        if (looks_left_ == 0) return 0;
        --looks_left_;
        (void)debugger_.read(address, {reinterpret_cast<u8*>(&value), sizeof value});
        return value;
    }

    /// A writable area that may hold malloc's own variables: not the heap, no stack, of moderate size.
    bool may_hold_arena(const kernel::VmAreaStruct& vma) const {
        constexpr u64 kMostBytes = u64{8} << 20;
        return (vma.vm_flags & kernel::VM_WRITE) && !(vma.vm_flags & kernel::VM_GROWSDOWN) &&
               vma.vm_end - vma.vm_start <= kMostBytes;
    }

    /// Where nearly all bins are empty and point at themselves. Other arenas lie at the beginning of a heap
    /// of their own; the main one comes first in memory or is the one that is not there.
    u64 find_main_arena() const {
        u64 bytes_left = u64{256} << 20;
        for (const auto& [end, vma] : mm_.mm_mt) {
            if (!may_hold_arena(vma) || vma.vm_end - vma.vm_start > bytes_left) continue;
            bytes_left -= vma.vm_end - vma.vm_start;
            std::string bytes(vma.vm_end - vma.vm_start, '\0');
            bytes.resize(debugger_.read(vma.vm_start, {reinterpret_cast<u8*>(bytes.data()), bytes.size()}));
            const auto at = [&](u64 offset) {
                u64 value;
                std::memcpy(&value, bytes.data() + offset, sizeof value);
                return value;
            };
            for (u64 offset = 0; offset + kArenaBytes <= bytes.size(); offset += 8) {
                const u64 arena = vma.vm_start + offset;
                const auto empty = [&](u64 bin) {
                    const u64 self = arena + kBins + 16 * bin - 16;
                    return at(offset + kBins + 16 * bin) == self && at(offset + kBins + 16 * bin + 8) == self;
                };
                // The pattern looks the same from bin to bin: what tells is where it ends.
                if (!empty(kBinCount - 1) || empty(kBinCount)) continue;
                usize count = 0;
                for (u64 bin = 0; bin < kBinCount; ++bin) count += empty(bin);
                const bool in_own_heap = (arena & (kHeapMaxBytes - 1)) < 0x100;
                if (count >= kBinCount / 2 && at(offset + kSystemMem) && !in_own_heap) return arena;
            }
        }
        return 0;
    }

    usize list_length(u64 bin) const {
        usize count = 0;
        for (u64 chunk = word(bin + 16); chunk != bin && chunk && count < kMostChunks;
             chunk = word(chunk + 16))
            ++count;
        return count;
    }

    /// Links of fast bins are mangled by their own address since 2.32 (safe-linking).
    usize fast_length(u64 head) const {
        usize count = 0;
        for (u64 chunk = head; chunk && count < kMostChunks; ++count) {
            const u64 link = word(chunk + 16);
            const u64 plain = link ^ ((chunk + 16) >> 12);
            chunk = plain & 15 ? link : plain;
            if (chunk & 15) break;
        }
        return count;
    }

    std::string arena_text(u64 arena, bool main) {
        const u64 top = word(arena + kTop), top_bytes = word(top + 8) & kSizeMask;
        const u64 system = word(arena + kSystemMem);
        std::string out = std::string(main ? "main arena" : "arena") + " at " + hex(arena) + ": " +
                          std::to_string(system) + " bytes from the system\n";
        out += "  top chunk " + hex(top) + ", " + std::to_string(top_bytes) + " bytes\n";
        usize fast = 0, small = 0, large = 0;
        for (usize n = 0; n < kFastBinCount; ++n) fast += fast_length(word(arena + kFastBins + 8 * n));
        const auto bin = [&](usize n) { return arena + kBins + 16 * n - 16; };
        const usize unsorted = list_length(bin(0));
        for (usize n = 1; n < kBinCount; ++n) (n < kSmallBins ? small : large) += list_length(bin(n));
        out += "  free chunks: " + std::to_string(fast) + " in fast bins, " + std::to_string(unsorted) +
               " unsorted, " + std::to_string(small) + " in small bins, " + std::to_string(large) +
               " in large bins (what threads keep in tcaches counts as in use)\n";
        u64 first = top + top_bytes - system;
        if (!main) {
            const u64 heap = top & ~(kHeapMaxBytes - 1);
            const u64 heap_end = heap + word(heap + 16);
            out += "  heap_info at " + hex(heap) + ", " + std::to_string(heap_end - heap) + " bytes\n";
            first =
                heap == (arena & ~(kHeapMaxBytes - 1)) ? (arena + kArenaBytes + 15) & ~u64{15} : heap + 0x30;
        }
        return out + pages_text((first + 15) & ~u64{15}, top, top + top_bytes);
    }

    bool resident(u64 page) const {
        if (looks_left_ == 0) return false;
        --looks_left_;
        const mmu::Walk walk = debugger_.peek_walk(page, mmu::Access::kLoad);
        return walk.translated() || walk.end == mmu::WalkEnd::kDenied;
    }

    struct Pages {
        u64 first = 0, end = 0;
        bool resident = false, top = false;
        usize used = 0, free = 0;  ///< chunks that begin there
    };

    /// Runs of pages that are alike, with the chunks that begin in them.
    std::string pages_text(u64 first, u64 top, u64 end) {
        constexpr u64 kMostBytes = u64{16} << 30;
        if (first >= top || top > end || end - first > kMostBytes)
            return "  (its chunks cannot be followed)\n";
        std::vector<Pages> runs;
        u64 chunk = first;
        usize chunks = 0;
        for (u64 page = first & ~mmu::kPageOffsetMask; page < end && looks_left_; page += mmu::kPageSize) {
            Pages now{page, page + mmu::kPageSize, resident(page), page >= top};
            while (chunk < top && chunk < now.end && chunks++ < kMostChunks) {
                const u64 size = word(chunk + 8) & kSizeMask;
                if (size < 32 || size > top - chunk) {
                    chunk = top;  // broken, or not where we think
                    break;
                }
                ++(word(chunk + size + 8) & kInUseOfPrevious ? now.used : now.free);
                chunk += size;
            }
            if (!runs.empty() && runs.back().resident == now.resident && runs.back().top == now.top) {
                runs.back().end = now.end;
                runs.back().used += now.used;
                runs.back().free += now.free;
            } else {
                runs.push_back(now);
            }
        }
        std::string out;
        for (const Pages& run : runs)
            out += "  " + hex(run.first) + "-" + hex(run.end) + " " +
                   std::to_string((run.end - run.first) >> mmu::kPageShift) +
                   (run.resident ? " pages resident: " : " pages not resident: ") +
                   (run.top ? std::string("top chunk")
                            : std::to_string(run.used) + " chunks in use, " + std::to_string(run.free) +
                                  " free") +
                   "\n";
        return out;
    }

    /// Chunks that malloc has mapped for themselves: at the beginning of an anonymous area, a whole number of
    /// pages, with IS_MMAPPED.
    std::string mapped_chunks() const {
        std::string out;
        for (const auto& [end, vma] : mm_.mm_mt) {
            if (!vma.is_anonymous() || !(vma.vm_flags & kernel::VM_WRITE)) continue;
            for (u64 at = vma.vm_start; at < vma.vm_end && looks_left_;) {
                const u64 head = word(at + 8), size = head & kSizeMask;
                if ((head & 7) != kMapped || word(at) != 0 || size & mmu::kPageOffsetMask || size == 0 ||
                    size > vma.vm_end - at)
                    break;
                usize present = 0;
                for (u64 page = at; page < at + size && looks_left_; page += mmu::kPageSize)
                    present += resident(page);
                out += "mapped chunk " + hex(at) + ", " + std::to_string(size) +
                       " bytes: " + std::to_string(present) + " of " +
                       std::to_string(size >> mmu::kPageShift) + " pages resident\n";
                at += size;
            }
        }
        return out;
    }

    Debugger& debugger_;
    kernel::KernelState& kernel_;
    const kernel::MmStruct& mm_;
    mutable u64 looks_left_ = u64{1} << 22;  ///< at words and pages: what a guest has tied into knots ends
};

}  // namespace

std::string heap_text(Debugger& debugger) {
    return Heap(debugger).text();
}

}  // namespace emu
