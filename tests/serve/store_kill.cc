#include "serve/store_kill.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>
#include <semaphore>
#include <thread>

#include "serve/store_fixture.h"

namespace lowrank::serve::testing_store {

namespace {

/// Writes submissions from `start` on, 32 of them under way, until it is killed.
[[noreturn]] void write_forever(const std::string& folder, std::uint64_t start, int acknowledge) {
  try {
    Store store({.folder = folder, .vfs = {}, .on_log = {}});
    std::counting_semaphore<> room(32);
    for (std::uint64_t at = start;; at = Sequence::end_of(at)) {
      room.acquire();
      store.submit(Sequence::submission(at), [&room, acknowledge, end = Sequence::end_of(at)](const Outcome& outcome) {
        // A pipe takes 8 bytes whole or not at all.
        if (!outcome || ::write(acknowledge, &end, sizeof end) != sizeof end) ::_exit(1);
        room.release();
      });
    }
  } catch (const std::exception&) {
    ::_exit(2);
  }
}

}  // namespace

void kill_at_random(int rounds) {
  const Folder folder;
  std::mt19937 random(20'240'607);
  std::uint64_t end = 1;
  std::uint64_t most_acknowledged = 0;
  int with_acknowledgements = 0;
  for (int round = 0; round < rounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      write_forever(folder.state(), end, pipe[1]);
    }
    ::close(pipe[1]);
    // From before the store is open until some hundred commits.
    std::uint64_t acknowledged = end;
    std::thread reader([&] {
      for (std::uint64_t number = 0; ::read(pipe[0], &number, sizeof number) == sizeof number;) acknowledged = number;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 120'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    reader.join();
    ::close(pipe[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);
    if (acknowledged > end) ++with_acknowledgements;
    most_acknowledged = std::max(most_acknowledged, acknowledged - end);
    Store store({.folder = folder.state(), .vfs = {}, .on_log = {}});
    end = Sequence::check(store, acknowledged);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "round " << round;
    ASSERT_TRUE(store.check().empty());
  }
  // Otherwise nothing was tested.
  EXPECT_GT(with_acknowledgements, rounds / 4);
  EXPECT_GT(most_acknowledged, 100U);
  ::testing::Test::RecordProperty("writes", std::to_string(end - 1));
}

}  // namespace lowrank::serve::testing_store
