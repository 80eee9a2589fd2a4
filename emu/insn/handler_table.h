// A table keyed by one handler or two, asked for every instruction of every block that is built: open
// addressing in one piece of memory, at most a quarter full.
#pragma once

#include <bitset>
#include <vector>

#include "emu/cpu/insn.h"

namespace emu {

template <class Value>
class HandlerTable {
  public:
    HandlerTable() : slots_(64) {}

    void set(Handler first, Handler second, const Value& value) {
        if (4 * (used_ + 1) > slots_.size()) grow();
        Slot& slot = slots_[place(slots_, first, second)];
        used_ += slot.first == nullptr;
        starts_[start(first)] = true;
        slot = {first, second, value};
    }
    /// Null when there is none.
    const Value* find(Handler first, Handler second) const {
        if (!starts_[start(first)])
            return nullptr;  // nearly all of them, and the table need not be in the cache
        const Slot& slot = slots_[place(slots_, first, second)];
        return slot.first ? &slot.value : nullptr;
    }

  private:
    struct Slot {
        Handler first = nullptr, second = nullptr;
        Value value{};
    };
    using Slots = std::vector<Slot>;

    static usize place(const Slots& slots, Handler first, Handler second) {
        const u64 key = reinterpret_cast<u64>(first) * 0x9e3779b97f4a7c15 ^ reinterpret_cast<u64>(second);
        usize n = (key * 0xff51afd7ed558ccd >> 40) & (slots.size() - 1);
        while (slots[n].first && !(slots[n].first == first && slots[n].second == second))
            n = (n + 1) & (slots.size() - 1);
        return n;
    }
    static usize start(Handler first) { return (reinterpret_cast<u64>(first) * 0x9e3779b97f4a7c15) >> 52; }
    void grow() {
        Slots larger(4 * slots_.size());
        for (const Slot& slot : slots_)
            if (slot.first) larger[place(larger, slot.first, slot.second)] = slot;
        slots_.swap(larger);
    }

    Slots slots_;
    std::bitset<4096> starts_;  ///< by hash: some key's first handler may be this one
    usize used_ = 0;
};

}  // namespace emu
