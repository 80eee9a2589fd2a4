// Tables keyed by one handler or by two, asked for every instruction of every block that is built, so small
// enough to stay in the host's caches beside what is executed: open addressing in one piece of memory.
#pragma once

#include <bitset>
#include <span>
#include <vector>

#include "emu/cpu/insn.h"
#include "mmu/base/check.h"

namespace emu {

template <class Value>
class HandlerTable {
  public:
    HandlerTable() : slots_(64) {}

    void set(Handler handler, const Value& value) {
        if (2 * (used_ + 1) > slots_.size()) grow();
        Slot& slot = slots_[place(slots_, handler)];
        used_ += slot.handler == nullptr;
        present_[short_hash(handler)] = true;
        slot = {handler, value};
    }
    /// Null when there is none.
    const Value* find(Handler handler) const {
        if (!present_[short_hash(handler)]) return nullptr;  // most of them, and no slot need be looked at
        const Slot& slot = slots_[place(slots_, handler)];
        return slot.handler ? &slot.value : nullptr;
    }

  private:
    struct Slot {
        Handler handler = nullptr;
        Value value{};
    };
    using Slots = std::vector<Slot>;

    static u64 hash(Handler handler) { return reinterpret_cast<u64>(handler) * 0x9e3779b97f4a7c15; }
    static usize short_hash(Handler handler) { return hash(handler) >> 52; }
    static usize place(const Slots& slots, Handler handler) {
        usize n = (hash(handler) >> 40) & (slots.size() - 1);
        while (slots[n].handler && slots[n].handler != handler) n = (n + 1) & (slots.size() - 1);
        return n;
    }
    void grow() {
        Slots larger(2 * slots_.size());
        for (const Slot& slot : slots_)
            if (slot.handler) larger[place(larger, slot.handler)] = slot;
        slots_.swap(larger);
    }

    Slots slots_;
    std::bitset<4096> present_;  ///< by hash: some key may be this one
    usize used_ = 0;
};

/// What two neighbours become together: a matrix, because the same few handlers stand in most pairs. Rows and
/// columns count from 1: 0 is who stands in no pair.
class HandlerPairs {
  public:
    HandlerPairs() : both_(width_) {}

    void set(Handler first, Handler second, Handler both) { add({&first, 1}, {&second, 1}, &both); }

    /// Each of `firsts` before each of `seconds`; `both` is a matrix of theirs, row by row.
    void add(std::span<const Handler> firsts, std::span<const Handler> seconds, const Handler* both) {
        u8 columns[255];
        CHECK(seconds.size() <= sizeof columns, seconds.size());
        for (usize n = 0; n < seconds.size(); ++n) columns[n] = number(seconds_, columns_, seconds[n]);
        while (columns_ >= width_) widen();
        for (const Handler first : firsts) {
            const usize row = number(firsts_, rows_, first) * width_;
            both_.resize((rows_ + 1) * width_);
            for (usize n = 0; n < seconds.size(); ++n) both_[row + columns[n]] = *both++;
        }
    }
    u8 row(Handler first) const { return number_of(firsts_, first); }
    u8 column(Handler second) const { return number_of(seconds_, second); }
    /// Null when they stay two.
    Handler at(u8 row, u8 column) const { return both_[row * width_ + column]; }

  private:
    static u8 number_of(const HandlerTable<u8>& numbers, Handler handler) {
        const u8* const known = numbers.find(handler);
        return known ? *known : u8{0};
    }
    static u8 number(HandlerTable<u8>& numbers, usize& used, Handler handler) {
        if (const u8 known = number_of(numbers, handler)) return known;
        CHECK(used < 255, used);
        numbers.set(handler, static_cast<u8>(++used));
        return static_cast<u8>(used);
    }
    void widen() {
        std::vector<Handler> wider(both_.size() * 2);
        for (usize n = 0; n < both_.size(); ++n) wider[n / width_ * 2 * width_ + n % width_] = both_[n];
        width_ *= 2;
        both_.swap(wider);
    }

    HandlerTable<u8> firsts_, seconds_;
    usize rows_ = 0, columns_ = 0, width_ = 16;
    std::vector<Handler> both_;
};

}  // namespace emu
