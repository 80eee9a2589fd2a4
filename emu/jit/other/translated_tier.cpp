// Hosts that are not x86-64: there is no translated tier.
#include "emu/jit/translated_tier.h"

namespace emu {

bool host_can_translate() {
    return false;
}

std::unique_ptr<TranslatedTier> make_translated_tier(Cpu&, const TierConfig&) {
    return nullptr;
}

}  // namespace emu
