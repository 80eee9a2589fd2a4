#include "kernel/host/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kernel::host {

using mmu::Error;
using mmu::Expected;
using mmu::Unexpected;

namespace {

constexpr usize kBlock = 64 << 10;       ///< payload from which on a block is written
constexpr u32 kMostPayload = 256 << 20;  ///< a length beyond it is damage
constexpr usize kHeader = 8;             ///< length and CRC, little endian

/// CRC-32 (IEEE 802.3), by bytes.
u32 crc32(std::string_view bytes) {
    static constexpr std::array<u32, 256> kTable = [] {
        std::array<u32, 256> table{};
        for (u32 i = 0; i < 256; ++i) {
            u32 value = i;
            for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320 ^ (value >> 1) : value >> 1;
            table[i] = value;
        }
        return table;
    }();
    u32 crc = ~u32{0};
    for (const char c : bytes) crc = kTable[(crc ^ static_cast<u8>(c)) & 0xff] ^ (crc >> 8);
    return ~crc;
}

/// Bytes read, fewer at the file's end.
usize read_at(int fd, char* to, usize size, u64 offset) {
    usize done = 0;
    while (done < size) {
        const ssize_t got = ::pread(fd, to + done, size - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += static_cast<usize>(got);
    }
    return done;
}

bool write_at(int fd, std::string_view bytes, u64 offset) {
    usize done = 0;
    while (done < bytes.size()) {
        const ssize_t put =
            ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        done += static_cast<usize>(put);
    }
    return true;
}

}  // namespace

Expected<Journal, Error> Journal::create(const std::string& path) {
    const int fd = path.empty() ? ::memfd_create("mmuscope-journal", MFD_CLOEXEC)
                                : ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return Unexpected{Error{path + ": " + std::strerror(errno)}};
    return Journal(fd);
}

Expected<Journal, Error> Journal::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Unexpected{Error{path + ": " + std::strerror(errno)}};
    return Journal(fd);
}

Journal::Journal(Journal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      offset_(other.offset_),
      pending_(std::move(other.pending_)),
      at_(other.at_),
      record_(std::move(other.record_)),
      has_record_(other.has_record_),
      failed_(other.failed_),
      damage_(std::move(other.damage_)) {}

Journal::~Journal() {
    if (fd_ >= 0) ::close(fd_);
}

void Journal::append(std::string_view record) {
    put_bytes(pending_, record);
    if (pending_.size() >= kBlock) flush();
}

bool Journal::flush() {
    if (pending_.empty()) return !failed_;
    char header[kHeader];
    const u32 words[] = {static_cast<u32>(pending_.size()), crc32(pending_)};
    std::memcpy(header, words, sizeof header);
    pending_.insert(0, header, sizeof header);
    if (!failed_) failed_ = !write_at(fd_, pending_, offset_);
    offset_ += pending_.size();
    pending_.clear();
    return !failed_;
}

void Journal::read_from_here() {
    flush();
    at_ = 0;
    has_record_ = false;
}

bool Journal::load_block() {
    char header[kHeader];
    const usize got = read_at(fd_, header, sizeof header, offset_);
    if (got == 0) return false;
    u32 words[2];
    std::memcpy(words, header, sizeof words);
    if (got < sizeof header || words[0] == 0 || words[0] > kMostPayload) {
        damage_ = got < sizeof header ? "it is cut short" : "it is damaged";
        return false;
    }
    pending_.clear();
    at_ = 0;
    // Read in parts: a length that lies makes no allocation beyond the file's own size.
    while (pending_.size() < words[0]) {
        const usize before = pending_.size(), part = std::min<usize>(words[0] - before, 1 << 20);
        pending_.resize(before + part);
        if (read_at(fd_, pending_.data() + before, part, offset_ + kHeader + before) < part) {
            damage_ = "it is cut short";
            pending_.clear();
            return false;
        }
    }
    if (crc32(pending_) != words[1]) {
        damage_ = "it is damaged";
        pending_.clear();
        return false;
    }
    offset_ += kHeader + words[0];
    return true;
}

const std::string* Journal::peek() {
    if (has_record_) return &record_;
    if (at_ >= pending_.size() && (!damage_.empty() || !load_block())) return nullptr;
    std::string_view rest = std::string_view(pending_).substr(at_), bytes;
    if (!get_bytes(rest, bytes)) {
        damage_ = "it is damaged";
        return nullptr;
    }
    record_.assign(bytes);
    at_ = pending_.size() - rest.size();
    has_record_ = true;
    return &record_;
}

void Journal::take() {
    has_record_ = false;
}

void put_number(std::string& to, u64 value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
    to.push_back(static_cast<char>(value));
}

void put_bytes(std::string& to, std::string_view bytes) {
    put_number(to, bytes.size());
    to.append(bytes);
}

bool get_number(std::string_view& from, u64& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (from.empty()) return false;
        const u8 byte = static_cast<u8>(from.front());
        from.remove_prefix(1);
        value |= u64{byte & 0x7fu} << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

bool get_bytes(std::string_view& from, std::string_view& bytes) {
    u64 size = 0;
    if (!get_number(from, size) || size > from.size()) return false;
    bytes = from.substr(0, size);
    from.remove_prefix(size);
    return true;
}

}  // namespace kernel::host
