#include "emu/diff/native_faults.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

#include "emu/diff/perf_ring.h"

namespace emu {

namespace {

using mmu::Error;
using mmu::Expected;
using mmu::u8;
using mmu::Unexpected;
using mmu::usize;

/// Where the words of one sample are. A tracepoint's come as raw bytes laid out as its `format` file says.
struct Source {
    std::string name;
    perf_event_attr attributes{};
    bool raw = false;
    usize address_at = 0, ip_at = 0, error_at = 0;  // within the raw bytes
};

/// A field's offset in a tracepoint's format file: "field:unsigned long address;	offset:8;
/// size:8;".
std::optional<usize> field_offset(const std::string& format, const std::string& field) {
    const usize at = format.find(" " + field + ";");
    const usize offset = at == std::string::npos ? at : format.find("offset:", at);
    unsigned value = 0;
    if (offset == std::string::npos || std::sscanf(format.c_str() + offset, "offset:%u", &value) != 1 ||
        value > 64)
        return std::nullopt;
    return value;
}

std::string contents(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

perf_event_attr common_attributes() {
    perf_event_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.sample_period = 1;
    attributes.disabled = 1;
    attributes.enable_on_exec = 1;
    attributes.exclude_kernel = 1;  // the kernel's accesses on the program's behalf are no faults of its code
    attributes.exclude_hv = 1;
    attributes.mmap = 1;
    attributes.mmap_data = 1;
    attributes.watermark = 1;
    attributes.wakeup_watermark = 128 << 10;
    return attributes;
}

Source software_event() {
    Source source{.name = "page-faults", .attributes = common_attributes()};
    source.attributes.type = PERF_TYPE_SOFTWARE;
    source.attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
    source.attributes.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR;
    return source;
}

/// Nothing where tracefs is not mounted or not ours to read.
std::optional<Source> tracepoint() {
    for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        const std::string folder = std::string(root) + "/events/exceptions/page_fault_user/";
        const std::string format = contents(folder + "format");
        const auto address = field_offset(format, "address"), ip = field_offset(format, "ip"),
                   error = field_offset(format, "error_code");
        unsigned long long id = 0;
        if (!address || !ip || !error || std::sscanf(contents(folder + "id").c_str(), "%llu", &id) != 1)
            continue;
        Source source{.name = "exceptions:page_fault_user",
                      .attributes = common_attributes(),
                      .raw = true,
                      .address_at = *address,
                      .ip_at = *ip,
                      .error_at = *error};
        source.attributes.type = PERF_TYPE_TRACEPOINT;
        source.attributes.config = id;
        source.attributes.sample_type = PERF_SAMPLE_RAW;
        source.attributes.exclude_kernel = 0;  // it fires in the kernel, for user code alone
        return source;
    }
    return std::nullopt;
}

template <class T>
bool load(std::span<const u8> bytes, usize at, T& value) {
    if (at > bytes.size() || bytes.size() - at < sizeof value) return false;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return true;
}

/// Turns records into faults; remembers what is mapped where.
class Reader {
  public:
    explicit Reader(const Source& source) : source_(source) {}

    void take(u32 type, std::span<const u8> body) {
        if (type == PERF_RECORD_MMAP)
            mapping(body);
        else if (type == PERF_RECORD_SAMPLE)
            sample(body);
        else if (type == PERF_RECORD_LOST || type == PERF_RECORD_LOST_SAMPLES)
            lost_ = true;
    }
    bool lost() const { return lost_; }
    UserFaults faults{};

  private:
    struct Mapping {
        u64 start = 0, end = 0;
        Place::Area area = Place::Area::kNone;
        u64 offset = 0;  // of `start`, in the file
        std::string name{};
    };

    // u32 pid, tid; u64 address, length, offset; char name[]
    void mapping(std::span<const u8> body) {
        Mapping entry{.area = Place::Area::kFile};
        u64 length = 0;
        if (!load(body, 8, entry.start) || !load(body, 16, length) || !load(body, 24, entry.offset) ||
            body.size() < 33)
            return;
        entry.end = entry.start + length;
        const char* text = reinterpret_cast<const char*>(body.data()) + 32;
        entry.name.assign(text, strnlen(text, body.size() - 32));
        if (entry.name == "//anon" || entry.name == kSharedAnonymous || entry.name.empty()) {
            entry.area = Place::Area::kAnonymous;
            entry.name.clear();
        } else if (entry.name == "[heap]" || entry.name == "[stack]") {
            entry.area = Place::Area::kAnonymous;
        } else if (entry.name[0] == '[') {
            entry.area = Place::Area::kSpecial;
        }
        cut(entry.start, entry.end);
        mappings_[entry.start] = std::move(entry);
    }

    /// Takes what was known of [start, end) away.
    void cut(u64 start, u64 end) {
        auto it = mappings_.upper_bound(start);
        if (it != mappings_.begin()) --it;
        while (it != mappings_.end() && it->first < end) {
            if (it->second.end <= start) {
                ++it;
                continue;
            }
            const Mapping old = it->second;
            it = mappings_.erase(it);
            if (old.end > end) {
                Mapping& rest = mappings_[end] = old;
                rest.start = end;
                rest.offset += end - old.start;
            }
            if (old.start < start) (mappings_[old.start] = old).end = start;
        }
    }

