// Purpose: sets of pages as runs. See buffered_pages.h.
#include "kernel/buffered_pages.h"

#include <algorithm>

namespace kernel {

using mmu::u64;

void BufferedPages::add(const FileIdentity& identity, u64 first, u64 end, u64 limit) {
    if (first >= end || end - first > limit) return;
    File& file = files_[identity];
    file.last_use = ++uses_;
    auto run = file.runs.upper_bound(first);
    if (run != file.runs.begin() && std::prev(run)->second >= first) --run;
    u64 known = 0;
    while (run != file.runs.end() && run->first <= end) {  // overlaps or touches
        known += run->second - run->first;
        first = std::min(first, run->first);
        end = std::max(end, run->second);
        run = file.runs.erase(run);
    }
    file.runs[first] = end;
    file.pages += end - first - known;
    total_ += end - first - known;
    while (total_ > limit) forget_oldest();
}

void BufferedPages::remove(const FileIdentity& identity, u64 first, u64 end) {
    const auto entry = files_.find(identity);
    if (entry == files_.end() || first >= end) return;
    File& file = entry->second;
    auto run = file.runs.upper_bound(first);
    if (run != file.runs.begin() && std::prev(run)->second > first) --run;
    while (run != file.runs.end() && run->first < end) {
        const auto [from, to] = *run;
        const u64 gone = std::min(to, end) - std::max(from, first);
        file.pages -= gone;
        total_ -= gone;
        run = file.runs.erase(run);
        if (from < first) file.runs[from] = first;
        if (to > end) file.runs[end] = to;
    }
    if (file.runs.empty()) files_.erase(entry);
}

bool BufferedPages::first_run(const FileIdentity& identity, u64& first, u64& end) const {
    const auto entry = files_.find(identity);
    if (entry == files_.end()) return false;
    const auto& runs = entry->second.runs;
    auto run = runs.upper_bound(first);
    if (run != runs.begin() && std::prev(run)->second > first) --run;
    if (run == runs.end() || run->first >= end) return false;
    first = std::max(first, run->first);
    end = std::min(end, run->second);
    return first < end;
}

u64 BufferedPages::count(const FileIdentity& identity, u64 first, u64 end) const {
    u64 pages = 0;
    for (u64 from = first, to = end; first_run(identity, from, to); from = to, to = end) pages += to - from;
    return pages;
}

void BufferedPages::forget_oldest() {
    const auto oldest = std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) {
        return a.second.last_use < b.second.last_use;
    });
    total_ -= oldest->second.pages;
    files_.erase(oldest);
}

}  // namespace kernel
