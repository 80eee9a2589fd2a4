// `mmuscope explain`: the story of chosen faults and brk calls.
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace {

std::string explain(std::vector<std::string> options) {
    options.insert(options.begin(), {MMUSCOPE_PROGRAM, "explain"});
    options.push_back(test::debug_guest("debuggee.static"));
    const test::ProcessResult result = test::run(options);
    CHECK(result.status == 0);
    return result.err;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("explain: tells everything, or the faults and brk calls that were asked for") {
    const std::string all = explain({});
    CHECK(count(all, "\nbrk(") > 2);
    CHECK(count(all, "\nfault ") > 10);
    const std::string one = explain({"--fault", "5"});
    CHECK(one.starts_with("fault 5 "));
    CHECK(count(one, "fault 5 ") == 1);
    CHECK(count(one, "brk(") == 0);
    CHECK(all.find(one.substr(0, one.size() - 2)) != std::string::npos);
    const std::string call = explain({"--brk", "3-"});
    CHECK(count(call, "fault ") == 0);
    CHECK(count(call, "brk(") == count(all, "\nbrk(") - 2);
}

TEST_CASE("explain: says that there is no such fault or brk call") {
    CHECK_CONTAINS(explain({"--fault", "9999"}), "there is no fault 9999: the guest has had ");
    CHECK_CONTAINS(explain({"--fault", "0"}), "there is no fault 0: ");
    CHECK_CONTAINS(explain({"--brk", "99-100"}), "there is no brk call 99: the guest has had ");
    CHECK(count(explain({"--fault", "5-9999"}), "there is no") == 0);
}

TEST_CASE("explain: a brk call says what changed and that nothing was allocated") {
    const std::string text = explain({"--brk", "1-"});
    CHECK(text.find("do_brk_flags: area ") != std::string::npos);
    CHECK(text.find("the heap ended at ") != std::string::npos);
    CHECK(text.find("allocated: no frames, no page tables; a page comes with its first touch") !=
          std::string::npos);
}

TEST_CASE("explain: a fault names the TLB sets looked at, their ways, and the flush that is not needed") {
    const std::string text = explain({"--fault", "31"});
    CHECK(text.find(" of 16: page 0x") != std::string::npos);
    CHECK(text.find(" against ways ") != std::string::npos);
    CHECK(text.find("STLB 4K+2M, set ") != std::string::npos);
    CHECK(text.find(": no match\n") != std::string::npos);
    CHECK(text.find("no flush: the entries were not present") != std::string::npos);
}

TEST_CASE("explain: functions have the names of Linux 2.6.32 on request") {
    const std::string now = explain({}), then = explain({"--names", "2.6.32"});
    for (const char* name : {"do_brk_flags", "do_read_fault", "wp_page_copy"}) {
        CHECK(count(now, name) > 0);
        CHECK(count(then, name) == 0);
    }
    CHECK(count(then, "do_brk: area ") == count(now, "do_brk_flags: area "));
    CHECK(count(then, "__do_fault") > 0);
    CHECK(count(then, "cow_user_page: frame ") == count(now, "wp_page_copy: frame "));
    CHECK(count(then, "\n") == count(now, "\n"));
}

TEST_CASE("explain: a brk call shows the heap's area before and after") {
    const std::string text = explain({"--brk", "2-"});
    CHECK(text.find("the heap's area before: ") != std::string::npos);
    CHECK(text.find("; after: 0x") != std::string::npos);
}
