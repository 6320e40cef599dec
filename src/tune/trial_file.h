#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lowrank/tune/tune.h"

namespace lowrank {

/// The file of a search's trials: a line of JSON that says what search it is, one per training, one where the search was stopped by time,
/// and one for the choice. Lines are appended and synced, so that a killed search loses at most the line that it was writing. A file that
/// is there is read back in the order in which the search asks for it.
class TrialFile {
 public:
  /// No file: nothing is recorded.
  TrialFile() = default;
  /// \param header  JSON object that describes the search. \throws FileError; DataError where the file is not of this search
  TrialFile(const std::string& path, const std::string& header);
  ~TrialFile();
  TrialFile(const TrialFile&) = delete;
  TrialFile& operator=(const TrialFile&) = delete;

  /// Whether there are lines left to read.
  [[nodiscard]] bool reads() const noexcept { return next_ < lines_.size(); }
  /// Completes `run`, of which what was asked for is known, by the next line. \throws DataError where that is of another training
  void read(TuneRun& run);
  /// Appends a training.
  void write(const TuneRun& run);
  /// Passes over, or without lines left appends, a line that is not of a training. \throws DataError where another one is there
  void note(const std::string& line);
  /// Whether the next line is `line`.
  [[nodiscard]] bool next_is(const std::string& line) const { return reads() && lines_[next_] == line; }

 private:
  void append(const std::string& line);
  [[noreturn]] void refuse() const;

  std::string path_;
  int descriptor_ = -1;
  std::vector<std::string> lines_;  ///< without the header
  std::size_t next_ = 0;
};

}  // namespace lowrank
