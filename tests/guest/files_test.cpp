// Which files a guest reaches: reading by default, writing only below --rw, nothing outside --root, none with
// --no-files.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>

#include "tests/guest/compare.h"

using test::TemporaryFolder;
using test::test_guest_path;
using test::Words;

namespace {

/// What the guest prints when it tries each pair of verb and path.
std::string attempts(const Words& options, const Words& pairs) {
    Words guest = {test_guest_path("files.glibc")};
    guest.insert(guest.end(), pairs.begin(), pairs.end());
    Words all = {"run", "--log", "off"};
    all.insert(all.end(), options.begin(), options.end());
    return test::emulate(all, guest).out;
}

const std::string kRefused = "errno ";

}  // namespace

TEST_CASE("Files: by default a guest reads the user's files and changes none") {
    TemporaryFolder folder;
    const std::string file = folder.write("file", "content\n");
    CHECK(attempts({}, {"read", file}) == "[content] ok\n");
    CHECK(attempts({}, {"stat", file}) == "ok\n");
    CHECK(attempts({}, {"read", folder.path() + "/none"}) == "errno 2\n");
    for (const char* verb : {"write", "unlink"}) CHECK(attempts({}, {verb, file}).starts_with(kRefused));
    for (const char* verb : {"write", "mkdir"})
        CHECK(attempts({}, {verb, folder.path() + "/new"}).starts_with(kRefused));
    CHECK(test::read_file(file) == "content\n");
    CHECK(!std::filesystem::exists(folder.path() + "/new"));
}

TEST_CASE("Files: --rw opens a folder for writing and no other, whatever leads out of it") {
    TemporaryFolder folder, other;
    const std::string secret = other.write("secret", "kept\n");
    const Words rw = {"--rw", folder.path()};
    CHECK(attempts(rw, {"write", folder.path() + "/new"}) == "ok\n");
    CHECK(test::read_file(folder.path() + "/new") == "new\n");
    CHECK(attempts(rw, {"write", secret}).starts_with(kRefused));
    CHECK(attempts(rw, {"write", folder.path() + "/../" + secret.substr(secret.rfind("mmuscope-test"))})
              .starts_with(kRefused));
    REQUIRE(symlink(secret.c_str(), (folder.path() + "/link").c_str()) == 0);
    CHECK(attempts(rw, {"write", folder.path() + "/link"}).starts_with(kRefused));
    REQUIRE(symlink(other.path().c_str(), (folder.path() + "/door").c_str()) == 0);
    CHECK(attempts(rw, {"write", folder.path() + "/door/secret"}).starts_with(kRefused));
    CHECK(attempts(rw, {"unlink", folder.path() + "/door/secret"}).starts_with(kRefused));
    CHECK(attempts(rw, {"mkdir", folder.path() + "/door/new"}).starts_with(kRefused));
    CHECK(test::read_file(secret) == "kept\n");
    // A folder whose name merely begins alike is another one.
    std::filesystem::create_directory(folder.path() + "-more");
    CHECK(attempts(rw, {"write", folder.path() + "-more/new"}).starts_with(kRefused));
    std::filesystem::remove_all(folder.path() + "-more");
}

TEST_CASE("Files: --root is the guest's whole world") {
    TemporaryFolder root, other;
    const std::string secret = other.write("secret", "kept\n");
    root.write("inside", "found\n");
    std::filesystem::copy_file(test_guest_path("files.glibc"), root.path() + "/files");
    REQUIRE(symlink(secret.c_str(), (root.path() + "/absolute").c_str()) == 0);
    REQUIRE(symlink("../../../../../../etc/passwd", (root.path() + "/upward").c_str()) == 0);
    REQUIRE(symlink("/inside", (root.path() + "/own").c_str()) == 0);
    const auto in_root = [&](const Words& pairs) {
        Words guest = {"/files"};
        guest.insert(guest.end(), pairs.begin(), pairs.end());
        return test::emulate({"run", "--log", "off", "--root", root.path()}, guest).out;
    };
    CHECK(in_root({"read", "/inside"}) == "[found] ok\n");
    CHECK(in_root({"read", "/own"}) == "[found] ok\n");
    CHECK(in_root({"read", "/../../inside"}) == "[found] ok\n");
    for (const char* path : {"/absolute", "/upward", "/etc/passwd", "/../etc/passwd", "../../../etc/passwd"})
        CHECK(in_root({"read", path}) == "errno 2\n");
    CHECK(in_root({"read", secret}) == "errno 2\n");
    CHECK(in_root({"write", "/inside"}).starts_with(kRefused));
}

TEST_CASE("Files: --no-files leaves stdin, stdout and stderr") {
    TemporaryFolder folder;
    const std::string file = folder.write("file", "content\n");
    for (const char* verb : {"read", "stat", "write"})
        CHECK(attempts({"--no-files"}, {verb, file}).starts_with(kRefused));
    test::check_as_native({test::kBusybox, "tr", "a-z", "A-Z"}, {.input = "through\n"},
                          {"run", "--no-files"});
}
