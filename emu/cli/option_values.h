// Options that are words of their own: sizes, ranges, counts of pages, faults to inject. What CLI11 hands
// over as text becomes values here, or one sentence on what is wrong with it.
#pragma once

#include <string>
#include <vector>

#include "emu/cli/options.h"

namespace emu {

/// Options that CLI11 hands over as text and that need a look before they are Options.
struct RawOptions {
    std::string faults, calls;  // of explain
    std::vector<std::string> inject;
    std::string readahead, fault_around;
    std::string memory, swap, stack, hugepages, story_faults, csv, names;
    std::vector<std::string> set_environment;
    bool clear_environment = false, json = false;
};

/// Sizes, ranges and environment: what needs more than CLI11's checks. Empty, or what is wrong.
std::string finish_options(Options& options, const RawOptions& raw, std::vector<std::string> environment);

/// What explain tells: everything, or what was asked for.
std::string finish_explain(Options& options, const RawOptions& raw);

/// What the host cannot be told is not left out for the guest alone.
std::string finish_diff_host(const Options& options);

}  // namespace emu
