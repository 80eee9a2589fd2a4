#include "emu/report/tlb_ways.h"

#include <algorithm>
#include <bit>

#include "emu/report/story_words.h"

namespace emu {

using mmu::PageSize, mmu::Tlb, mmu::TlbEntry, mmu::u16, mmu::u32, mmu::u64, mmu::u8, mmu::usize;

namespace {

constexpr PageSize kSizes[] = {PageSize::k4K, PageSize::k2M, PageSize::k1G};

const char* size_name(PageSize size) {
    return size == PageSize::k4K ? "4K" : size == PageSize::k2M ? "2M" : "1G";
}

}  // namespace

/// The arrays of one list are numbered from `first`; where several hold one size, bits above the set index
/// choose, as TlbHierarchy does.
void TlbWays::look_in(const mmu::TlbHierarchy& tlb, const List& list, usize first, unsigned level,
                      mmu::VirtAddr address) {
    for (const PageSize size : kSizes) {
        std::vector<usize> holding;
        unsigned shift = 0;
        for (usize n = 0; n < list.size(); ++n) {
            if (!list[n].sizes.holds(size)) continue;
            holding.push_back(first + n);
            shift = std::max(shift, static_cast<unsigned>(std::countr_zero(list[n].sets)));
        }
        if (holding.empty()) continue;
        const u64 page_number = address.page_number(size);
        const Tlb& array =
            tlb.arrays()[holding[holding.size() == 1 ? 0 : (page_number >> shift) % holding.size()]];
        // A size that no entry has is not searched for, but the small one is what people expect to see.
        if (array.empty_of(size) && size != PageSize::k4K) continue;
        Set looked;
        looked.level = level;
        looked.array = array.config().name;
        looked.size = size;
        looked.set = array.set_of(page_number);
        looked.sets = array.sets();
        looked.ways = array.ways_in_set();
        looked.page_number = page_number;
        for (u32 way = looked.set * looked.ways; way < (looked.set + 1) * looked.ways; ++way)
            if (array.valid(way)) looked.entries.push_back(array.way(way).entry);
        sets_.push_back(std::move(looked));
    }
}

void TlbWays::look(const mmu::TlbHierarchy& tlb, mmu::Access access, mmu::VirtAddr address, u16 pcid) {
    sets_.clear();
    pcid_ = pcid;
    const mmu::TlbConfig& config = tlb.config();
    const usize load = config.l1_instruction.size(), store = load + config.l1_load.size();
    const usize l2 = store + config.l1_store.size(), l2_instruction = l2 + config.l2.size();
    const bool fetch = access == mmu::Access::kFetch;
    if (fetch)
        look_in(tlb, config.l1_instruction, 0, 1, address);
    else if (access == mmu::Access::kStore && !config.l1_store.empty())
        look_in(tlb, config.l1_store, store, 1, address);
    else
        look_in(tlb, config.l1_load, load, 1, address);
    if (fetch && !config.l2_instruction.empty())
        look_in(tlb, config.l2_instruction, l2_instruction, 2, address);
    else
        look_in(tlb, config.l2, l2, 2, address);
}

std::vector<std::string> TlbWays::lines(unsigned levels) const {
    std::vector<std::string> out;
    for (const Set& looked : sets_) {
        if (looked.level > levels) continue;
        std::string text = looked.array + ", set " + std::to_string(looked.set) + " of " +
                           std::to_string(looked.sets) + ": page " + hex(looked.page_number) + " (" +
                           size_name(looked.size) + ", PCID " + std::to_string(pcid_) + ") against ways";
        bool match = false;
        for (const TlbEntry& entry : looked.entries) {
            const bool same = entry.size == looked.size && entry.page_number == looked.page_number &&
                              (entry.global || entry.pcid == pcid_);
            match |= same;
            text += std::string(same ? " [" : " ") + hex(entry.page_number);
            if (entry.size != looked.size) text += std::string("/") + size_name(entry.size);
            if (entry.global) text += "/global";
            if (!entry.global && entry.pcid != pcid_) text += "/PCID " + std::to_string(entry.pcid);
            if (same) text += "]";
        }
        const usize empty = looked.ways - looked.entries.size();
        if (empty > 0) text += (looked.entries.empty() ? " (all " : " (") + std::to_string(empty) + " empty)";
        out.push_back(text + (match ? ": match" : ": no match"));
    }
    return out;
}

}  // namespace emu
