#include "emu/cli/recording.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "emu/cli/version.h"
#include "kernel/host/seam.h"

namespace emu {
namespace {

using kernel::host::Journal, kernel::host::Seam;
using mmu::Error, mmu::Expected, mmu::u64, mmu::Unexpected, mmu::usize;

constexpr std::string_view kMagic = "mmuscope recording 1";

void put_list(std::string& to, const std::vector<std::string>& list) {
    kernel::host::put_number(to, list.size());
    for (const std::string& word : list) kernel::host::put_bytes(to, word);
}

bool get_list(std::string_view& from, std::vector<std::string>& list) {
    u64 count = 0;
    if (!kernel::host::get_number(from, count) || count > from.size()) return false;
    for (; count; --count) {
        std::string_view word;
        if (!kernel::host::get_bytes(from, word)) return false;
        list.emplace_back(word);
    }
    return true;
}

/// Takes an option out, with its value where it has one: "-o FILE", "-oFILE", "--output FILE",
/// "--output=FILE".
void without(std::vector<std::string>& words, const std::string& option, bool has_value) {
    const bool is_long = option.starts_with("--");
    for (usize i = 2; i < words.size(); ++i) {
        const bool alone = words[i] == option;
        const bool joined = has_value && words[i].starts_with(is_long ? option + "=" : option);
        if (!alone && !joined) continue;
        const usize count = alone && has_value && i + 1 < words.size() ? 2 : 1;
        words.erase(words.begin() + static_cast<std::ptrdiff_t>(i),
                    words.begin() + static_cast<std::ptrdiff_t>(i + count));
        --i;
    }
}

/// Files that were written are not written again; the formats of a table are options of `stat` alone.
void leave_behind(std::vector<std::string>& words, bool formats) {
    for (const char* option : {"-o", "--output", "--strace-o"}) without(words, option, true);
    if (!formats) return;
    without(words, "--json", false);
    for (const char* option : {"-x", "--field-separator"}) without(words, option, true);
}

struct Beginning {
    std::string version;
    std::vector<std::string> own, guest, environment;
};

Expected<Beginning, Error> read_beginning(Journal& journal, const std::string& path) {
    const auto fail = [&](const std::string& why) { return Unexpected{Error{path + ": " + why}}; };
    const std::string* record = journal.peek();
    if (!record || !record->starts_with("mmuscope recording"))
        return fail("it is no recording of mmuscope's");
    std::string_view rest = *record;
    if (!rest.starts_with(kMagic)) return fail("it was recorded in a format that this version does not know");
    rest.remove_prefix(kMagic.size());
    Beginning beginning;
    std::string_view version;
    if (!kernel::host::get_bytes(rest, version) || !get_list(rest, beginning.own) ||
        !get_list(rest, beginning.guest) || !get_list(rest, beginning.environment) || beginning.own.empty() ||
        beginning.guest.empty())
        return fail("the recording is damaged");
    if (version != kVersion)
        return fail("it was recorded by version " + std::string(version) + " and this is " + kVersion);
    journal.take();
    return beginning;
}

}  // namespace

Expected<void, Error> start_recording(const Options& options, const std::vector<std::string>& environment,
                                      u64 epoch) {
    auto journal = Journal::create(options.record);
    if (!journal) return Unexpected{journal.error()};
    std::vector<std::string> own = options.own_words;
    if (!options.epoch_given) own.insert(own.end(), {"--epoch", std::to_string(epoch)});
    // What --env and --clear-env made of the environment is recorded, not they.
    own.push_back("--clear-env");
    std::string beginning(kMagic);
    kernel::host::put_bytes(beginning, kVersion);
    put_list(beginning, own);
    put_list(beginning, options.guest);
    put_list(beginning, environment);
    journal->append(beginning);
    if (!journal->flush()) return Unexpected{Error{options.record + ": cannot be written"}};
    Seam::get().record(std::make_unique<Journal>(std::move(*journal)));
    return {};
}

Expected<Options, Error> start_replay(const Options& replay) {
    auto journal = Journal::open(replay.replay);
    if (!journal) return Unexpected{journal.error()};
    auto beginning = read_beginning(*journal, replay.replay);
    if (!beginning) return Unexpected{beginning.error()};
    std::vector<std::string> words = {"mmuscope"};
    words.insert(words.end(), beginning->own.begin(), beginning->own.end());
    leave_behind(words, !replay.own_words.empty() && replay.own_words[0] != "stat");
    if (!replay.own_words.empty()) {
        words[1] = replay.own_words[0];
        words.insert(words.end(), replay.own_words.begin() + 1, replay.own_words.end());
    }
    words.push_back("--");
    words.insert(words.end(), beginning->guest.begin(), beginning->guest.end());
    auto options = parse_options(words, {});
    if (!options) {
        std::string text = options.error().text;
        if (text.starts_with("mmuscope: ")) text.erase(0, 10);
        while (text.ends_with('\n')) text.pop_back();
        return Unexpected{Error{text}};
    }
    options->environment = beginning->environment;
    options->replay = replay.replay;
    options->quiet = replay.quiet;
    options->again = replay.again;
    Seam::get().replay(std::make_unique<Journal>(std::move(*journal)), !replay.quiet);
    return *options;
}

std::string replay_failure() {
    return Seam::get().failure();
}

Expected<void, Error> finish_recording(const Options& options) {
    const auto journal = Seam::get().finish();
    if (!options.record.empty() && journal && !journal->flush())
        return Unexpected{Error{options.record + ": cannot be written; what is there can be replayed"}};
    return {};
}

}  // namespace emu
