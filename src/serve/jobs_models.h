#pragma once

/// \file
/// The models of the store: rows of the table and files of the folder.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/pipeline/run.h"
#include "serve/jobs.h"
#include "serve/store.h"

namespace lowrank::serve {

/// Safe from many threads.
class Models {
 public:
  explicit Models(Store& store);

  [[nodiscard]] std::vector<ModelEntry> all() const;
  /// \throws UnknownIdError
  [[nodiscard]] ModelEntry entry(std::int64_t id) const;
  [[nodiscard]] std::optional<std::int64_t> served() const;
  /// StoreCounts::written when the ratings of the served model were read; 0 where there is none.
  [[nodiscard]] std::uint64_t served_written() const;
  /// \throws UnknownIdError; as load_model()
  [[nodiscard]] LoadedModel load(std::int64_t id) const;
  [[nodiscard]] std::string path_of(const ModelEntry& entry) const;

  /// Writes a model to its file and then to the table, with the state `ready`; `id` and `file` of the entry are set here.
  ModelEntry add(const Model& model, ModelEntry entry);
  /// Takes the bytes of a model file; where a model has the same ones already, that is returned.
  ModelEntry add_bytes(const std::string& bytes, ModelEntry entry);
  void set_state(ModelEntry entry, std::string state);
  /// Notes a model as served. \throws UnknownIdError
  void serve(std::int64_t id);
  /// Removes the oldest models beyond `keep`, but never the served one.
  void prune(std::size_t keep);

 private:
  ModelEntry insert(ModelEntry entry, const std::function<void(const std::string& path)>& write);
  void refresh();

  Store& store_;
  mutable std::mutex mutex_;
  std::vector<ModelEntry> entries_;  ///< by id; guarded by mutex_
  std::mutex adding_;
  std::mutex refreshing_;
};

/// The facts of a model as a row: method, numbers, fingerprint, figures.
ModelEntry describe(const Model& model);
/// The epochs as a JSON array.
std::string history_json(const std::vector<EpochReport>& history, const std::string& monitor);

/// Whether a new model is worse than the served one by more than `most` (a share). \return the sentence why, or nothing. Nothing too where
/// the two cannot be compared: another monitor, another holdout, or none.
std::optional<std::string> worse_than_served(const ModelEntry& made, const ModelEntry& served, double most);

}  // namespace lowrank::serve
