// Clients that break the rules: the guest stays as it is, and a good client can come after them.
#include "mmu/base/rng.h"
#include "tests/debug/rsp_client.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>

#include <catch2/catch.hpp>

using mmu::u64;
using test::Client, test::Server;

TEST_CASE("gdb server: malformed packets are answered and change nothing") {
    const Server server;
    Client client(server);
    const std::string registers = client.ask("g");
    REQUIRE(registers.size() > 500);
    for (const char* bad : {"m",
                            "mzz,4",
                            "m0",
                            "m0,zz",
                            "mffffffffffffffff,10",
                            "m8000000000000000,ffffffffffffffff",
                            "M0,4:0011",
                            "M0,zz",
                            "X0,ffffffffffffffff:",
                            "G12",
                            "Gzz",
                            "P",
                            "Pffff=00",
                            "P0=zz",
                            "P0",
                            "pffffffff",
                            "Z",
                            "Z0",
                            "Z9,0,0",
                            "Z2,0,0",
                            "Z2,ffffffffffffffff,8",
                            "Z2,0,ffffffffffffffff",
                            "Z0,401000,1;X",
                            "Z0,401000,1;Xffffffff,22",
                            "Z0,401000,1;X2,2",
                            "vCont;",
                            "vCont;q",
                            "vCont;r",
                            "vCont;r1",
                            "vFile:open:",
                            "vFile:open:zz,0,0",
                            "vFile:pread:0,0,0",
                            "vFile:pread:ffffffffffffffff,1,ffffffffffffffff",
                            "vFile:close:77",
                            "vFile:fstat:",
                            "vFile:readlink:6",
                            "qXfer:features:read:target.xml:",
                            "qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff",
                            "qXfer:nothing:read::0,1",
                            "qXfer:osdata:read:nonsense:0,100",
                            "qRcmd,1",
                            "qSearch:memory:0;0;",
                            "qSearch:memory:0;ffffffffffffffff;a",
                            "QCatchSyscalls:1;zz",
                            "QThreadEvents:",
                            "QThreadEvents:11",
                            "qXfer:siginfo:write",
                            "qXfer:siginfo:write::zz:a",
                            "qXfer:siginfo:write::81:a",
                            "qXfer:siginfo:write::ffffffffffffffff:abcdefgh",
                            "qXfer:siginfo:write::7f:ab",
                            "qSupported",
                            "vRun;",
                            "vRun;zz",
                            "QEnvironmentHexEncoded:zz",
                            "QEnvironmentHexEncoded:3d61",
                            "QEnvironmentUnset:613d",
                            "~",
                            "vKi"}) {
        INFO(bad);
        const std::string reply = client.ask(bad);
        CHECK(reply != "closed");
        CHECK(reply != "silence");
    }
    CHECK(client.ask("g") == registers);
    CHECK(server.runs());
}

TEST_CASE("gdb server: endless packets and noise lose the client, not the guest") {
    const Server server;
    std::string registers;
    {
        Client client(server);
        registers = client.ask("g");
        client.raw("$" + std::string(1 << 20, 'A'));
        CHECK(client.reply() == "closed");
    }
    {
        Client client(server);
        client.raw(std::string(1 << 16, '\0') + std::string(1 << 16, '+') + "###}}}");
        CHECK(client.ask("g") == registers);
        client.raw("$g#00");  // a wrong checksum: asked for again
        CHECK(client.ask("g") == registers);
    }
    {
        Client client(server);
        client.raw("$m401000,10");  // gone in the middle
    }
    Client client(server);
    CHECK(client.ask("g") == registers);
}

TEST_CASE("gdb server: a second client is turned away, and one can come after the first") {
    const Server server;
    std::string rip;
    {
        Client first(server);
        REQUIRE(first.ask("?").substr(0, 3) == "T05");
        Client second(server);
        CHECK(second.reply() == "closed");
        CHECK(first.ask("s").substr(0, 3) == "T05");
        rip = first.ask("p10");
    }
    Client third(server);
    CHECK(third.ask("p10") == rip);
}

TEST_CASE("gdb server: after detach the guest runs to its end") {
    const Server server;
    {
        Client client(server);
        CHECK(client.ask("D") == "OK");
    }
    for (int tries = 0; tries < 2000 && server.runs(); ++tries) usleep(5000);
    CHECK_FALSE(server.runs());
}

TEST_CASE("gdb server: after detach a new client stops the guest that runs on") {
    const Server server("spin.static");
    {
        Client client(server);
        CHECK(client.ask("D") == "OK");
    }
    usleep(20000);
    for (int turn = 0; turn < 2; ++turn) {
        Client client(server);
        CHECK(client.ask("?").substr(0, 3) == "T02");
        CHECK(client.ask("s").substr(0, 3) == "T05");
        CHECK(client.ask("D") == "OK");
    }
    CHECK(server.runs());
}

