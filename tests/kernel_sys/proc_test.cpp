// The files of /proc: their layout against the host's own, their numbers against one another and against what
// the guest did.
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>

#include <fstream>
#include <map>
#include <sstream>

#include "kernel/fs/proc.h"
#include "kernel/mmap.h"
#include "tests/kernel_sys/guest.h"

using sys_test::Guest;
using sys_test::i64;
using sys_test::u64;

namespace {

std::string proc(Guest& guest, const std::string& name) {
    const auto entry = kernel::proc_entry(guest.state(), guest.task(), "/proc/" + name);
    REQUIRE(entry);
    return entry->text;
}

std::string host_file(const std::string& name) {
    std::ifstream in("/proc/" + name);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string key_of(const std::string& line) {
    return line.substr(0, line.find_first_of(":( \t"));
}
std::string unit_of(const std::string& line) {
    return line.ends_with(" kB") ? " kB" : "";
}

/// At most the eight digits that Linux pads to.
bool has_short_number(const std::string& line) {
    return std::count_if(line.begin() + static_cast<std::ptrdiff_t>(line.find(':') + 1), line.end(),
                         [](char c) { return c >= '0' && c <= '9'; }) <= 8;
}

/// Each line of ours is one of the host's, in the host's order, with the same column for numbers.
void check_layout(const std::string& ours, const std::string& host) {
    const auto theirs = lines_of(host);
    std::size_t at = 0;
    for (const std::string& line : lines_of(ours)) {
        std::size_t found = at;
        while (found < theirs.size() && key_of(theirs[found]) != key_of(line)) ++found;
        if (found == theirs.size()) {  // a newer or differently configured host may lack it
            WARN("the host has no line " << key_of(line) << " here");
            continue;
        }
        at = found + 1;
        INFO(line << " | " << theirs[found]);
        CHECK(unit_of(line) == unit_of(theirs[found]));
        // "%8lu kB": larger numbers, as a sanitizer's address space gives, are wider.
        if (unit_of(line) == " kB" && has_short_number(line) && has_short_number(theirs[found]))
            CHECK(line.size() == theirs[found].size());
    }
}

u64 number_after(const std::string& text, const std::string& key) {
    const auto at = text.find("\n" + key);
    REQUIRE(at != std::string::npos);
    return std::stoull(text.substr(text.find_first_of("0123456789", at + 1 + key.size())));
}

/// The sum of a key over all areas of smaps.
u64 sum_of(const std::string& smaps, const std::string& key) {
    u64 sum = 0;
    for (const std::string& line : lines_of(smaps))
        if (line.starts_with(key)) sum += std::stoull(line.substr(key.size()));
    return sum;
}

}  // namespace

TEST_CASE("proc: meminfo, status, limits and smaps are laid out as the host's are") {
    Guest guest;
    for (const char* name : {"meminfo", "self/status", "self/limits", "self/smaps_rollup"}) {
        INFO(name);
        const auto body = [&](const std::string& text) {  // behind the rollup's own first line
            return std::string(name) == "self/smaps_rollup" ? text.substr(text.find('\n') + 1) : text;
        };
        check_layout(body(proc(guest, name)), body(host_file(name)));
    }
    const auto first_area = [](const std::string& smaps) { return smaps.substr(0, smaps.find("VmFlags")); };
    const std::string ours = first_area(proc(guest, "self/smaps"));
    const std::string theirs = first_area(host_file("self/smaps"));
    check_layout(ours.substr(ours.find('\n') + 1), theirs.substr(theirs.find('\n') + 1));
    CHECK(lines_of(ours).size() >= 24);
}

TEST_CASE("proc: vmstat, zoneinfo and pagetypeinfo name what the host names, in its order") {
    Guest guest;
    const auto host = lines_of(host_file("vmstat"));
    std::size_t at = 0;
    for (const std::string& line : lines_of(proc(guest, "vmstat"))) {
        INFO(line);
        while (at < host.size() && key_of(host[at]) != key_of(line)) ++at;
        CHECK(at < host.size());
    }
    const std::string zone = proc(guest, "zoneinfo");
    for (const char* part : {"Node 0, zone   Normal\n  per-node stats\n      nr_inactive_anon ",
                             "\n  pages free     ", "\n        min      ", "\n        managed  ",
                             "\n        protection: (0", "\n  start_pfn:           "})
        CHECK(zone.find(part) != std::string::npos);
    CHECK(proc(guest, "buddyinfo").starts_with("Node 0, zone   Normal "));
    CHECK(proc(guest, "swaps").starts_with(host_file("swaps").substr(0, 40)));
}

TEST_CASE("proc: maps is the host's line format, names in column 74") {
    Guest guest;
    const std::string maps = proc(guest, "self/maps");
    for (const std::string& line : lines_of(maps)) {
        INFO(line);
        const auto slash = line.find('/');
        if (slash != std::string::npos) CHECK(slash == 73);
        CHECK(line.substr(line.find(' ') + 1, 2).find_first_not_of("r-w") == std::string::npos);
    }
    CHECK(maps.find("[stack]\n") != std::string::npos);
}

TEST_CASE("proc: RSS, PSS, private and dirty bytes follow the pages that a program touches") {
    Guest guest;
    const u64 before = number_after(proc(guest, "self/status"), "VmRSS:");
    const u64 area = static_cast<u64>(
        guest.call(SYS_mmap, 0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(number_after(proc(guest, "self/status"), "VmRSS:") == before);
    for (unsigned page = 0; page < 3; ++page) guest.write(u64{1}, area + page * 4096);
    (void)guest.read<u64>(area + 3 * 4096);  // the zero page is no resident page

    const std::string smaps = proc(guest, "self/smaps"), status = proc(guest, "self/status");
    CHECK(number_after(status, "VmRSS:") == before + 12);
    CHECK(sum_of(smaps, "Rss:") == number_after(status, "VmRSS:"));
    CHECK(sum_of(smaps, "Size:") == number_after(status, "VmSize:"));
    CHECK(sum_of(smaps, "Anonymous:") == number_after(status, "RssAnon:"));
    CHECK(sum_of(smaps, "Private_Clean:") + sum_of(smaps, "Private_Dirty:") + sum_of(smaps, "Shared_Clean:") +
              sum_of(smaps, "Shared_Dirty:") ==
          sum_of(smaps, "Rss:"));
    const std::string rollup = proc(guest, "self/smaps_rollup");
    for (const char* key : {"Rss:", "Anonymous:", "Private_Dirty:", "Referenced:"})
        CHECK(sum_of(rollup, key) == sum_of(smaps, key));
    std::istringstream statm(proc(guest, "self/statm"));
    u64 size = 0, resident = 0;
    statm >> size >> resident;
    CHECK(size * 4 == number_after(status, "VmSize:"));
    CHECK(resident * 4 == number_after(status, "VmRSS:"));
}

TEST_CASE("proc: a page of a file that two areas map counts half for each") {
    Guest guest;
    const u64 file = static_cast<u64>(guest.open(guest.program_path()));
    u64 areas[2];
    for (u64& area : areas) {
        area = static_cast<u64>(guest.call(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, file, 0));
        (void)guest.read<u64>(area);
    }
    const std::string smaps = proc(guest, "self/smaps");
    char header[32];
    std::snprintf(header, sizeof header, "%llx-", static_cast<unsigned long long>(areas[0]));
    const std::string part = smaps.substr(smaps.find(header));
    CHECK(number_after(part, "Rss:") == 4);
    CHECK(number_after(part, "Pss:") <= 2);
    CHECK(number_after(part, "Shared_Clean:") == 4);
}

TEST_CASE("proc: meminfo adds up: free and used frames are all there are") {
    Guest guest;
    for (unsigned page = 0; page < 8; ++page) guest.write(u64{1}, guest.scratch + page * 4096);
    const std::string text = "\n" + proc(guest, "meminfo");
    const u64 roots = guest.state().mms.size() * 4;
    const auto kernel_tables = (guest.system().vmalloc.table_pages + 1) * 4;
    CHECK(number_after(text, "MemTotal:") ==
          number_after(text, "MemFree:") + number_after(text, "Cached:") + number_after(text, "AnonPages:") +
              number_after(text, "PageTables:") + roots + number_after(text, "Slab:") +
              number_after(text, "VmallocUsed:") + kernel_tables);
    CHECK(number_after(text, "AnonPages:") == number_after(proc(guest, "self/status"), "RssAnon:"));
}

TEST_CASE("proc: pagemap has an entry a page: present, exclusive, and root sees the frame") {
    Guest guest;
    guest.write(u64{1}, guest.scratch);
    const i64 fd = guest.open("/proc/self/pagemap");
    REQUIRE(fd >= 0);
    const u64 buffer = guest.scratch + 4096;
    CHECK(guest.call(SYS_pread64, fd, buffer, 24, guest.scratch / 4096 * 8) == 24);
    const auto first = guest.read<u64>(buffer);
    CHECK(first >> 63 == 1);
    CHECK((first >> 56 & 1) == 1);
    CHECK((first >> 61 & 1) == 0);
    CHECK(guest.read<u64>(buffer + 16) == 0);  // never touched
    CHECK(guest.call(SYS_pread64, fd, buffer, 8, 4) == -EINVAL);
    CHECK(guest.call(SYS_pread64, fd, buffer, 4, 8) == -EINVAL);
    CHECK(guest.call(SYS_pread64, fd, buffer, 8, 0x7ffffffff000 / 4096 * 8) == 0);
}

TEST_CASE("proc: auxv is what the stack holds, statfs-like names that do not exist are ENOENT") {
    Guest guest;
    const std::string auxv = proc(guest, "self/auxv");
    CHECK(auxv.size() % 16 == 0);
    CHECK(auxv.substr(auxv.size() - 16) == std::string(16, '\0'));
    CHECK_FALSE(kernel::proc_entry(guest.state(), guest.task(), "/proc/self/nothing"));
}

TEST_CASE("proc: fdinfo tells position, flags and what each kind of descriptor is about") {
    sys_test::Guest guest;
    const auto info = [&](i64 fd) {
        const i64 file = guest.open("/proc/self/fdinfo/" + std::to_string(fd));
        REQUIRE(file >= 0);
        const i64 got = guest.call(SYS_read, file, guest.scratch + 20000, 2000);
        return guest.read_text(guest.scratch + 20000, static_cast<u64>(got));
    };
    const i64 event = guest.call(SYS_eventfd2, 5, 0);
    CHECK(info(event).find("pos:\t0\nflags:\t02\nmnt_id:\t") == 0);
    CHECK(info(event).find("eventfd-count:                5\n") != std::string::npos);
    const i64 pidfd = guest.call(SYS_pidfd_open, guest.task().tgid, 0);
    CHECK(info(pidfd).find("Pid:\t" + std::to_string(guest.task().tgid) + "\n") != std::string::npos);
    const i64 file = guest.open("/etc/passwd");
    CHECK(guest.call(SYS_lseek, file, 7, SEEK_SET) == 7);
    CHECK(info(file).find("pos:\t7\n") == 0);
    const i64 watched = guest.call(SYS_inotify_init1, 0);
    CHECK(guest.call(SYS_inotify_add_watch, watched, guest.text("/etc/passwd"), 2) == 1);
    CHECK(info(watched).find("inotify wd:1 ino:") != std::string::npos);
}

TEST_CASE("proc: CPU time is told in two parts, which only grow and add up") {
    sys_test::Guest guest;
    rusage before{};
    for (int i = 0; i < 50; ++i) {
        for (int n = 0; n < i * 3; ++n) guest.call(SYS_getpid);
        guest.instructions += static_cast<u64>(i) * 1'000'000;
        guest.call(SYS_getrusage, 0, guest.scratch + 20000);
        const auto now = guest.read<rusage>(guest.scratch + 20000);
        const auto us = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
        CHECK(us(now.ru_utime) >= us(before.ru_utime));
        CHECK(us(now.ru_stime) >= us(before.ru_stime));
        const i64 all = static_cast<i64>(guest.instructions / 1000);
        CHECK(std::abs(us(now.ru_utime) + us(now.ru_stime) - all) <= 2);
        before = now;
    }
    CHECK(before.ru_stime.tv_usec > 300);  // of 3700 calls
}
