#include "emu/debug/vm_watch.h"

#include <algorithm>
#include <cstring>

#include "emu/debug/hex.h"
#include "emu/report/story_words.h"
#include "kernel/host/journal.h"
#include "mmu/tlb.h"
#include "mmu/walk_cache.h"

namespace emu {

using kernel::EventKind;
using kernel::host::get_number, kernel::host::put_number;
using mmu::MmuEvent, mmu::PhysAddr, mmu::Stage, mmu::VirtAddr;

namespace {

constexpr usize kMostHits = 16;

std::string words_of(const VmWatch::Entry& entry) {
    return entry.level ? entry_words(entry.level, entry.where, entry.raw) : "no tables";
}

const char* access_name(mmu::Access access) {
    return access == mmu::Access::kStore ? "store" : access == mmu::Access::kFetch ? "fetch" : "load";
}

}  // namespace

std::string VmWatch::bytes_at(u64 first, usize size) const {
    std::string bytes(size, '\0');
    std::memcpy(bytes.data(), mmu_.memory().host(PhysAddr{first}), size);
    return bytes;
}

std::string VmWatch::watch_physical(u64 first, u64 last) {
    memory_.push_back({first, bytes_at(first, last - first + 1)});
    return "watching physical " + hex(first) + "-" + hex(last) + ": " + to_hex(memory_.back().bytes) + "\n";
}

std::string VmWatch::watch_entry(u64 address, u64 root) {
    entries_.push_back({address, root, walk_(address, root)});
    return "watching the entry of " + hex(address) + ": " + words_of(entries_.back().entry) + "\n";
}

/// What is due to be told is no longer wanted either.
void VmWatch::clear() {
    memory_.clear();
    entries_.clear();
    hits_.clear();
}

std::string VmWatch::list() const {
    std::string text;
    for (const Memory& memory : memory_)
        text += "physical " + hex(memory.first) + ", " + std::to_string(memory.bytes.size()) +
                " bytes: " + to_hex(memory.bytes) + "\n";
    for (const WatchedEntry& watched : entries_)
        text += "entry of " + hex(watched.address) + ": " + words_of(watched.entry) + "\n";
    for (const WatchRange& range : misses_)
        text += "TLB misses of " + hex(range.first) + "-" + hex(range.last) + "\n";
    if (evictions_) text += "evictions\n";
    return text.empty() ? "nothing is watched\n" : text;
}

std::string VmWatch::save() const {
    std::string text;
    put_number(text, memory_.size());
    for (const Memory& memory : memory_) {
        put_number(text, memory.first);
        put_number(text, memory.bytes.size());
    }
    put_number(text, entries_.size());
    for (const WatchedEntry& watched : entries_) {
        put_number(text, watched.address);
        put_number(text, watched.root);
    }
    put_number(text, misses_.size());
    for (const WatchRange& range : misses_) {
        put_number(text, range.first);
        put_number(text, range.last);
    }
    put_number(text, evictions_);
    return text;
}

void VmWatch::restore(std::string_view saved) {
    clear();
    clear_catches();
    hits_.clear();
    u64 count = 0, first = 0, second = 0;
    const auto pairs = [&](const auto& each) {
        for (get_number(saved, count); count && get_number(saved, first) && get_number(saved, second);
             --count)
            each();
    };
    pairs([&] { memory_.push_back({first, bytes_at(first, second)}); });
    pairs([&] { entries_.push_back({first, second, walk_(first, second)}); });
    pairs([&] { catch_misses(first, second); });
    if (get_number(saved, first)) evictions_ = first != 0;
}

std::vector<WatchRange> VmWatch::physical() const {
    std::vector<WatchRange> ranges;
    for (const Memory& memory : memory_)
        ranges.push_back({memory.first, memory.first + memory.bytes.size() - 1, false, true});
    return ranges;
}

void VmWatch::hit(const std::string& line) {
    if (hits_.size() < kMostHits) hits_.push_back(line);
}

std::optional<std::string> VmWatch::take() {
    if (hits_.empty()) return std::nullopt;
    std::string all;
    for (const std::string& line : hits_) all += (all.empty() ? "" : "; ") + line;
    hits_.clear();
    return all;
}

/// What has changed since the last look was changed by `who`.
void VmWatch::compare(const std::string& who) {
    for (Memory& memory : memory_) {
        std::string now = bytes_at(memory.first, memory.bytes.size());
        if (now == memory.bytes) continue;
        hit("physical " + hex(memory.first) + ": " + to_hex(memory.bytes) + " -> " + to_hex(now) + ", by " +
            who);
        memory.bytes = std::move(now);
    }
    for (WatchedEntry& watched : entries_) {
        const Entry now = walk_(watched.address, watched.root);
        if (now == watched.entry) continue;
        hit("entry of " + hex(watched.address) + ": " + words_of(watched.entry) + " -> " + words_of(now) +
            ", by " + who);
        watched.entry = now;
    }
    writer_.clear();
}

void VmWatch::look_again() {
    for (Memory& memory : memory_) memory.bytes = bytes_at(memory.first, memory.bytes.size());
    for (WatchedEntry& watched : entries_) watched.entry = walk_(watched.address, watched.root);
}

void VmWatch::after_store() {
    compare("the guest's instruction before " + hex(guest_.rip));
}

void VmWatch::on_event(const kernel::Event& event) {
    if (watches_memory()) {
        compare(writer_.empty() ? "the kernel" : writer_);
        if (event.kind == EventKind::kSyscallEnter) context_ = std::string("system call ") + event.text;
        if (event.kind == EventKind::kFaultEntry) context_ = "the page fault at " + hex(event.address);
        writer_ = event.kind == EventKind::kSetPte ? "the kernel's set_pte_at" : "the kernel";
        if (!context_.empty()) writer_ += " in " + context_;
    }
    next_.on_event(event);
}

void VmWatch::remember_sets(VirtAddr address) {
    residents_.clear();
    for (const mmu::Tlb& array : mmu_.tlb().arrays())
        for (const mmu::PageSize size : {mmu::PageSize::k4K, mmu::PageSize::k2M, mmu::PageSize::k1G}) {
            if (!array.holds(size)) continue;
            const mmu::u32 first = array.set_of(address.page_number(size)) * array.ways_in_set();
            for (mmu::u32 number = first; number < first + array.ways_in_set(); ++number)
                if (array.valid(number)) residents_.push_back({&array, number, array.way(number).entry});
        }
}

/// Another page is where one was.
void VmWatch::tell_evictions(const MmuEvent& event) {
    for (const Resident& old : residents_) {
        const mmu::TlbEntry& now = old.array->way(old.number).entry;
        const bool same = old.array->valid(old.number) && now.page_number == old.entry.page_number &&
                          now.size == old.entry.size && now.pcid == old.entry.pcid;
        if (same || !old.array->valid(old.number)) continue;
        const mmu::u32 ways = old.array->ways_in_set();
        hit("evict " + std::string(old.array->config().name) + " set " + std::to_string(old.number / ways) +
            " way " + std::to_string(old.number % ways) + ": page " +
            hex(old.entry.page_number * mmu::bytes_of(old.entry.size)) + " leaves for " +
            hex(now.page_number * mmu::bytes_of(now.size)) + " (" + access_name(event.access) + " of " +
            hex(event.address.value) + ")");
        at_event_();
    }
    residents_.clear();
}

/// Before a walk. What it begins with becomes the newest, but then it brings nothing into that cache.
void VmWatch::remember_walk_caches() {
    oldest_.clear();
    for (unsigned level = 2; level <= 5; ++level) {
        const mmu::WalkCacheLevel& cache = mmu_.walk_cache().level(level);
        if (!cache.capacity() || cache.size() < cache.capacity()) continue;
        Oldest last{.level = level};
        cache.for_each([&](u64 address, u64 pcid, const mmu::WalkStart&) {
            last.address = address;
            last.pcid = static_cast<mmu::u16>(pcid);
        });
        oldest_.push_back(last);
    }
}

void VmWatch::tell_walk_cache_evictions(const MmuEvent& event) {
    constexpr const char* kNames[] = {"PDE", "PDPTE", "PML4E", "PML5E"};
    for (const Oldest& old : oldest_) {
        const mmu::WalkCacheLevel& cache = mmu_.walk_cache().level(old.level);
        if (cache.size() < cache.capacity() || cache.peek(VirtAddr{old.address}, old.pcid)) continue;
        hit(std::string("evict ") + kNames[old.level - 2] + " cache: the entry for " + hex(old.address) +
            " leaves for that of " + hex(event.address.value) + " (" + access_name(event.access) + ")");
        at_event_();
    }
    oldest_.clear();
}

void VmWatch::on_mmu_event(const MmuEvent& event) {
    switch (event.stage) {
        case Stage::kRewalk:
            if (evictions_) remember_walk_caches();
            break;
        case Stage::kReference:
            if (evictions_) remember_sets(event.address);
            break;
        case Stage::kTlbLookup:
            if (evictions_ && event.level == 2) tell_evictions(event);
            if (evictions_ && event.level == 0) remember_walk_caches();
            for (const WatchRange& range : misses_)
                if (!event.level && event.address.value >= range.first && event.address.value <= range.last) {
                    hit("tlbmiss: " + std::string(access_name(event.access)) + " of " +
                        hex(event.address.value));
                    at_event_();
                    break;
                }
            break;
        case Stage::kAccessedSet:
        case Stage::kDirtySet:
            if (!watches_memory()) break;
            compare(std::string("the MMU, which sets ") + (event.stage == Stage::kAccessedSet ? "A" : "D") +
                    " on the walk of a " + access_name(event.access) + " of " + hex(event.address.value));
            if (!hits_.empty()) at_event_();
            break;
        case Stage::kVerdict:
            if (evictions_) tell_walk_cache_evictions(event);
            break;
        case Stage::kFill:
            if (evictions_) tell_evictions(event);
            break;
        default:
            break;
    }
    if (next_mmu_) next_mmu_->on_mmu_event(event);
}

}  // namespace emu
