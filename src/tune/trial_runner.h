#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/model/history.h"
#include "lowrank/tune/tune.h"
#include "train/correction.h"
#include "tune/inner_split.h"
#include "tune/trial_file.h"

namespace lowrank {

/// A training to run.
struct Job {
  std::size_t trial = 0;
  Method method;        ///< with the epochs of the schedule
  std::string options;  ///< searched options and their values, as JSON
  bool full = false;
  std::size_t split = 0;
};

/// Runs the trainings of a search, several at a time where they are small, and records them in their order. A training that has been run
/// before, with the same options on the same split, is not run again, nor is one that the file of trials has.
class TrialRunner {
 public:
  /// \param monitor  see parse_monitor. `data` and `interrupted` must outlive this object
  TrialRunner(const TrainData& data, const TuneOptions& options, const std::string& monitor, TrialFile& file,
              const std::function<bool()>& interrupted);

  /// The runs of all jobs, in their order; fewer if the search is interrupted: those before the first that did not end. `record` is
  /// called for each that was trained or read from the file, in order.
  std::vector<TuneRun> run(std::span<const Job> jobs, const std::function<void(const TuneRun&)>& record);

  [[nodiscard]] bool interrupted();
  [[nodiscard]] bool higher_is_better() const noexcept { return higher_is_better_; }
  /// About how many bytes a training of `method` adds.
  [[nodiscard]] std::size_t memory_of(const Method& method) const;

 private:
  class Watch;

  void take_split(std::size_t split);
  [[nodiscard]] TuneRun train(const Job& job, int threads, std::size_t at_once, int slot);
  [[nodiscard]] std::size_t at_once(std::span<const Job* const> jobs) const;

  const TrainData& data_;
  const TuneOptions& options_;
  std::string monitor_;
  TrialFile& file_;
  const std::function<bool()>& asks_;
  bool higher_is_better_;
  History seen_;
  std::optional<InnerSplit> split_;
  std::optional<NeighbourCache> found_;  ///< of the split
  std::size_t available_;
  std::atomic<bool> interrupted_ = false;
  std::map<std::string, TuneRun> known_;  ///< by options and split
};

}  // namespace lowrank
