#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "cli/command.h"

namespace lowrank::cli {

namespace {

std::atomic<bool> requested{false};
std::atomic<const char*> notice_text{nullptr};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<const char*>::is_always_lock_free);

// Uses only calls that are safe in a signal handler: lock-free atomics, write() and _exit().
extern "C" void on_interrupt(int /*signal*/) {
  if (requested.exchange(true)) {
    remove_temporaries();
    _exit(kExitInterrupted);
  }
  if (const char* text = notice_text.load(); text != nullptr) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  }
}

// The signal comes again when the handler is left, and then ends the program.
extern "C" void on_end(int signal) {
  remove_temporaries();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

void clean_up_when_ended() {
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
    // nohup starts programs that ignore SIGHUP.
    if (std::signal(signal, on_end) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

void catch_interrupts(const char* notice) {
  notice_text = notice;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return requested; }

}  // namespace lowrank::cli
