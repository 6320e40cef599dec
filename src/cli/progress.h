#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lowrank/data/read.h"
#include "lowrank/train/observer.h"

namespace lowrank::cli {

/// `, about 12 s left` for a task of which `share` is done since `start`; nothing in its first second.
std::string time_left(std::chrono::steady_clock::time_point start, double share);

/// Progress and messages on standard error. A quiet one shows no progress. The passing line is shown, and redrawn, only on a terminal.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A line that says what goes on: `text` is called again and again, in a thread of its own, until the next call or the end. No function
  /// ends the line. It is shown only on a terminal, and what it reads must outlive it.
  void watch(std::function<std::string()> text);
  /// A line of progress that stays.
  void line(const std::string& text);
  /// A message: shown also when quiet.
  void message(const std::string& text);
  /// The message that lines of a file were skipped.
  void skipped(const std::string& file, const SkippedLines& lines);

 private:
  void clear();
  void passing(const std::string& text);
  bool quiet_;
  bool terminal_;
  bool passing_ = false;
  std::mutex mutex_;  ///< guards what is written
  std::condition_variable_any due_;
  std::jthread ticker_;
};

/// How far the reading of some files is: on the passing line of `progress`, from now on.
class ReadingProgress {
 public:
  /// \param files  those to read, in this order; the first names the line. \param read  receives the counter of bytes
  ReadingProgress(Progress& progress, const std::vector<std::string>& files, ReadOptions& read);
  ~ReadingProgress();
  ReadingProgress(const ReadingProgress&) = delete;
  ReadingProgress& operator=(const ReadingProgress&) = delete;

 private:
  Progress& progress_;
  ReadOptions& read_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

/// What is shown while one file of ratings is read, unless `quiet`: how far that is, and what the file is taken for.
class FileReading {
 public:
  /// \param read  receives what this object needs to know, until it ends
  FileReading(const std::string& file, ReadOptions& read, bool quiet);
  ~FileReading() {
    read_.on_layout = {};
    read_.on_skipped = {};
  }
  FileReading(const FileReading&) = delete;
  FileReading& operator=(const FileReading&) = delete;

 private:
  ReadOptions& read_;
  Progress progress_;
  ReadingProgress reading_;
};

/// Writes one line per epoch, on a terminal also the time that is left, and, if `verbose`, the memory that the run will need.
class EpochLines : public TrainingObserver {
 public:
  explicit EpochLines(Progress& progress, bool verbose = false) : progress_(progress), verbose_(verbose) {}
  ~EpochLines() override { progress_.watch({}); }
  EpochLines(const EpochLines&) = delete;
  EpochLines& operator=(const EpochLines&) = delete;
  void on_memory(const MemoryReport& report) override;
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override;
  void on_divergence(const DivergenceReport& report) override;
  void on_warning(std::string_view text) override;

 private:
  [[nodiscard]] std::string state() const;

  Progress& progress_;
  bool verbose_;
  std::size_t last_epoch_ = 0;
  std::chrono::steady_clock::time_point start_;
  std::atomic<std::size_t> done_ = 0;    ///< epochs
  std::atomic<std::size_t> epochs_ = 0;  ///< the most that there will be; 0 until one is done
};

/// Writes what a file of ratings is taken for to standard error when it is read, unless `quiet`, and which lines are skipped.
void show_layout(ReadOptions& read, bool quiet);

/// Writes an error to standard error: `lowrank: ` and one sentence.
void print_error(const std::string& text);
/// The same, with a line below that says how to see what the command line should be.
void print_usage_error(const std::string& text, const std::string& help);

}  // namespace lowrank::cli
