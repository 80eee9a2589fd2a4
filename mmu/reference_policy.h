// The replacement policies of the brute-force model, one object a set: textbook forms with bits of their own,
// for reference_model.cpp alone. They share nothing with replacement.h but the random generator's sequence.
#pragma once

#include <memory>
#include <string_view>

#include "mmu/base/rng.h"

namespace mmu {

class ReferencePolicy {
  public:
    virtual ~ReferencePolicy() = default;
    virtual void touch(u32 way) = 0;   ///< a hit
    virtual void insert(u32 way) = 0;  ///< a new entry
    virtual u32 victim() = 0;          ///< of a full set
};

/// `name` is one that replacement.h lists; `rng` belongs to the array.
std::unique_ptr<ReferencePolicy> make_reference_policy(std::string_view name, u32 ways, Rng& rng);

}  // namespace mmu
