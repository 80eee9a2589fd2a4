// Runs a program as a shell would: arguments, input, captured output, exit status, and an end to it if it
// hangs.
#pragma once

#include <string>
#include <vector>

namespace test {

struct ProcessResult {
    int status = 0;  ///< as a shell reports it: 128 + signal when killed; 127 when it could not be started
    bool timed_out = false;
    std::string out, err;
    double seconds = 0;
};

struct ProcessOptions {
    std::string input = {};
    int timeout_seconds = 60;
    std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"};
    std::string directory = {};   ///< where it runs; empty: here
    int interrupt_after_ms = 0;   ///< sends SIGINT then; 0: never
    bool same_addresses = false;  ///< without address-space randomisation, as under setarch -R
};

ProcessResult run(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

/// A new empty folder, removed with all that is in it when the value goes.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const { return path_; }
    /// Writes a file in it and returns its path.
    std::string write(const std::string& name, const std::string& content) const;

  private:
    std::string path_;
};

std::string read_file(const std::string& path);

}  // namespace test
