// Textbook replacement policies; see reference_policy.h.
#include "mmu/reference_policy.h"

#include <list>
#include <vector>

#include "mmu/base/check.h"

namespace mmu {
namespace {

/// A list of ways, the one used last in front.
class LruList : public ReferencePolicy {
  public:
    void touch(u32 way) override {
        order_.remove(way);
        order_.push_front(way);
    }
    void insert(u32 way) override { touch(way); }
    u32 victim() override { return order_.back(); }

  private:
    std::list<u32> order_;
};

/// A queue of ways, the oldest entry in front.
class FifoQueue : public ReferencePolicy {
  public:
    void touch(u32) override {}
    void insert(u32 way) override {
        queue_.remove(way);
        queue_.push_back(way);
    }
    u32 victim() override { return queue_.front(); }

  private:
    std::list<u32> queue_;
};

/// A binary tree with a bit a node, as a heap: node 1 is the root, node n has children 2n and 2n+1; a bit of
/// 1 points right. A use makes the bits on its path point away.
class TreeBits : public ReferencePolicy {
  public:
    explicit TreeBits(u32 ways) : ways_(ways), bits_(ways, false) {}

    void touch(u32 way) override {
        for (u32 node = way + ways_; node > 1; node /= 2) {
            const bool is_right_child = node % 2 == 1;
            bits_[node / 2] = !is_right_child;
        }
    }
    void insert(u32 way) override { touch(way); }
    u32 victim() override {
        u32 node = 1;
        while (node < ways_) node = 2 * node + (bits_[node] ? 1 : 0);
        return node - ways_;
    }

  private:
    u32 ways_;
    std::vector<bool> bits_;
};

/// Three trees; the victim is in the one after that of the last use.
class ThreeTrees : public ReferencePolicy {
  public:
    explicit ThreeTrees(u32 ways) : leaves_(ways / 3), trees_(3, TreeBits(ways / 3)) {}

    void touch(u32 way) override {
        last_tree_ = way / leaves_;
        trees_[last_tree_].touch(way % leaves_);
    }
    void insert(u32 way) override { touch(way); }
    u32 victim() override {
        const u32 tree = last_tree_ == 2 ? 0 : last_tree_ + 1;
        return tree * leaves_ + trees_[tree].victim();
    }

  private:
    u32 leaves_;
    std::vector<TreeBits> trees_;
    u32 last_tree_ = 0;
};

/// One "used" bit a way. Eager: the use that would set the last one clears the others. Lazy: the eviction
/// that finds all set clears all.
class UsedBits : public ReferencePolicy {
  public:
    enum class Clear { kEager, kLazy };
    UsedBits(u32 ways, Clear clear) : used_(ways, false), clear_(clear) {}

    void touch(u32 way) override {
        used_[way] = true;
        if (clear_ == Clear::kEager && all_used()) {
            used_.assign(used_.size(), false);
            used_[way] = true;
        }
    }
    void insert(u32 way) override { touch(way); }
    u32 victim() override {
        if (all_used()) used_.assign(used_.size(), false);
        u32 way = 0;
        while (used_[way]) ++way;
        return way;
    }

  private:
    bool all_used() const {
        for (bool used : used_)
            if (!used) return false;
        return true;
    }
    std::vector<bool> used_;
    Clear clear_;
};

class RandomDraw : public ReferencePolicy {
  public:
    enum class Step { kOnMiss, kAlways };
    RandomDraw(u32 ways, Rng& rng, Step step) : ways_(ways), rng_(rng), step_(step) {}

    void touch(u32) override {
        if (step_ == Step::kAlways) rng_.next();
    }
    void insert(u32) override {}
    u32 victim() override { return static_cast<u32>(rng_.below(ways_)); }

  private:
    u32 ways_;
    Rng& rng_;
    Step step_;
};

/// Re-reference prediction values of 2 bits.
class Prediction : public ReferencePolicy {
  public:
    enum class Priority { kHit, kFrequency };
    Prediction(u32 ways, Priority priority) : value_(ways, 3), priority_(priority) {}

    void touch(u32 way) override {
        if (priority_ == Priority::kHit)
            value_[way] = 0;
        else if (value_[way] > 0)
            value_[way] -= 1;
    }
    void insert(u32 way) override { value_[way] = 2; }
    u32 victim() override {
        for (;;) {
            for (u32 way = 0; way < value_.size(); ++way)
                if (value_[way] == 3) return way;
            for (int& value : value_) value += 1;
        }
    }

  private:
    std::vector<int> value_;
    Priority priority_;
};

class UseCount : public ReferencePolicy {
  public:
    explicit UseCount(u32 ways) : uses_(ways, 0) {}

    void touch(u32 way) override { uses_[way] += 1; }
    void insert(u32 way) override { uses_[way] = 1; }
    u32 victim() override {
        u32 best = 0;
        for (u32 way = 1; way < uses_.size(); ++way)
            if (uses_[way] < uses_[best]) best = way;
        return best;
    }

  private:
    std::vector<u64> uses_;
};

}  // namespace

std::unique_ptr<ReferencePolicy> make_reference_policy(std::string_view name, u32 ways, Rng& rng) {
    if (name == "lru") return std::make_unique<LruList>();
    if (name == "fifo") return std::make_unique<FifoQueue>();
    if (name == "tree-plru") return std::make_unique<TreeBits>(ways);
    if (name == "mru3plru4") return std::make_unique<ThreeTrees>(ways);
    if (name == "bit-plru") return std::make_unique<UsedBits>(ways, UsedBits::Clear::kEager);
    if (name == "nru") return std::make_unique<UsedBits>(ways, UsedBits::Clear::kLazy);
    if (name == "random") return std::make_unique<RandomDraw>(ways, rng, RandomDraw::Step::kOnMiss);
    if (name == "random-stepped") return std::make_unique<RandomDraw>(ways, rng, RandomDraw::Step::kAlways);
    if (name == "srrip") return std::make_unique<Prediction>(ways, Prediction::Priority::kHit);
    if (name == "srrip-fp") return std::make_unique<Prediction>(ways, Prediction::Priority::kFrequency);
    if (name == "lfu") return std::make_unique<UseCount>(ways);
    CHECK(!"a policy without its textbook form in reference_policy.cpp");
    return nullptr;
}

}  // namespace mmu
