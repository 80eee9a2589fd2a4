// Packets that gdb 13 sends seldom or never, said by hand.
#include "tests/debug/rsp_client.h"

#include <catch2/catch.hpp>

using test::Client, test::Server;

namespace {

constexpr const char* kLikeGdb =
    "qSupported:multiprocess+;swbreak+;fork-events+;vfork-events+;exec-events+;QThreadEvents+;no-resumed+";

bool begins(const std::string& text, const std::string& with) {
    return text.substr(0, with.size()) == with;
}
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void want_thread_events(Client& client) {
    (void)client.ask(kLikeGdb);
    REQUIRE(client.ask("QThreadEvents:1") == "OK");
}

}  // namespace

TEST_CASE("gdb server: threads are told when they begin and end once QThreadEvents is on") {
    const Server server("threads.static");
    Client client(server);
    CHECK_CONTAINS(client.ask(kLikeGdb), ";QThreadEvents+");
    CHECK(begins(client.ask("QThreadEvents:2"), "E."));
    REQUIRE(client.ask("QThreadEvents:1") == "OK");
    for (const char* thread : {"p3e8.3e9", "p3e8.3ea"}) {
        const std::string made = client.ask("vCont;c");
        INFO(made);
        CHECK(begins(made, "T05"));
        CHECK(contains(made, std::string("thread:") + thread + ";"));
        CHECK(contains(made, ";create:;"));
        // It has not run: its first instruction is behind its maker's system call.
        CHECK(client.ask(std::string("T") + thread) == "OK");
        CHECK(client.ask("qC") == std::string("QC") + thread);
        CHECK(client.ask("p0") == "0000000000000000");
    }
    CHECK(client.ask("vCont;c") == "w0;p3e8.3e9");
    CHECK(begins(client.ask("Tp3e8.3e9"), "E"));
    CHECK(client.ask("vCont;c") == "w0;p3e8.3ea");
    CHECK_CONTAINS(client.ask("vCont;c"), "fork:p3eb.3eb;");
}

TEST_CASE("gdb server: a thread that stands still from its beginning does not run") {
    const Server server("threads.static");
    Client client(server);
    want_thread_events(client);
    CHECK_CONTAINS(client.ask("vCont;c"), ";create:;");
    CHECK_CONTAINS(client.ask("vCont;c:p3e8.3e8"), "thread:p3e8.3ea;");
    // The first thread waits for those that stand still: nobody can run until one is let go.
    CHECK(client.ask("vCont;c:p3e8.3e8;c:p3e8.3ea") == "w0;p3e8.3ea");
    CHECK(client.ask("QThreadEvents:0") == "OK");
    CHECK_CONTAINS(client.ask("vCont;c"), "fork:p3eb.3eb;");
}

TEST_CASE(
    "gdb server: the end of a thread is told at once though all others wait, and the byte 03 stops these") {
    const Server server("waits.static");
    Client client(server);
    want_thread_events(client);
    CHECK_CONTAINS(client.ask("vCont;c"), ";create:;");
    CHECK(client.ask("vCont;c") == "w0;p3e8.3e9");
    for (int turn = 0; turn < 3; ++turn) {
        client.packet("vCont;c");
        usleep(10000);
        client.raw("\x03");
        CHECK(begins(client.reply(), "T02"));
    }
    CHECK(server.runs());
}

TEST_CASE("gdb server: who is to stand still in the past does so where the past ends") {
    const Server server("threads.static");
    Client client(server);
    want_thread_events(client);
    CHECK_CONTAINS(client.ask("vCont;c"), "thread:p3e8.3e9;");
    CHECK_CONTAINS(client.ask("vCont;c"), "thread:p3e8.3ea;");
    for (int steps = 0; steps < 3; ++steps) CHECK(begins(client.ask("bs"), "T05"));
    CHECK_CONTAINS(client.ask("vCont;c:p3e8.3e8;c:p3e8.3ea"), "thread:p3e8.3ea;");  // made once more
    CHECK(client.ask("vCont;c:p3e8.3e8;c:p3e8.3ea") == "w0;p3e8.3ea");
    CHECK(client.ask("vCont;c") == "w0;p3e8.3e9");
}

TEST_CASE("gdb server: a client that says nothing of itself has one process; its child runs on unseen") {
    const Server server("processes.static");
    Client client(server);
    CHECK_CONTAINS(client.ask("?"), "thread:3e8;");
    CHECK(client.ask("vCont;s:3e9") == "E.none of these threads is there");
    CHECK_CONTAINS(client.ask("vCont;s:3e8"), "thread:3e8;");
    CHECK(client.ask("QCatchSyscalls:1;3d") == "OK");  // wait4
    CHECK_CONTAINS(client.ask("vCont;c:3e8"), "syscall_entry:3d;");
    CHECK_CONTAINS(client.ask("vCont;c:3e8"), "syscall_return:3d;");
    CHECK(client.ask("qfThreadInfo") == "m3e8");
    CHECK(client.ask("QCatchSyscalls:0") == "OK");
    CHECK(client.ask("vCont;c:3e8") == "W00");
}
