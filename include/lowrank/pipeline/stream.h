#pragma once

/// \file
/// Streams: every event is first predicted, then learned (prequential evaluation; Gama, Sebastiao and Rodrigues, 2013).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/data/lines.h"
#include "lowrank/model/model.h"
#include "lowrank/train/method.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of prequential(). docs/streams.md says what each method learns from an event.
struct StreamOptions {
  /// sgd, als, bayes, baseline (ratings), implicit, bpr or popular (lists). The options of the method are those of the training of `warm`.
  /// Ignored with a model, whose method counts.
  Method method = Sgd{};
  /// Model that the stream starts from, with the factors of its rank; none: a training on the share `warm`, or nothing.
  const Model* model = nullptr;
  /// Share of the events, the first ones, that the method is trained on before the stream, in [0, 1); 0 starts from nothing. Not together
  /// with a model.
  double warm = 0;
  /// Factors per user and item of a stream that starts from nothing: 0 to 256 where ratings are predicted (default 4), else 1 to 256
  /// (default 16). Neither for baseline and popular, which have none, nor together with a model or `warm`, whose factors count.
  std::optional<std::uint32_t> rank = {};
  /// Lengths of lists, each at least 1, for methods that do not predict ratings; empty: 10. Others have none.
  std::vector<std::size_t> tops = {};
  std::size_t window = 5000;  ///< events of the moving figures, at least 1
  std::uint64_t seed = 1;     ///< seed of new rows and drawn items; not of the training of `warm`
  int threads = 0;            ///< threads of the training of `warm`, 0 for all; no influence on the result
};

/// The figures of the events of a window.
struct StreamPoint {
  std::size_t events = 0;       ///< counted events up to the end of the window
  std::vector<double> figures;  ///< in the order of StreamSummary::names
  friend bool operator==(const StreamPoint&, const StreamPoint&) = default;
};

/// The results of prequential(). All but the times depend on the events and the options alone.
struct StreamSummary {
  std::string method;
  std::size_t warm = 0;            ///< events that were trained on before the stream
  std::size_t events = 0;          ///< events that were predicted and learned
  std::size_t counted = 0;         ///< events that have figures
  std::size_t new_users = 0;       ///< users whose first event was in the stream
  std::size_t new_items = 0;       ///< items whose first event was in the stream
  std::size_t window = 0;          ///< events of the moving figures; fewer than asked for where fewer were counted
  std::vector<std::string> names;  ///< `rmse`, or `hit_rate@K`, `mrr@K` and `recall@K` for every length of lists
  std::vector<double> figures;     ///< over all counted events
  /// Figures of the moving window: the first full one, one after every tenth of a window more, and the last one.
  std::vector<StreamPoint> moving;
  /// \name Wall times of one event, prediction and learning, in microseconds
  /// \{
  double microseconds_p50 = 0;
  double microseconds_p99 = 0;
  double microseconds_mean = 0;  ///< rows that are solved again included
  /// \}
};

/// Takes events in the order of their times, those of equal times in the order of `lines`: each is predicted by what was learned from the
/// events before it, then learned. On one thread, but for the training of `warm`.
///
/// Where ratings are predicted, every event counts in the RMSE; predictions are clipped to the range of the ratings so far. Else an event
/// asks where its item is in the list of the user, out of all items so far that the user has no event with; equal scores are in the order
/// of first appearance. The lists of users without an event are by popularity. An event does not count if its rating is not above 0, or if
/// the user had an event with the item before. With p the item's place, from 1: hit_rate@K and recall@K are 1 if p <= K, else 0, and mrr@K
/// is 1 / p if p <= K, else 0; a new item is in no list.
/// \param lines  at least one event, each with a time
/// \throws OptionError for an option out of range or without effect, and for a method, or a model of one, that cannot learn from events;
///         DataError for lines without times or without an event to predict; what train() throws
StreamSummary prequential(const RatingLines& lines, const StreamOptions& options);
/// The same for a file of ratings. Repeated pairs are events of their own. \throws also as read_lines(), for a line without a time with
/// file and line
StreamSummary prequential(const std::string& path, ReadOptions read, const StreamOptions& options);

/// The summary as the JSON document of docs/streams.md.
std::string to_json(const StreamSummary& summary);

}  // namespace lowrank
