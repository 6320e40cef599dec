#pragma once

#include <cstddef>
#include <string>

#include "lowrank/data/read.h"
#include "lowrank/train/observer.h"

namespace lowrank::cli {

/// Progress and messages on standard error. A quiet one shows no progress. The passing line is shown, and redrawn, only on a terminal.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A line that the next one replaces.
  void passing(const std::string& text);
  /// A line of progress that stays.
  void line(const std::string& text);
  /// A message: shown also when quiet.
  void message(const std::string& text);

 private:
  void clear();
  bool quiet_;
  bool terminal_;
  bool passing_ = false;
};

/// Writes one line per epoch and, if `verbose`, the memory that the run will need.
class EpochLines : public TrainingObserver {
 public:
  explicit EpochLines(Progress& progress, bool verbose = false) : progress_(progress), verbose_(verbose) {}
  void on_memory(const MemoryReport& report) override;
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override;
  void on_divergence(const DivergenceReport& report) override;
  void on_warning(std::string_view text) override;

 private:
  Progress& progress_;
  bool verbose_;
  std::size_t last_epoch_ = 0;
};

/// Writes what a file of ratings is taken for to standard error when it is read, unless `quiet`.
void show_layout(ReadOptions& read, bool quiet);

/// Writes an error to standard error: `lowrank: ` and one sentence.
void print_error(const std::string& text);

}  // namespace lowrank::cli
