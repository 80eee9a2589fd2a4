// Where GDB comes in: a TCP port (loopback unless a host is named), a Unix socket, or standard input and
// output. Brings client after client to one guest, one at a time.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "emu/debug/again.h"
#include "emu/debug/debugger.h"
#include "emu/debug/gdb_options.h"
#include "emu/debug/rsp_connection.h"
#include "kernel/fs/unique_fd.h"
#include "mmu/base/expected.h"

namespace emu {

class GdbListener {
  public:
    /// "PORT", "HOST:PORT", "unix:PATH" or "stdio". Port 0: any; see name().
    static mmu::Expected<GdbListener, mmu::Error> open(const std::string& where);
    /// In a guest's next run: from what serve() has given, with the client who is there.
    static mmu::Expected<GdbListener, mmu::Error> inherit(const std::string& state);
    ~GdbListener();
    GdbListener(GdbListener&&) noexcept = default;
    GdbListener& operator=(GdbListener&&) = delete;

    /// What GDB's `target remote` takes.
    const std::string& name() const { return name_; }

    /// Serves clients until the guest has ended. A client that goes without a word leaves the guest where it
    /// stands, for the next; after `detach` it runs on, and a new client stops it. An answer: the guest is to
    /// begin anew, and this listener has no more to do.
    std::optional<Again> serve(Machine& machine, KernelNames names, const GdbOptions& options);
    /// As serve(), for one client only: when it is gone the guest is ended, when it detaches the guest runs
    /// on alone.
    std::optional<Again> serve_one(Machine& machine, KernelNames names, const GdbOptions& options);

  private:
    enum class Clients : mmu::u8 { kMany, kOne };
    GdbListener() = default;
    std::optional<Again> serve(Machine& machine, KernelNames names, Clients clients,
                               const GdbOptions& options);
    void hand_on(Again& again, const RspConnection& connection);
    kernel::UniqueFd accept_one() const;
    bool somebody_waits() const;
    bool run_alone(Debugger& debugger) const;

    kernel::UniqueFd listener_, in_, out_;
    std::optional<std::string> client_;  ///< who is there already: of GdbServer::again()
    std::string name_, path_;            ///< path_: of the socket's file, ours to remove
};

}  // namespace emu
