// GDB's remote protocol upon the debugger: what each packet means. One client at a time. It knows nothing of
// sockets (rsp_connection.h). Source: GDB manual, appendix E; what gdb 13.1 sends was watched.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/debug/again.h"
#include "emu/debug/debugger.h"
#include "emu/debug/gdb_options.h"
#include "emu/debug/gdb_registers.h"
#include "emu/debug/hex.h"
#include "emu/debug/rsp_connection.h"
#include "emu/debug/timeline.h"
#include "kernel/fs/file_table.h"

namespace emu {

class GdbServer final : public FrontEnd {
  public:
    /// Whether the client is told of the kernel's symbols as of a library, or has been given them.
    enum class Symbols : u8 { kServed, kGiven };
    GdbServer(Debugger& debugger, RspConnection& connection, Symbols symbols, const GdbOptions& options)
        : debugger_(debugger),
          connection_(connection),
          symbols_(symbols),
          history_(options.history),
          stop_at_end_(options.stop_at_end),
          guest_(options.guest) {}

    /// How a client left.
    enum class End : u8 {
        kDetached,  ///< the guest is to run on
        kKilled,    ///< the guest is to end
        kGone,      ///< the connection broke: the guest stands still until somebody comes
        kExited,    ///< the guest has ended and the client knows
        kAgain,     ///< it has not left: it wants the guest to begin anew, see again()
    };
    /// Serves the client until it leaves.
    End serve();
    /// The other run's server says so before serve(): `state` is what its again() had.
    void go_on_from(const std::string& state);
    Again again() const;

    // Going back (gdb_reverse.cpp): another process goes on with this client.
    std::string save() const override;
    void restore(const std::string& settings) override;
    int interrupt_descriptor() const override { return connection_.descriptor(); }
    void take_over() override;

  private:
    Resume serve_stage();
    void answer_until(const std::function<bool()>& done);

    using Reply = std::optional<std::string>;  ///< nothing: it has been answered, or no answer is due
    /// GDB shows the text of `E.`; plain numbers mean nothing to people.
    static std::string error(const std::string& why) { return "E." + why; }
    Reply answer(const std::string& packet);
    Reply query(PacketReader packet);
    std::string supported(std::string_view features);
    Reply set(PacketReader packet);
    Reply verbose(PacketReader packet);
    Reply set_environment(PacketReader packet);
    Reply run_anew(std::string_view words);
    Reply restart();

    // Registers and memory.
    RegisterView registers() const;
    Reply read_registers() const;
    Reply write_registers(PacketReader packet);
    Reply read_one_register(PacketReader packet) const;
    Reply write_one_register(PacketReader packet);
    Reply read_memory(PacketReader packet) const;
    Reply write_memory(PacketReader packet, bool binary);
    Reply search_memory(PacketReader packet) const;

    // Running.
    Reply resume(const Resume& how);
    Reply go_on(const Resume& how);
    bool known_fork(const Stop& stop) const;
    void say_what_was_caught(const Stop& stop);
    Reply resume_by_letter(char letter, PacketReader packet);
    Reply resume_by_actions(PacketReader packet);
    std::string stop_reply() const;
    std::string standing_reply() const;
    std::string reason(const Stop& stop) const;
    std::string exit_reply(int wait_status, kernel::Pid process) const;
    std::string thread_exit_reply(const Stop& stop) const;
    std::string thread_id() const;
    std::string thread_id(kernel::Pid task) const;
    std::string thread_id(kernel::Pid task, kernel::Pid owner) const;
    /// [pPROCESS.]THREAD; 0: any, -1: all.
    struct ThreadId {
        kernel::Pid process = 0, thread = 0;
    };
    static std::optional<ThreadId> read_thread(PacketReader& packet);
    bool names(const ThreadId& id, const kernel::Task& task) const;
    kernel::Task* task_named(const ThreadId& id) const;
    kernel::Pid process() const;
    std::vector<kernel::Pid> threads_shown() const;
    bool anybody_attached() const;
    void begin_tasks();
    Reply detach(PacketReader packet);
    Reply kill_process(PacketReader packet);
    Reply select_thread(PacketReader packet);
    Reply thread_lives(PacketReader packet);
    Reply breakpoint(PacketReader packet, bool insert);
    Reply break_at(PacketReader packet, u64 address, bool insert);
    Reply catch_syscalls(PacketReader packet);
    Reply signals_to_pass(PacketReader packet);

