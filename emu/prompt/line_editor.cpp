#include "emu/prompt/line_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>

#if defined(__SANITIZE_ADDRESS__)
// libedit 3.1 never frees four strings of its terminal settings.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
    return "leak:wcsdup\n";
}
#endif

namespace emu {
namespace {

constexpr std::size_t kLongest = std::size_t{1} << 20;
constexpr std::size_t kMostShown = 60;  ///< completions in a list

}  // namespace

struct LineEditor::State {
    int in = -1;
    Complete complete;
    std::function<bool()> stopped;
    std::string prompt;
    std::string pending;  ///< read and not yet handed out; of a descriptor that is no terminal
    bool ended = false, dropped = false;
    std::FILE* input = nullptr;
    EditLine* editor = nullptr;
    History* history = nullptr;
    HistEvent event{};

    static State& of(EditLine* editor) {
        State* state = nullptr;
        el_get(editor, EL_CLIENTDATA, &state);
        return *state;
    }
    static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }
    static unsigned char on_tab(EditLine* editor, int);
    /// Ctrl-C is a key while a line is typed: as a signal it would now and then only wake a read that goes
    /// on.
    static unsigned char on_interrupt(EditLine* editor, int) {
        of(editor).dropped = true;
        return CC_NEWLINE;
    }
    /// libedit's own goes on reading when a signal wakes it.
    static int read_character(EditLine* editor, wchar_t* out) {
        mbstate_t state{};
        while (true) {
            char byte = 0;
            if (!of(editor).wait()) return -1;
            const ssize_t got = ::read(of(editor).in, &byte, 1);
            if (got <= 0) return static_cast<int>(got);
            const std::size_t used = mbrtowc(out, &byte, 1, &state);
            if (used == static_cast<std::size_t>(-2)) continue;  // more bytes of the same character
            if (used != static_cast<std::size_t>(-1)) return 1;
            state = {};  // none of the locale's characters: left out
        }
    }
    /// Until there is something to read. False, and EINTR: there is a signal to see to. One that comes just
    /// before the waiting begins would not end it, so it does not last.
    bool wait() const {
        constexpr int kPatienceMs = 250;
        pollfd entry{in, POLLIN, 0};
        while (true) {
            const int ready = ::poll(&entry, 1, kPatienceMs);
            if (ready > 0) return true;
            if (ready == 0 && !stopped()) continue;
            errno = EINTR;
            return false;
        }
    }
    Event read_plain(std::string& line);
};

unsigned char LineEditor::State::on_tab(EditLine* editor, int) {
    State& state = of(editor);
    const LineInfo* const info = el_line(editor);
    const std::string before(info->buffer, info->cursor);
    std::vector<std::string> words = state.complete(before);
    if (words.empty()) return CC_REFRESH_BEEP;
    const std::string rest = completion(before, words);
    if (!rest.empty()) return el_insertstr(editor, rest.c_str()) == 0 ? CC_REFRESH : CC_REFRESH_BEEP;
    std::fputc('\n', stdout);
    for (std::size_t n = 0; n < words.size() && n < kMostShown; ++n) std::printf("%s  ", words[n].c_str());
    if (words.size() > kMostShown) std::printf("and %zu more", words.size() - kMostShown);
    std::fputc('\n', stdout);
    std::fflush(stdout);
    return CC_REDISPLAY;
}

LineEditor::LineEditor(int in, Complete complete, std::function<bool()> stopped)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.in = in;
    s.complete = std::move(complete);
    s.stopped = std::move(stopped);
    if (!isatty(in) || !isatty(1)) return;
    s.input = fdopen(fcntl(in, F_DUPFD_CLOEXEC, 3), "r");
    if (!s.input) return;
    s.editor = el_init("mmuscope", s.input, stdout, stderr);
    if (!s.editor) return;
    s.history = history_init();
    history(s.history, &s.event, H_SETSIZE, 1000);
    history(s.history, &s.event, H_SETUNIQUE, 1);
    el_set(s.editor, EL_CLIENTDATA, &s);
    el_set(s.editor, EL_PROMPT, State::show_prompt);
    el_set(s.editor, EL_EDITOR, "emacs");
    el_set(s.editor, EL_SIGNAL, 0);
    el_set(s.editor, EL_GETCFN, State::read_character);
    el_set(s.editor, EL_HIST, history, s.history);
    el_set(s.editor, EL_ADDFN, "mmuscope-complete", "completes a word", State::on_tab);
    el_set(s.editor, EL_BIND, "^I", "mmuscope-complete", nullptr);
    el_set(s.editor, EL_ADDFN, "mmuscope-drop", "drops the line", State::on_interrupt);
    el_set(s.editor, EL_BIND, "^C", "mmuscope-drop", nullptr);
    el_set(s.editor, EL_SETTY, "-d", "-isig", nullptr);
    el_set(s.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor() {
    if (state_->editor) el_end(state_->editor);
    if (state_->history) history_end(state_->history);
    if (state_->input) std::fclose(state_->input);
}

bool LineEditor::interactive() const {
    return state_->editor != nullptr;
}

LineEditor::Event LineEditor::State::read_plain(std::string& line) {
    while (true) {
        if (const auto end = pending.find('\n'); end != std::string::npos) {
            line = pending.substr(0, end);
            pending.erase(0, end + 1);
            return Event::kLine;
        }
        if (ended || pending.size() > kLongest) {
            line = std::move(pending);
            pending.clear();
            const bool last = !line.empty() && line.size() <= kLongest;
            ended = true;
            return last ? Event::kLine : Event::kEnd;
        }
        char part[4096];
        if (!wait()) return Event::kInterrupted;
        const ssize_t got = ::read(in, part, sizeof part);
        if (got < 0 && errno == EINTR) return Event::kInterrupted;
        if (got <= 0) ended = true;
        if (got > 0) pending.append(part, static_cast<std::size_t>(got));
    }
}

LineEditor::Event LineEditor::read(const std::string& prompt, std::string& line) {
    State& s = *state_;
    if (!s.editor) return s.read_plain(line);
    s.prompt = prompt;
    s.dropped = false;
    // Before the prompt is seen: what is typed at it is for the editor.
    el_set(s.editor, EL_PREP_TERM, 1);
    int count = 0;
    errno = 0;
    const char* const text = el_gets(s.editor, &count);
    if (s.dropped) return Event::kInterrupted;
    if (!text || count <= 0) return errno == EINTR ? Event::kInterrupted : Event::kEnd;
    line.assign(text, static_cast<std::size_t>(count));
    if (line.ends_with('\n')) line.pop_back();
    if (line.size() > kLongest) return Event::kEnd;
    if (line.find_first_not_of(' ') != std::string::npos) history(s.history, &s.event, H_ENTER, line.c_str());
    return Event::kLine;
}

std::string common_beginning(const std::vector<std::string>& words) {
    if (words.empty()) return "";
    std::string common = words[0];
    for (const std::string& word : words) {
        std::size_t n = 0;
        while (n < common.size() && n < word.size() && common[n] == word[n]) ++n;
        common.resize(n);
    }
    return common;
}

std::string completion(const std::string& line, const std::vector<std::string>& words) {
    // What is typed of the word is the longest end of the line that all begin with.
    const std::string common = common_beginning(words);
    std::size_t typed = std::min(common.size(), line.size());
    while (typed > 0 && line.compare(line.size() - typed, typed, common, 0, typed) != 0) --typed;
    return common.substr(typed) + (words.size() == 1 ? " " : "");
}

}  // namespace emu