TEST_CASE("gdb server: the byte 03 stops a guest that runs, and it goes on from there") {
    const Server server("spin.static");
    Client client(server);
    for (int turn = 0; turn < 3; ++turn) {
        client.packet("vCont;c");
        usleep(20000);
        client.raw("\x03");
        CHECK(client.reply().substr(0, 3) == "T02");
    }
    client.raw("$vCont;c#a8\x03");  // both at once
    CHECK(client.reply().substr(0, 3) == "T02");
    CHECK(client.ask("s").substr(0, 3) == "T05");
    CHECK(server.runs());
}

TEST_CASE("gdb server: packets with random damage are answered, whatever they have become") {
    const std::vector<std::string> good = {"g",
                                           "p10",
                                           "m401000,40",
                                           "qSupported:multiprocess+;fork-events+",
                                           "Hgp3e8.3e8",
                                           "Tp3e8.3e8",
                                           "qXfer:threads:read::0,1000",
                                           "qXfer:osdata:read:tlb:0,200",
                                           "qGetTLSAddr:p3e8.3e8,0,0",
                                           "qSearch:memory:401000;1000;abc",
                                           "Z0,401650,1;X3,220127",
                                           "z0,401650,1",
                                           "Z2,4a72f0,8",
                                           "z2,4a72f0,8",
                                           "vFile:open:2f70726f632f31303030,0,0",
                                           "vFile:pread:3,100,0",
                                           "QCatchSyscalls:1;c",
                                           "QPassSignals:e;14",
                                           "QThreadEvents:1",
                                           "qXfer:siginfo:read::0,80",
                                           "qXfer:siginfo:write::4:abcd",
                                           "qRcmd,766d2077616c6b2030",
                                           "qRcmd,766d20776174636820706879732030",
                                           "qfThreadInfo",
                                           "vCont?",
                                           "?"};
    const Server server;
    mmu::Rng rng(11);
    Client client(server);
    // By hand as long as one likes: MMUSCOPE_GDB_FUZZ_SECONDS=60 build/test_debug "*random damage*".
    const char* const seconds = getenv("MMUSCOPE_GDB_FUZZ_SECONDS");
    const time_t end = seconds ? time(nullptr) + atol(seconds) : 0;
    for (int n = 0; seconds ? time(nullptr) < end : n < 1500; ++n) {
        std::string packet = good[rng.below(good.size())];
        for (u64 flips = rng.below(4); flips-- > 0 && !packet.empty();) {
            const u64 at = rng.below(packet.size());
            switch (rng.below(3)) {
                case 0:
                    packet[at] = static_cast<char>(32 + rng.below(95));
                    break;
                case 1:
                    packet.erase(at, 1 + rng.below(4));
                    break;
                default:
                    packet.insert(at, std::string(1 + rng.below(20), "0f;:,.-"[rng.below(7)]));
            }
        }
        // What moves the guest or leaves it is not for this test; $, # and } end packets.
        if (packet.empty() || packet.find_first_of("$#}*") != std::string::npos ||
            std::string_view("cCsSkDRrv").find(packet[0]) != std::string_view::npos)
            continue;
        INFO(packet);
        const std::string reply = client.ask(packet);
        REQUIRE(reply != "closed");
        REQUIRE(reply != "silence");
    }
    CHECK(client.ask("s").substr(0, 3) == "T05");
    CHECK(server.runs());
}

TEST_CASE(
    "gdb server: a client that is gone while all of the guest waits is noticed, whatever it asked for") {
    const Server server("waits.static");
    for (const char* how : {"vCont;c", "vCont;s", "s", "c", "vCont;s:3e8", "vCont;s"}) {
        {
            Client client(server);
            CHECK(client.ask("?").substr(0, 1) == "T");
            client.packet("vCont;c");
            usleep(5000);
            client.raw("\x03");
            CHECK(client.reply().substr(0, 3) == "T02");
            client.packet(how);
        }
        INFO(how);
        Client next(server);
        CHECK(next.ask("?").substr(0, 1) == "T");
    }
}

TEST_CASE("gdb server: an address that cannot be listened at is refused in one line") {
    for (const char* where : {"65536", "99999", "999999999999999999999", "localhost:70000", "port",
                              "unix:", "unix:/nonexistent/socket"}) {
        const auto result = test::run(
            {MMUSCOPE_PROGRAM, "run", std::string("--gdb=") + where, test::debug_guest("debuggee.static")});
        INFO(where << ": " << result.err);
        CHECK(result.status == 125);
        CHECK(result.err.starts_with("mmuscope: "));
        CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    }
}
