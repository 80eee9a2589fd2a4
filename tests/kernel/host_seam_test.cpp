#include "kernel/host/seam.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "kernel/fs/unique_fd.h"
#include "kernel/host/host.h"
#include "mmu/base/rng.h"

#include <catch2/catch.hpp>

namespace {

using kernel::host::Journal;
using kernel::host::Seam;
namespace host = kernel::host;

struct Folder {
    std::string path = "/tmp/mmuscope-seam-XXXXXX";
    Folder() { REQUIRE(::mkdtemp(path.data())); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string at(const char* name) const { return path + "/" + name; }
};

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}
std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<Journal> create(const std::string& path) {
    auto journal = Journal::create(path);
    REQUIRE(journal);
    return std::make_unique<Journal>(std::move(*journal));
}
std::unique_ptr<Journal> open(const std::string& path) {
    auto journal = Journal::open(path);
    REQUIRE(journal);
    return std::make_unique<Journal>(std::move(*journal));
}

/// What a guest might ask: a file's size and bytes, and one that is not there.
std::string ask(const std::string& path) {
    const kernel::UniqueFd fd{host::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return std::string("none: ") + std::strerror(errno);
    struct stat status {};
    char bytes[64];
    if (host::fstat(fd.get(), &status) != 0) return "no status";
    const ssize_t got = host::read(fd.get(), bytes, sizeof bytes);
    return std::to_string(status.st_size) + " " + std::string(bytes, got < 0 ? 0 : static_cast<size_t>(got));
}

}  // namespace

TEST_CASE("Seam: a replay gives what the host gave and never asks it again") {
    const Folder folder;
    write_file(folder.at("input"), "as it was");
    Seam::get().record(create(folder.at("journal")));
    const std::string first = ask(folder.at("input")), absent = ask(folder.at("absent"));
    Seam::get().finish();
    CHECK(first == "9 as it was");
    CHECK(absent == "none: No such file or directory");

    std::filesystem::remove(folder.at("input"));
    write_file(folder.at("absent"), "there now");
    Seam::get().replay(open(folder.at("journal")), false);
    CHECK(ask(folder.at("input")) == first);
    CHECK(ask(folder.at("absent")) == absent);
    CHECK(Seam::get().failure().empty());
    (void)ask(folder.at("input"));
    CHECK(Seam::get().failure() == "the recording ends here");
    CHECK(Seam::get().at_end());
    Seam::get().finish();
}

TEST_CASE("Seam: a call that differs from the recorded one is an error, and so is each call after it") {
    const Folder folder;
    Seam::get().record(create(folder.at("journal")));
    (void)ask(folder.at("one"));
    Seam::get().finish();
    Seam::get().replay(open(folder.at("journal")), false);
    CHECK(ask(folder.at("two")) == "none: Input/output error");
    CHECK(Seam::get().failure().starts_with("the replay differs from the recording"));
    CHECK_FALSE(Seam::get().at_end());
    CHECK(ask(folder.at("one")) == "none: Input/output error");
    Seam::get().finish();
}

TEST_CASE("Seam: what a debugger reads beside the guest goes to the host and into no journal") {
    const Folder folder;
    write_file(folder.at("input"), "guest");
    write_file(folder.at("other"), "other");
    const auto look_aside = [&] {
        const Seam::Aside aside;
        return ask(folder.at("other"));
    };
    Seam::get().record(create(folder.at("journal")));
    CHECK(look_aside() == "5 other");
    CHECK(ask(folder.at("input")) == "5 guest");
    Seam::get().finish();
    std::filesystem::remove(folder.at("input"));
    Seam::get().replay(open(folder.at("journal")), false);
    CHECK(look_aside() == "5 other");
    CHECK(ask(folder.at("input")) == "5 guest");
    CHECK(look_aside() == "5 other");
    Seam::get().finish();
}

TEST_CASE("Seam: signals from outside stand among the calls, with their positions") {
    const Folder folder;
    const host::Signal signal{2, 1'000'000'007, 3, true};
    Seam::get().record(create(folder.at("journal")));
    (void)ask(folder.at("absent"));
    Seam::get().note_signal(signal);
    (void)ask(folder.at("absent"));
    Seam::get().finish();
    Seam::get().replay(open(folder.at("journal")), false);
    CHECK_FALSE(Seam::get().next_signal());
    (void)ask(folder.at("absent"));
    REQUIRE(Seam::get().next_signal());
    CHECK(*Seam::get().next_signal() == signal);
    Seam::get().take_signal();
    CHECK_FALSE(Seam::get().next_signal());
    (void)ask(folder.at("absent"));
    CHECK(Seam::get().failure().empty());
    Seam::get().finish();
}

TEST_CASE("Journal: cut at any byte it gives a prefix of its records; with any byte changed too") {
    const Folder folder;
    mmu::Rng rng(7);
    std::vector<std::string> records;
    {
        auto journal = create(folder.at("journal"));
        for (int i = 0; i < 40; ++i) {
            records.emplace_back(rng.next() % 40, static_cast<char>('a' + i % 26));
            journal->append(records.back());
            if (i % 7 == 3) REQUIRE(journal->flush());
        }
        REQUIRE(journal->flush());
    }
    const std::string whole = read_file(folder.at("journal"));
    const auto check_prefix = [&](const std::string& bytes) {
        write_file(folder.at("damaged"), bytes);
        auto journal = open(folder.at("damaged"));
        size_t count = 0;
        while (const std::string* record = journal->peek()) {
            REQUIRE(count < records.size());
            REQUIRE(*record == records[count++]);
            journal->take();
        }
        return std::pair{count, journal->damage()};
    };
    CHECK(check_prefix(whole) == std::pair{records.size(), std::string()});
    for (size_t size = 0; size < whole.size(); ++size) {
        const auto [count, damage] = check_prefix(whole.substr(0, size));
        CHECK(count < records.size());
        CHECK((damage.empty() || damage == "it is cut short"));
    }
    for (size_t at = 0; at < whole.size(); at += 3) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ (1 << rng.next() % 8));
        CHECK_FALSE(check_prefix(changed).second.empty());
    }
}
