// Purpose: /sys/kernel/mm/transparent_hugepage and its khugepaged folder. Linux: mm/huge_memory.c,
// mm/khugepaged.c, Documentation/admin-guide/mm/transhuge.rst. Deviation: no folders of sizes below 2 MiB;
// there are no huge pages of shared memory: shmem_enabled takes never and deny, as a kernel without them
// does.
#include <algorithm>

#include "kernel/fs/proc_table.h"
#include "kernel/huge_memory.h"
#include "kernel/khugepaged_thread.h"

namespace kernel {

namespace {

/// sysfs_streq(): a word, with or without a newline.
std::string word_of(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

/// "a [b] c": the chosen one of some words is in brackets.
std::string choice(std::span<const char* const> words, usize chosen) {
    std::string text;
    for (usize i = 0; i < words.size(); ++i) {
        if (i) text += ' ';
        text += i == chosen ? "[" + std::string(words[i]) + "]" : words[i];
    }
    return text + "\n";
}

/// Which of the words; -1: none.
int match(std::span<const char* const> words, const std::string& text) {
    for (usize i = 0; i < words.size(); ++i)
        if (word_of(text) == words[i]) return static_cast<int>(i);
    return -1;
}

constexpr const char* kModes[] = {"always", "madvise", "never"};
constexpr ThpMode kModeValues[] = {ThpMode::kAlways, ThpMode::kMadvise, ThpMode::kNever};
constexpr const char* kDefrags[] = {"always", "defer", "defer+madvise", "madvise", "never"};  // as ThpDefrag
constexpr const char* kShmemModes[] = {"always", "within_size", "advise", "never", "deny", "force"};
constexpr usize kShmemNever = 3, kShmemDeny = 4;

std::string enabled(KernelState& kernel, Task&) {
    const auto* const mode =
        std::find(std::begin(kModeValues), std::end(kModeValues), kernel.system.thp.mode);
    return choice(kModes, static_cast<usize>(mode - kModeValues));
}
int set_enabled(KernelState& kernel, const OpenFile&, const std::string& text) {
    const int chosen = match(kModes, text);
    if (chosen < 0) return -EINVAL;
    kernel.system.thp.mode = kModeValues[chosen];
    wake_khugepaged(kernel);  // start_stop_khugepaged()
    return 0;
}

std::string defrag(KernelState& kernel, Task&) {
    return choice(kDefrags, static_cast<usize>(kernel.system.thp.defrag));
}
int set_defrag(KernelState& kernel, const OpenFile&, const std::string& text) {
    const int chosen = match(kDefrags, text);
    if (chosen < 0) return -EINVAL;
    kernel.system.thp.defrag = static_cast<ThpDefrag>(chosen);
    return 0;
}

/// shmem_enabled_store() where !has_transparent_hugepage(): what would make huge pages is EINVAL.
std::string shmem_enabled(KernelState& kernel, Task&) {
    return choice(kShmemModes, kernel.system.thp.shmem_deny ? kShmemDeny : kShmemNever);
}
int set_shmem_enabled(KernelState& kernel, const OpenFile&, const std::string& text) {
    const int chosen = match(kShmemModes, text);
    if (chosen != int{kShmemNever} && chosen != int{kShmemDeny}) return -EINVAL;
    kernel.system.thp.shmem_deny = chosen == int{kShmemDeny};
    return 0;
}

/// A setting of 0 or 1 (single_hugepage_flag_store(), of khugepaged's and of faults).
std::string show_flag(bool flag) {
    return flag ? "1\n" : "0\n";
}
int store_flag(bool& flag, const std::string& text) {
    const auto value = proc_decimal(text);
    if (!value || *value > 1) return -EINVAL;
    flag = *value;
    return 0;
}
std::string use_zero_page(KernelState& kernel, Task&) {
    return show_flag(kernel.system.thp.use_zero_page);
}
int set_use_zero_page(KernelState& kernel, const OpenFile&, const std::string& text) {
    return store_flag(kernel.system.thp.use_zero_page, text);
}
std::string khugepaged_defrag(KernelState& kernel, Task&) {
    return show_flag(kernel.system.thp.khugepaged.defrag);
}
int set_khugepaged_defrag(KernelState& kernel, const OpenFile&, const std::string& text) {
    return store_flag(kernel.system.thp.khugepaged.defrag, text);
}

std::string hpage_pmd_size(KernelState&, Task&) {
    return std::to_string(kPmdSize) + "\n";
}

template <u64 KhugepagedState::*kMember>
std::string show(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.thp.khugepaged.*kMember) + "\n";
}
/// A number from kLeast to kMost; the error is the one of the file's store function.
template <u64 KhugepagedState::*kMember, u64 kLeast, u64 kMost>
int store(KernelState& kernel, const OpenFile&, const std::string& text) {
    const auto value = proc_decimal(text);
    if (!value || *value < kLeast || *value > kMost) return -EINVAL;
    kernel.system.thp.khugepaged.*kMember = *value;
    return 0;
}
/// __sleep_millisecs_store(): who sleeps is woken, to sleep anew.
template <u64 KhugepagedState::*kMember>
int store_sleep(KernelState& kernel, const OpenFile& file, const std::string& text) {
    const int error = store<kMember, 0, 0xffffffff>(kernel, file, text);
    if (!error) wake_khugepaged(kernel);
    return error;
}

template <u64 ThpStats::*kMember>
std::string count(KernelState& kernel, Task&) {
    return std::to_string(kernel.system.thp.stats.*kMember) + "\n";
}

using State = KhugepagedState;
constexpr u64 kPtesMost = kHpagePmdNr - 1;
constexpr ProcRow kRows[] = {
    {"/sys/kernel/mm/transparent_hugepage/enabled", enabled, 0644, nullptr, set_enabled},
    {"/sys/kernel/mm/transparent_hugepage/defrag", defrag, 0644, nullptr, set_defrag},
    {"/sys/kernel/mm/transparent_hugepage/shmem_enabled", shmem_enabled, 0644, nullptr, set_shmem_enabled},
    {"/sys/kernel/mm/transparent_hugepage/use_zero_page", use_zero_page, 0644, nullptr, set_use_zero_page},
    {"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", hpage_pmd_size},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", khugepaged_defrag, 0644, nullptr,
     set_khugepaged_defrag},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
     show<&State::scan_sleep_millisecs>, 0644, nullptr, store_sleep<&State::scan_sleep_millisecs>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs",
     show<&State::alloc_sleep_millisecs>, 0644, nullptr, store_sleep<&State::alloc_sleep_millisecs>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", show<&State::pages_to_scan>, 0644,
     nullptr, store<&State::pages_to_scan, 1, 0xffffffff>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", show<&State::max_ptes_none>, 0644,
     nullptr, store<&State::max_ptes_none, 0, kPtesMost>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap", show<&State::max_ptes_swap>, 0644,
     nullptr, store<&State::max_ptes_swap, 0, kPtesMost>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared", show<&State::max_ptes_shared>, 0644,
     nullptr, store<&State::max_ptes_shared, 0, kPtesMost>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed", count<&ThpStats::pages_collapsed>},
    {"/sys/kernel/mm/transparent_hugepage/khugepaged/full_scans", count<&ThpStats::full_scans>},
};

}  // namespace

std::span<const ProcRow> sysfs_thp_rows() {
    return kRows;
}

}  // namespace kernel
