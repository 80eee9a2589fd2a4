// Debian's busybox, a program that nobody here wrote: byte for byte what it gives natively.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/guest/compare.h"

using test::check_as_native;
using test::kBusybox;
using test::ProcessOptions;
using test::TemporaryFolder;
using test::Words;

namespace {

/// Lines of words and numbers, the same each time, some of them twice.
std::string sample_text(unsigned lines) {
    std::string text;
    unsigned state = 7;
    for (unsigned i = 0; i < lines; ++i) {
        state = state * 1664525u + 1013904223u;
        text += "line " + std::to_string(state >> 20) + " word" + std::to_string(i % 97) + "\tTab, and " +
                std::string(state >> 28, 'x') + "\n";
    }
    return text;
}

ProcessOptions with_input(const std::string& input) {
    ProcessOptions options;
    options.input = input;
    return options;
}

Words busybox(Words arguments) {
    arguments.insert(arguments.begin(), kBusybox);
    return arguments;
}

}  // namespace

TEST_CASE("busybox: digests and checksums of a file") {
    TemporaryFolder folder;
    const std::string file = folder.write("data", sample_text(20000));
    for (const char* applet : {"sha256sum", "md5sum", "sha1sum", "sha512sum", "cksum", "sum", "wc"})
        check_as_native(busybox({applet, file}));
}

TEST_CASE("busybox: gzip packs as natively, and gunzip gives the bytes back") {
    const std::string text = sample_text(5000);
    check_as_native(busybox({"gzip", "-c"}), with_input(text));
    const std::string packed = test::emulate({"run"}, busybox({"gzip", "-c"}), with_input(text)).out;
    CHECK(packed.size() < text.size());
    CHECK(test::emulate({"run"}, busybox({"gunzip", "-c"}), with_input(packed)).out == text);
    check_as_native(busybox({"gunzip", "-c"}), with_input(packed));
    check_as_native(busybox({"gunzip", "-c"}), with_input("no gzip file"));
}

TEST_CASE("busybox: sort in its ways") {
    const ProcessOptions input = with_input(sample_text(3000));
    for (const Words& arguments : {Words{"sort"},
                                   {"sort", "-r"},
                                   {"sort", "-n", "-k2"},
                                   {"sort", "-u", "-k3,3"},
                                   {"sort", "-t", "\t", "-k2"}})
        check_as_native(busybox(arguments), input);
}

TEST_CASE("busybox: awk programs, with floating point, arrays and regular expressions") {
    const ProcessOptions input = with_input(sample_text(1500));
    for (const char* program :
         {"{ n[$3]++; sum += $2 } END { for (w in n) print w, n[w]; print sum, sum / NR }",
          "BEGIN { for (i = 1; i < 300; i++) printf \"%d %.6f %.10g %e\\n\", i, sqrt(i), sin(i) / i, exp(i / "
          "50) }",
          "/word1[0-9]/ { gsub(/x+/, \"<&>\"); print length($0), toupper($3), substr($0, 3, 9) }",
          "function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } BEGIN { print f(16); srand(3); print "
          "rand() < 1 }"})
        check_as_native(busybox({"awk", program}), input);
}

TEST_CASE("busybox: ls -l of a folder, recursively, sorted by size and by name") {
    TemporaryFolder folder;  // its parent changes while other tests run, and `..` shows that
    const std::string inner = folder.path() + "/inner";
    REQUIRE(::mkdir(inner.c_str(), 0755) == 0);
    for (unsigned i = 0; i < 40; ++i)
        folder.write("inner/file" + std::to_string(i * 7919 % 101), std::string(i * i, 'a'));
    for (const Words& arguments : {Words{"ls", "-l", inner},
                                   {"ls", "-laS", inner},
                                   {"ls", "-lR", inner},
                                   {"ls", "-1r", inner},
                                   {"ls", inner}})
        check_as_native(busybox(arguments));
}

TEST_CASE("busybox: files looked at and found") {
    TemporaryFolder folder;
    const std::string file = folder.write("text", sample_text(300));
    folder.write("other", "one\n");
    for (const Words& arguments : {Words{"cat", file},
                                   {"head", "-n", "7", file},
                                   {"tail", "-n", "5", file},
                                   {"grep", "-n", "word1", file},
                                   {"grep", "-c", "x\\{5,\\}", file},
                                   {"sed", "-e", "s/line \\([0-9]*\\)/<\\1>/", "-e", "3,5d", file},
                                   {"cut", "-d", " ", "-f", "2,3", file},
                                   {"od", "-A", "x", "-t", "x1z", file},
                                   {"hexdump", "-C", file},
                                   {"base64", file},
                                   {"find", folder.path(), "-name", "t*"},
                                   {"stat", "-c", "%n %s %F", file},
                                   {"cmp", file, folder.path() + "/other"},
                                   {"diff", file, folder.path() + "/other"},
                                   {"nl", file},
                                   {"uniq", "-c", file},
                                   {"rev", file},
                                   {"tac", file},
                                   {"strings", file},
                                   {"du", "-a", folder.path()},
                                   {"ls", "-l", "/no/such/file"},
                                   {"cat", folder.path()}})
        check_as_native(busybox(arguments));
}

TEST_CASE("busybox: filters of standard input") {
    const ProcessOptions input = with_input(sample_text(500));
    for (const Words& arguments : {Words{"tr", "a-z", "A-Z"},
                                   {"tr", "-d", "0-9\\n"},
                                   {"dd", "bs=7", "count=100"},
                                   {"fold", "-w", "20"},
                                   {"expand"},
                                   {"wc", "-l"},
                                   {"tee"},
                                   {"cat", "-A"}})
        check_as_native(busybox(arguments), input);
}

TEST_CASE("busybox: arithmetic and text from nothing") {
    for (const Words& arguments : {Words{"seq", "1", "7", "1000"},
                                   {"seq", "0.5", "0.25", "4"},
                                   {"expr", "12345", "*", "6789"},
                                   {"expr", "hello", ":", "h\\(.*\\)o"},
                                   {"expr", "7", "/", "0"},
                                   {"expr", "1", ">", "2"},
                                   {"printf", "%s %5d %-5s| %x %.3f\\n", "a", "42", "b", "255", "2.5"},
                                   {"echo", "-e", "a\\tb\\n\\061"},
                                   {"factor", "123456789012345", "97", "1000000007"},
                                   {"basename", "/a/b.c", ".c"},
                                   {"dirname", "/a/b.c"},
                                   {"true"},
                                   {"false"},
                                   {"date", "-u", "-d", "@86400", "+%F %T"},
                                   {"cal", "2", "2024"},
                                   {"bc", "-q"},
                                   {"dc", "-e", "2 10 ^ p"},
                                   {"no-such-applet"},
                                   {"env"},
                                   {"pwd"},
                                   {"id", "-u"},
                                   {"uname", "-m"}})
        check_as_native(busybox(arguments));
    check_as_native(busybox({"bc"}), with_input("scale=20\n1/7\n2^200\nsqrt(2)\n"));
}
