// Where GDB comes in: a TCP port (loopback unless a host is named), a Unix socket, or standard input and
// output. Brings client after client to one guest, one at a time.
#pragma once

#include <cstdio>
#include <string>

#include "emu/debug/debugger.h"
#include "emu/debug/gdb_options.h"
#include "kernel/fs/unique_fd.h"
#include "mmu/base/expected.h"

namespace emu {

class GdbListener {
  public:
    /// "PORT", "HOST:PORT", "unix:PATH" or "stdio". Port 0: any; see name().
    static mmu::Expected<GdbListener, mmu::Error> open(const std::string& where);
    ~GdbListener();
    GdbListener(GdbListener&&) noexcept = default;
    GdbListener& operator=(GdbListener&&) = delete;

    /// What GDB's `target remote` takes.
    const std::string& name() const { return name_; }

    /// Serves clients until the guest has ended. A client that goes without a word leaves the guest where it
    /// stands, for the next; after `detach` it runs on, and a new client stops it.
    void serve(Machine& machine, KernelNames names, const GdbOptions& options);
    /// As serve(), for one client only: when it is gone the guest is ended, when it detaches the guest runs
    /// on alone.
    void serve_one(Machine& machine, KernelNames names, const GdbOptions& options);

  private:
    enum class Clients : mmu::u8 { kMany, kOne };
    GdbListener() = default;
    void serve(Machine& machine, KernelNames names, Clients clients, const GdbOptions& options);
    kernel::UniqueFd accept_one() const;
    bool somebody_waits() const;
    bool run_alone(Debugger& debugger) const;

    kernel::UniqueFd listener_, in_, out_;
    std::string name_, path_;  ///< path_: of the socket's file, ours to remove
};

}  // namespace emu
