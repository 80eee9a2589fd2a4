#include "emu/diff/compare.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "emu/report/story_words.h"
#include "mmu/arch/fault.h"

namespace emu {

namespace {

using mmu::usize;

constexpr u64 kPageMask = ~u64{0xfff};
using Code = mmu::PageFaultCode;

struct Key {
    std::string_view file, code;  // empty: not a file's
    u64 page, ip;
    bool operator==(const Key&) const = default;
};

/// Where areas between heap and stack lie depends on what was mapped before them: the vDSO, first of all.
bool is_movable(const Place& place) {
    return place.area != Place::Area::kFile && place.name != "[stack]" && place.address >> 44 == 7;
}

/// The same for the same place, whatever its address. A page of a movable area is known by the
/// instruction that touches it.
Key key_of(const UserFault& fault) {
    const bool file = fault.at.area == Place::Area::kFile, code = fault.by.area == Place::Area::kFile;
    return {file ? std::string_view(fault.at.name) : std::string_view(),
            code ? std::string_view(fault.by.name) : std::string_view(),
            (file                   ? fault.at.offset
             : is_movable(fault.at) ? 0
                                    : fault.at.address) &
                kPageMask,
            code ? fault.by.offset : fault.by.address};
}

/// One step of an edit script: a fault of one side alone, or one of both.
struct Step {
    enum class Side : mmu::u8 { kBoth, kHost, kGuest } side;
    usize host, guest;
};

/// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986): the shortest edit script. Empty: more
/// than `limit` edits.
std::vector<Step> edit_script(const std::vector<Key>& host, const std::vector<Key>& guest, int limit) {
    const int n = static_cast<int>(host.size()), m = static_cast<int>(guest.size());
    std::vector<std::vector<int>> trace;  // trace[d][k + d]: how far diagonal k came with d edits
    const auto reach = [&](int d, int k) { return trace[static_cast<usize>(d)][static_cast<usize>(k + d)]; };
    // Which way diagonal k is entered by the d-th edit: down (a guest's fault alone) or right (a host's).
    const auto goes_down = [&](int d, int k) {
        return k == -d || (k != d && reach(d - 1, k - 1) < reach(d - 1, k + 1));
    };
    int last = -1;
    for (int d = 0; d <= limit && last < 0; ++d) {
        trace.emplace_back(static_cast<usize>(2 * d + 1));
        for (int k = -d; k <= d && last < 0; k += 2) {
            int x = d == 0 ? 0 : goes_down(d, k) ? reach(d - 1, k + 1) : reach(d - 1, k - 1) + 1;
            while (x < n && x - k < m && x - k >= 0 &&
                   host[static_cast<usize>(x)] == guest[static_cast<usize>(x - k)])
                ++x;
            trace.back()[static_cast<usize>(k + d)] = x;
            if (x >= n && x - k >= m) last = d;
        }
    }
    if (last < 0) return {};
    std::vector<Step> script;
    int x = n, y = m;
    for (int d = last; d >= 0; --d) {
        const int k = x - y;
        const bool down = d > 0 && goes_down(d, k);
        const int from = d == 0 ? 0 : down ? reach(d - 1, k + 1) : reach(d - 1, k - 1);
        const int begin = d == 0 ? 0
                          : down ? from
                                 : from + 1;  // x behind the edit, where the diagonal begins
        for (; x > begin; --x, --y)
            script.push_back({Step::Side::kBoth, static_cast<usize>(x - 1), static_cast<usize>(y - 1)});
        if (d == 0) break;
        if (down)
            script.push_back({Step::Side::kGuest, static_cast<usize>(x), static_cast<usize>(--y)});
        else
            script.push_back({Step::Side::kHost, static_cast<usize>(--x), static_cast<usize>(y)});
    }
    std::reverse(script.begin(), script.end());
    return script;
}

bool is_stack(const UserFault& fault) {
    return fault.at.name == "[stack]";
}

/// The first page of the stack that a fault of either side brought: the strings and vectors that exec has put
/// above may reach into it on one side only. 0: none.
u64 first_stack_page(const UserFaults& host, const UserFaults& guest) {
    u64 page = 0;
    for (const UserFaults* faults : {&host, &guest})
        for (const UserFault& fault : *faults)
            if (is_stack(fault)) page = std::max(page, fault.at.address & kPageMask);
    return page;
}

Difference reason_of(const UserFault& fault, bool elsewhere, u64 first_stack) {
    if (fault.at.area == Place::Area::kSpecial) return Difference::kSpecial;
    if (is_stack(fault) && (elsewhere || (fault.at.address & kPageMask) == first_stack))
        return Difference::kStackDepth;
    // A page that came around a fault needs none for reading; for writing it does, as one that did not.
    const bool writes = fault.error_code && (*fault.error_code & Code::kWrite);
    return fault.at.area == Place::Area::kFile && !writes ? Difference::kFaultAround : Difference::kNone;
}

std::string words(const UserFault& fault) {
    std::string text = hex(fault.at.address) + " by the instruction at " + hex(fault.by.address);
    if (fault.error_code) {
        const u32 code = *fault.error_code;
        text += code & Code::kFetch ? ", fetch" : code & Code::kWrite ? ", write" : ", read";
        text += code & Code::kPresent ? ", present" : ", not present";
    }
    if (!fault.at.name.empty()) return text + ", " + fault.at.name;
    switch (fault.at.area) {
        case Place::Area::kNone:
            return text + ", no area";
        case Place::Area::kAnonymous:
            return text + ", anonymous";
        default:
            return text;
    }
}

constexpr usize kShown = 10;
constexpr int kMostEdits = 4000;  // 64 MB for the search

}  // namespace

bool FaultComparison::diverges() const {
    return same_place > 0 || too_different ||
           std::any_of(lonely.begin(), lonely.end(),
                       [](const Lonely& one) { return one.reason == Difference::kNone; });
}

FaultComparison compare_faults(const UserFaults& host, const UserFaults& guest) {
    FaultComparison result{.host_count = host.size(), .guest_count = guest.size()};
    std::vector<Key> host_keys, guest_keys;
    for (const UserFault& fault : host) host_keys.push_back(key_of(fault));
    for (const UserFault& fault : guest) guest_keys.push_back(key_of(fault));
    const std::vector<Step> script = edit_script(host_keys, guest_keys, kMostEdits);
    if (script.empty() && (!host.empty() || !guest.empty())) {
        result.too_different = true;
        usize at = 0;
        while (at < host.size() && at < guest.size() && host_keys[at] == guest_keys[at]) ++at;
        result.same = at;
        if (at < host.size()) result.lonely.push_back({at, true, Difference::kNone, false});
        if (at < guest.size()) result.lonely.push_back({at, false, Difference::kNone, false});
        return result;
    }
    const u64 first_stack = first_stack_page(host, guest);
    std::set<std::pair<std::string_view, u64>> host_alone, guest_alone;
    const auto page_of = [](const Key& key) { return std::pair(key.file, key.page); };
    for (const Step& step : script) {
        if (step.side == Step::Side::kHost) host_alone.insert(page_of(host_keys[step.host]));
        if (step.side == Step::Side::kGuest) guest_alone.insert(page_of(guest_keys[step.guest]));
    }
    for (const Step& step : script) {
        if (step.side == Step::Side::kBoth) {
            const UserFault &theirs = host[step.host], &ours = guest[step.guest];
            if (theirs.error_code && ours.error_code && *theirs.error_code != *ours.error_code)
                ++result.same_place;
            else
                ++((theirs.at.address - ours.at.address) % 4096 == 0 ? result.same : result.same_page);
        } else {
            const bool is_host = step.side == Step::Side::kHost;
            const usize index = is_host ? step.host : step.guest;
            const Key& key = is_host ? host_keys[index] : guest_keys[index];
            const bool elsewhere = (is_host ? guest_alone : host_alone).contains(page_of(key));
            const UserFault& fault = is_host ? host[index] : guest[index];
            result.lonely.push_back({index, is_host, reason_of(fault, elsewhere, first_stack), elsewhere});
        }
    }
    return result;
}

std::string comparison_text(const FaultComparison& comparison, const UserFaults& host,
                            const UserFaults& guest, const std::string& host_source) {
    const auto fault_of = [&](const FaultComparison::Lonely& one) -> const UserFault& {
        return one.host ? host[one.index] : guest[one.index];
    };
    const auto line = [&](const FaultComparison::Lonely& one) {
        return std::string(one.host ? "  host " : "  here ") + "#" + std::to_string(one.index + 1) + "  " +
               words(fault_of(one)) + (one.elsewhere ? " (not so on the other side)" : "") + "\n";
    };
    std::string text = "page faults of user code: " + std::to_string(comparison.host_count) +
                       " on the host (" + host_source + "), " + std::to_string(comparison.guest_count) +
                       " here\n";
    if (comparison.too_different) {
        text += "the sequences have too little in common; the first " + std::to_string(comparison.same) +
                " are the same, then\n";
        for (const auto& one : comparison.lonely) text += line(one);
        return text;
    }
    text += "  the same address and instruction         " + std::to_string(comparison.same) + "\n" +
            "  the same page and instruction            " + std::to_string(comparison.same_page) + "\n";
    if (comparison.same_place)
        text += "  the same, with another error code        " + std::to_string(comparison.same_place) + "\n";
    std::map<Difference, usize> counts;
    for (const auto& one : comparison.lonely) ++counts[one.reason];
    static constexpr std::pair<Difference, const char*> kKnown[] = {
        {Difference::kFaultAround, "  known: pages of files around a fault     "},
        {Difference::kStackDepth, "  known: stacks that begin elsewhere       "},
        {Difference::kSpecial, "  known: the host's own vDSO               "}};
    for (const auto& [reason, words_of_it] : kKnown)
        if (counts[reason]) text += words_of_it + std::to_string(counts[reason]) + "\n";
    text += "  divergences                              " + std::to_string(counts[Difference::kNone]) + "\n";
    usize shown = 0;
    for (const auto& one : comparison.lonely) {
        if (one.reason != Difference::kNone) continue;
        if (shown == 0) text += "the first divergence\n";
        if (shown == 1) text += "then\n";
        if (shown++ < kShown) text += line(one);
    }
    if (shown > kShown) text += "  ... " + std::to_string(shown - kShown) + " more\n";
    return text;
}

}  // namespace emu