    // Objects (gdb_objects.cpp).
    Reply transfer(PacketReader packet);
    std::optional<std::string> object(std::string_view name, const std::string& annex);
    std::string threads() const;
    std::string signal_information() const;
    Reply write_signal_information(PacketReader packet);
    std::string program_path() const;

    // Modules and their thread-local variables (gdb_modules.cpp).
    std::string libraries();
    Reply thread_local_address(PacketReader packet);
    std::optional<u64> thread_local_block(u64 map);

    // Files (gdb_files.cpp).
    Reply file_request(PacketReader packet);
    Reply file_open(PacketReader packet);
    Reply file_read(PacketReader packet);
    Reply file_status(PacketReader packet);
    Reply file_link(PacketReader packet);
    Reply file_close(PacketReader packet);
    std::optional<std::string> own_file(const std::string& path);

    Reply monitor(PacketReader packet);

    void note_setting(const std::string& packet);
    /// Whose breakpoint a packet sets: the selected thread's, or as it was when the packet came first.
    kernel::Pid process_meant() const { return restored_process_ ? restored_process_ : process(); }
    Reply reverse(const std::string& packet);
    Reply carry_out(const Timeline::Outcome& outcome);
    Reply go_to(PacketReader words);
    std::string end_words(std::string_view words);
    Reply arrival_reply();
    Reply before_the_end();
    std::optional<std::string> why_not_write();
    bool in_past() const { return timeline_ && timeline_->in_past(); }

    /// A file that the client has open: generated text, or one of the guest's world.
    struct RemoteFile {
        std::string text;
        kernel::UniqueFd fd;
    };

    Debugger& debugger_;
    RspConnection& connection_;
    Symbols symbols_;
    bool history_, stop_at_end_;
    std::vector<std::string> guest_;                                ///< the words of this run or the next
    std::vector<std::pair<std::string, std::string>> environment_;  ///< as Again's: for the next run
    bool multiprocess_ = false, told_exit_ = false;
    bool extended_ = false;             ///< the client stays when the guest has ended, and may run it again
    bool killed_ = false;               ///< the guest is to be no more; the client has not left
    End end_when_gone_ = End::kKilled;  ///< of a client that has killed what it saw, and leaves
    std::string again_state_;
    bool reply_due_ = false;                            ///< the client waits for the first stop of this run
    TaskEvents task_events_{.children_ignored = true};  ///< of a client that does not say what it wants
    bool physical_addresses_ = false;                   ///< what m reads at (Qqemu.PhyMemMode)
    bool to_the_end_ = false;                           ///< a journey to before the exit is under way
    bool told_end_ = false;  ///< the client stands before the exit, or has stood there and gone on
    std::optional<Timeline> timeline_;
    std::set<kernel::Pid> standing_still_;  ///< as the client has it; in the past, from the past's end on
    std::set<kernel::Pid> told_of_;         ///< forks' children that the client knows
    std::set<kernel::Pid> let_go_;          ///< detached from, ended ones too: the past knows them alive
    kernel::Pid restored_process_ = 0;
    std::map<std::string, std::string> settings_;  ///< packets that set something, by what they set
    std::string arrival_reply_;  ///< in the place of a stop reply, when a command of ours travels
    std::optional<End> end_;
    std::optional<Resume> stage_resume_;
    std::map<u64, RemoteFile> files_;
    u64 next_file_ = 3;
    mutable std::map<std::string, std::string> objects_;  ///< those that are being read in parts
};

}  // namespace emu