    Place place_of(u64 address) const {
        auto it = mappings_.upper_bound(address);
        // A stack grows below what was said of it at its birth.
        const bool below_stack = it != mappings_.end() && it->second.name == "[stack]" &&
                                 it->first - address <= kStackReach &&
                                 (it == mappings_.begin() || std::prev(it)->second.end <= address);
        if (!below_stack && (it == mappings_.begin() || address >= (--it)->second.end))
            return {.address = address};
        const Mapping& entry = it->second;
        return {entry.area, address,
                entry.area == Place::Area::kFile ? entry.offset + (address - entry.start) : 0, entry.name};
    }

    void sample(std::span<const u8> body) {
        UserFault fault;
        u64 address = 0, ip = 0;
        if (source_.raw) {  // u32 size; bytes
            const auto raw = body.subspan(std::min<usize>(body.size(), 4));
            u64 error = 0;
            if (!load(raw, source_.address_at, address) || !load(raw, source_.ip_at, ip) ||
                !load(raw, source_.error_at, error))
                return;
            fault.error_code = static_cast<u32>(error);
        } else if (!load(body, 0, ip) || !load(body, 8, address)) {
            return;
        }
        fault.at = place_of(address);
        fault.by = place_of(ip);
        faults.push_back(std::move(fault));
    }

    static constexpr u64 kStackReach = u64{1} << 30;
    const Source& source_;
    std::map<u64, Mapping> mappings_{};
    bool lost_ = false;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> list;
    for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

/// A pipe whose ends are closed with it.
struct Pipe {
    int ends[2] = {-1, -1};
    bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
    void close(int end) {
        if (ends[end] >= 0) ::close(ends[end]);
        ends[end] = -1;
    }
    ~Pipe() { close(0), close(1); }
};

/// In the child: waits for a byte of `go`, then becomes the program; says errno into `failed` if it cannot.
[[noreturn]] void become(char* const* arguments, char* const* environment, int go, int failed) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    personality(ADDR_NO_RANDOMIZE);
    char byte = 0;
    int error = 0;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; ++fd)
        if (null < 0 || dup2(null, fd) < 0) error = errno;
    if (::read(go, &byte, 1) != 1) _exit(127);
    if (!error) execve(arguments[0], arguments, environment);
    error = error ? error : errno;
    (void)!::write(failed, &error, sizeof error);
    _exit(127);
}

struct Listener {
    Source source;
    PerfRing ring;
};

/// The tracepoint, which tells error codes, where it may be had; otherwise the software event.
Expected<Listener, Error> listen(pid_t child) {
    if (auto source = tracepoint())
        if (auto ring = PerfRing::open(source->attributes, child))
            return Listener{std::move(*source), std::move(*ring)};
    Source source = software_event();
    auto ring = PerfRing::open(source.attributes, child);
    if (!ring) return Unexpected{ring.error()};
    return Listener{std::move(source), std::move(*ring)};
}

Error not_started(const std::string& path, int error) {
    return Error{path + ": " + strerror(error), error == ENOENT || error == ENOTDIR ? 127 : 126};
}

}  // namespace

Expected<NativeRun, Error> run_natively(const std::vector<std::string>& arguments,
                                        const std::vector<std::string>& environment) {
    Pipe go, failed;
    if (!go.open() || !failed.open()) return Unexpected{Error{std::string("diff-host: ") + strerror(errno)}};
    const auto argv = pointers(arguments), envp = pointers(environment);
    const pid_t child = fork();
    if (child < 0) return Unexpected{Error{std::string("diff-host: ") + strerror(errno)}};
    if (child == 0) become(argv.data(), envp.data(), go.ends[0], failed.ends[1]);
    failed.close(1);
    NativeRun result;
    const auto give_up = [&](Error error) -> Expected<NativeRun, Error> {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return Unexpected{std::move(error)};
    };

    auto listener = listen(child);
    if (!listener) return give_up(listener.error());
    PerfRing& ring = listener->ring;
    Reader reader(listener->source);
    const auto take = [&](u32 type, std::span<const u8> body) { reader.take(type, body); };
    if (::write(go.ends[1], "", 1) != 1) return give_up(Error{std::string("diff-host: ") + strerror(errno)});
    int error = 0;
    if (::read(failed.ends[0], &error, sizeof error) == sizeof error)
        return give_up(not_started(arguments[0], error));
    for (;;) {
        const pid_t ended = waitpid(child, &result.wait_status, WNOHANG);
        ring.drain(take);
        if (ended == child) break;
        if (ended < 0 && errno != EINTR) return give_up(Error{std::string("diff-host: ") + strerror(errno)});
        pollfd wait{ring.fd(), POLLIN, 0};
        poll(&wait, 1, 10);
    }
    if (reader.lost())
        return Unexpected{
            Error{"diff-host: the host lost records of page faults: it was too busy to read them in time"}};
    result.faults = std::move(reader.faults);
    result.source = listener->source.name;
    return result;
}

}  // namespace emu
