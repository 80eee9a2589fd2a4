// Faults of the machine, made on purpose: the N-th frame allocation fails, the N-th read of a disk, ... A row
// for each kind of site; a site asks whether it is to fail. Linux: lib/fault-inject.c (fail_page_alloc,
// fail_make_request).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "mmu/base/ints.h"

namespace kernel {

enum class InjectSite : mmu::u8 {
    kAlloc,      ///< alloc_pages(): no frame
    kDiskRead,   ///< bytes of a regular file do not come: EIO, or SIGBUS where it is mapped
    kDiskWrite,  ///< bytes of a regular file do not go: EIO
    kSwap,       ///< get_swap_page(): no slot
    kSwapRead,   ///< a page does not come back from swap: SIGBUS
    kFlush,      ///< a TLB flush does not happen
    kSites
};
inline constexpr std::array<const char*, static_cast<unsigned>(InjectSite::kSites)> kInjectNames = {
    "alloc", "disk-read", "disk-write", "swap", "swap-read", "flush"};

class Injector {
  public:
    struct Rule {
        mmu::u64 at = 0;     ///< this visit fails; 0: none
        mmu::u64 every = 0;  ///< and each multiple of this one; 0: none
        mmu::u64 seen = 0;   ///< visits so far
        mmu::u64 failed = 0;
    };

    bool armed() const { return armed_; }
    const Rule& rule(InjectSite site) const { return rules_[static_cast<unsigned>(site)]; }
    void set(InjectSite site, mmu::u64 at, mmu::u64 every) {
        rules_[static_cast<unsigned>(site)] = {at, every, 0, 0};
        armed_ = true;
    }
    /// One visit of the site: is it to fail?
    bool fails(InjectSite site) {
        if (!armed_) [[likely]]
            return false;
        Rule& rule = rules_[static_cast<unsigned>(site)];
        ++rule.seen;
        const bool fail = rule.seen == rule.at || (rule.every && rule.seen % rule.every == 0);
        rule.failed += fail;
        return fail;
    }

    /// "alloc:7" or "alloc:every:7". False: it is neither, or names no site.
    bool parse(std::string_view text) {
        for (unsigned i = 0; i < kInjectNames.size(); ++i) {
            const std::string_view name = kInjectNames[i];
            if (!text.starts_with(name) || text.substr(name.size(), 1) != ":") continue;
            text.remove_prefix(name.size() + 1);
            const bool every = text.starts_with("every:");
            if (every) text.remove_prefix(6);
            if (text.empty() || text.size() > 18 ||
                text.find_first_not_of("0123456789") != std::string_view::npos)
                return false;
            const mmu::u64 number = std::stoull(std::string(text));
            if (number) set(static_cast<InjectSite>(i), every ? 0 : number, every ? number : 0);
            return number != 0;
        }
        return false;
    }

  private:
    std::array<Rule, static_cast<unsigned>(InjectSite::kSites)> rules_{};
    bool armed_ = false;
};

}  // namespace kernel
