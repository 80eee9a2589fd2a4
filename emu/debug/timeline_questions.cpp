// Questions about the past, which the process that asks lives on with.
#include <unistd.h>

#include <algorithm>

#include "emu/debug/timeline.h"
#include "emu/debug/timeline_message.h"
#include "kernel/host/seam.h"

namespace emu {

using kernel::host::get_bytes, kernel::host::get_number, kernel::host::put_bytes, kernel::host::put_number;
using kernel::host::Seam;

Timeline::Finding Timeline::find_last(const Position& least, const Position& end) {
    Request request;
    request.kind = Request::Kind::kFind;
    request.least = least;
    request.end = end;
    request.settings = front_.save();
    const auto answer = question(std::move(request));
    if (!answer || answer->kind == Request::Kind::kInterrupted) return {.found = {}, .interrupted = true};
    if (answer->kind != Request::Kind::kFound) return {};
    const Target& target = answer->target;
    const bool early = target.by_count ? target.at.instructions < least.instructions : target.at < least;
    if (early) return {};
    return {.found = Debugger::Found{target, answer->stop}};
}

std::vector<Debugger::Moment> Timeline::moments(u64 end, u64 count) {
    Request request;
    request.kind = Request::Kind::kMoments;
    request.end = {end, 0, Position::kSettled};
    request.target = {{end > count ? end - count : 0, 0}, true};
    request.settings = front_.save();
    const auto answer = question(std::move(request));
    std::vector<Debugger::Moment> out;
    if (!answer) return out;
    std::string_view bytes = answer->settings;
    Debugger::Moment each;
    u64 task = 0;
    while (get_number(bytes, each.instructions) && get_number(bytes, each.rip) &&
           get_number(bytes, each.rsp) && get_number(bytes, task)) {
        each.task = static_cast<kernel::Pid>(task);
        out.push_back(each);
    }
    return out;
}

Timeline::Overview Timeline::overview() {
    Request request;
    request.kind = Request::Kind::kOverview;
    const auto answer = question(std::move(request));
    Overview out{.first = first().instructions, .last = last().instructions};
    if (!answer) return out;
    std::string_view bytes = answer->settings, text;
    u64 count = 0, value = 0;
    (void)get_number(bytes, out.faults);
    for (std::vector<u64>* list : {&out.snapshots, &out.faults_at})
        for (get_number(bytes, count); count && get_number(bytes, value); --count) list->push_back(value);
    if (get_bytes(bytes, text)) out.text = text;
    return out;
}

std::optional<Timeline::Request> Timeline::question(Request request) {
    if (!in_past_) return answer(request);
    if (!send_message(channel_, request.encode(), -1)) return std::nullopt;
    const auto text = receive_message(channel_, nullptr);
    if (!text) ::_exit(0);  // the live process has ended
    return Request::decode(*text);
}

/// Of the live process, to itself or to a visitor.
Timeline::Request Timeline::answer(const Request& question) {
    Request nothing;
    nothing.kind = Request::Kind::kNothing;
    if (Seam::get().mode() == Seam::Mode::kRecord) Seam::get().journal()->flush();
    switch (question.kind) {
        case Request::Kind::kFind: {
            Request found = search(question);
            if (found.stop.kind == Stop::Kind::kInterrupted)
                found.kind = Request::Kind::kInterrupted;
            else
                found.kind = found.stop.kind == Stop::Kind::kHistoryBegin ? Request::Kind::kNothing
                                                                          : Request::Kind::kFound;
            return found;
        }
        case Request::Kind::kMoments: {
            if (copies_.empty() || question.end <= copies_.front().at) return nothing;
            Request part = question;
            part.target.at.instructions =
                std::max(part.target.at.instructions, copies_.front().at.instructions);
            return run_in_copy(copy_before(part.target), part, false).value_or(nothing);
        }
        case Request::Kind::kOverview:
            return overview_message();
        default:
            return nothing;
    }
}

Timeline::Request Timeline::overview_message() const {
    constexpr usize kMostFaults = 4096;
    Request message;
    message.kind = Request::Kind::kOverview;
    std::string& bytes = message.settings;
    const auto& faults = debugger_.faults().faults();
    put_number(bytes, faults.empty() ? 0 : faults.back().number);
    put_number(bytes, copies_.size());
    for (const Copy& copy : copies_) put_number(bytes, copy.at.instructions);
    const usize each = faults.size() / kMostFaults + 1;
    put_number(bytes, (faults.size() + each - 1) / each);
    for (usize n = 0; n < faults.size(); n += each) put_number(bytes, faults[n].instructions);
    put_bytes(bytes, describe());
    return message;
}

}  // namespace emu
