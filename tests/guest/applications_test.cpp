// Debian's own large programs, dynamically linked, on each level of the x86-64 psABI: glibc's and the
// programs' own choice of code follows CPUID, their output must not.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/guest/compare.h"

using test::Words;

namespace {

/// Nothing where a level is not implemented whole, or not by this host: mmuscope says so and exits with 125.
bool is_offered(const std::string& cpu) {
    const test::ProcessResult probe = test::emulate({"run", "--cpu", cpu}, {"/bin/true"});
    if (probe.status != 125) return true;
    std::printf("skipped: --cpu %s: %s", cpu.c_str(), probe.err.c_str());
    return false;
}

void check_on_all_levels(const Words& guest, const test::ProcessOptions& process = {}) {
    if (access(guest[0].c_str(), X_OK) != 0) {
        std::printf("skipped: no %s on this host\n", guest[0].c_str());
        return;
    }
    for (const char* cpu : {"x86-64-v1", "x86-64-v2", "x86-64-v3"})
        if (is_offered(cpu)) test::check_as_native(guest, process, {"run", "--cpu", cpu});
}

/// Lines with digits that compress well.
std::string numbers(unsigned count) {
    std::string text;
    for (unsigned n = 0; n < count; ++n) text += std::to_string(n * 7919 % 10007) + '\n';
    return text;
}

}  // namespace

TEST_CASE("Applications: perl sorts, formats and substitutes as natively on every CPU level") {
    check_on_all_levels(
        {"/usr/bin/perl", "-e",
         "my %h; $h{$_ % 7} += $_ for 1..3000; printf '%s=%d ', $_, $h{$_} for sort keys %h;"
         "print join(',', map { sprintf '%.3f', sqrt } 1..9), qq(\\n); $_ = 'the quick brown fox';"
         "s/(\\w+)/\\u$1/g; print; print scalar reverse 'abc'; printf '%a %g', 0.1, 1e300 * 1e10;"});
}

TEST_CASE("Applications: lua computes as natively on every CPU level") {
    check_on_all_levels({"/usr/bin/lua5.4", "-e",
                         "local t = {} for i = 1, 2000 do t[i] = math.sin(i) * i // 1 end table.sort(t)"
                         "print(t[1], t[1000], t[2000], string.format('%.14g %x', 2^0.5, 0xdeadbeef))"
                         "print((('a b c'):gsub('%w', string.upper)), #t, 7 // 2, 7.5 % 2)"});
}

TEST_CASE("Applications: sqlite answers as natively on every CPU level") {
    check_on_all_levels(
        {"/usr/bin/sqlite3", ":memory:",
         "create table t(a integer primary key, b real, c text); with recursive n(i) as (select 1 union all "
         "select"
         " i + 1 from n where i < 500) insert into t select i, i * 1.5, printf('row %d', i) from n;"
         "select count(*), sum(b), avg(b), max(c) from t where c like '%7%'; select a, b from t order by b "
         "desc limit 3;"});
}

TEST_CASE("Applications: python computes as natively on every CPU level") {
    check_on_all_levels(
        {"/usr/bin/python3", "-S", "-E", "-c",
         "print(sum(i * i for i in range(2000)), 2**200, '%.6f' % (1 / 3), sorted({'b': 1, 'a': 2}))\n"
         "d = {}\nfor w in 'a b a c a'.split(): d[w] = d.get(w, 0) + 1\nprint(d, 1e308 * 10, -7 // 2)"});
}

TEST_CASE("Applications: xz and zstd compress to the same bytes on every CPU level") {
    const test::ProcessOptions options{.input = numbers(4000)};
    check_on_all_levels({"/usr/bin/xz", "-1", "-c"}, options);
    check_on_all_levels({"/usr/bin/zstd", "-q", "-1", "--single-thread", "--no-asyncio", "-c"}, options);
}

TEST_CASE("Applications: openssl hashes and encrypts to the same bytes on every CPU level") {
    const test::ProcessOptions options{.input = numbers(4000)};
    check_on_all_levels({"/usr/bin/openssl", "dgst", "-sha256"}, options);
    check_on_all_levels({"/usr/bin/openssl", "enc", "-aes-128-cbc", "-K", "00112233445566778899aabbccddeeff",
                         "-iv", "000102030405060708090a0b0c0d0e0f"},
                        options);
}

TEST_CASE("Applications: gcc's cc1 compiles a file to the same assembly on every CPU level") {
    const test::TemporaryFolder folder;
    const std::string source =
        folder.write("program.c",
                     "static int squares[8];\n"
                     "int main(void) { double d = 0; for (int i = 0; i < 8; i++) squares[i] = i * i;\n"
                     "for (int i = 0; i < 8; i++) d += squares[i] / 2.0; return (int)d; }\n");
    const test::ProcessResult where = test::run({"/usr/bin/gcc", "-print-prog-name=cc1"});
    REQUIRE(where.status == 0);
    check_on_all_levels({where.out.substr(0, where.out.find('\n')), "-quiet", "-O2", source, "-o", "-"});
}
