// A guest run natively and by mmuscope, side by side: the host's Linux is the oracle.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace test {

using Words = std::vector<std::string>;

inline const std::string kBusybox = "/bin/busybox";

/// "GUESTS/hello.glibc".
std::string guest_path(const std::string& name);
/// The same for tests/guest/programs.
std::string test_guest_path(const std::string& name);

/// `mmuscope OPTIONS -- GUEST ARGS`; `options` begins with run or stat.
ProcessResult emulate(Words options, const Words& guest, const ProcessOptions& process = {});

/// Runs both and CHECKs that output and exit status are equal, byte for byte.
void check_as_native(const Words& guest, const ProcessOptions& process = {}, const Words& options = {"run"});

/// The statistics of a run that must have exit status `status`.
nlohmann::json statistics_of(const Words& guest, const Words& options = {}, int status = 0);

}  // namespace test
