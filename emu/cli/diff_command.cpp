#include "emu/cli/diff_command.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emu/diff/compare.h"

namespace emu {

NullStreams::NullStreams() {
    std::fflush(nullptr);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; ++fd) {
        saved_[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (null >= 0) (void)::dup2(null, fd);
    }
    if (null > 2) ::close(null);
}

NullStreams::~NullStreams() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (saved_[fd] < 0) {
            ::close(fd);
            continue;
        }
        (void)::dup2(saved_[fd], fd);
        ::close(saved_[fd]);
    }
}

mmu::Expected<HostComparison, mmu::Error> HostComparison::run_host(const Options& options) {
    auto native = run_natively(options.guest, options.environment);
    if (!native) return mmu::Unexpected{native.error()};
    HostComparison comparison;
    comparison.native_ = std::move(*native);
    return comparison;
}

void HostComparison::listen(Machine& guest) {
    recorder_ = std::make_unique<FaultRecorder>(guest.kernel().state());
    guest.set_observers(nullptr, recorder_.get());
}

int HostComparison::report(std::FILE* to, const kernel::ExitStatus& exit) const {
    struct utsname host;
    std::string source = native_.source;
    if (uname(&host) == 0) source = std::string("Linux ") + host.release + ", " + source;
    const FaultComparison comparison = compare_faults(native_.faults, recorder_->faults);
    std::fputs(comparison_text(comparison, native_.faults, recorder_->faults, source).c_str(), to);
    const int theirs = WIFSIGNALED(native_.wait_status) ? 128 + WTERMSIG(native_.wait_status)
                                                        : WEXITSTATUS(native_.wait_status);
    const bool same_end = theirs == exit.shell_status();
    if (!same_end) std::fprintf(to, "exit status: %d on the host, %d here\n", theirs, exit.shell_status());
    return comparison.diverges() || !same_end ? 1 : 0;
}

}  // namespace emu
