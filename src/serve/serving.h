#pragma once

/// \file
/// One model prepared for answers, and the slot that holds the model in service.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/model/contexts.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/recommender.h"
#include "recommend/fold_in_solver.h"
#include "recommend/rank_rows.h"
#include "recommend/row_screen.h"
#include "serve/catalogue.h"
#include "serve/shared_slot.h"

namespace lowrank::serve {

/// Which items may be listed. Those that are not available never are.
struct Filter {
  std::vector<std::string> categories;  ///< any of them; empty for all
  std::uint32_t min_count = 1;          ///< fewest ratings of an item: in training for a model's lists, now for the popular ones
  std::optional<std::vector<std::string>> items = {};  ///< the only ones

  /// A text that differs where filters do.
  [[nodiscard]] std::string key() const;
};

/// What a filter asks of the items of the catalogue themselves.
class RecordFilter {
 public:
  RecordFilter(const Filter& filter, const Catalogue::View& view);
  /// Whether an item is available, and of a category that is asked for.
  [[nodiscard]] bool admits(const ItemRecord& item) const;

 private:
  bool every_category_;
  std::vector<std::uint8_t> wanted_;  ///< by category
};

/// The items of a model that a filter admits, with what makes many lists of them fast.
class Candidates {
 public:
  /// \param items  of the model, ascending
  Candidates(const Model& model, std::vector<std::uint32_t> items);
  Candidates(const Candidates&) = delete;
  Candidates& operator=(const Candidates&) = delete;

  [[nodiscard]] const std::vector<std::uint32_t>& items() const noexcept { return items_; }
  [[nodiscard]] const RankedRows& ranked() const noexcept { return ranked_; }
  /// What screens for lists of at least `top` items, made when it is first asked for; null where lists are too long for any.
  [[nodiscard]] const RowScreen* screen(std::size_t top) const;
  /// Counts a use. \return the number of uses before it
  std::uint64_t use() const { return uses_.fetch_add(1); }

 private:
  static constexpr std::array<std::size_t, 3> kTops{16, 128, 1024};
  const Model& model_;
  std::vector<std::uint32_t> items_;
  RankedRows ranked_;
  mutable std::atomic<std::uint64_t> uses_{0};
  mutable std::array<std::once_flag, kTops.size()> once_;
  mutable std::array<std::unique_ptr<RowScreen>, kTops.size()> screens_;
};

/// Points of items on a plane: the first two principal axes of the item factors.
struct ItemMap {
  std::vector<std::uint32_t> items;  ///< of the model, those with the most training ratings first
  std::vector<float> x;              ///< one per item, -1 to 1
  std::vector<float> y;
};

/// A model and everything that its answers need. Does not change; a request keeps the one that it began with.
class Serving {
 public:
  /// \param id  number of the model \param revision  0 for the model as it was trained, more with items that were added since
  /// \param catalogue  gets the items that only the model knows
  Serving(std::int64_t id, unsigned revision, Model model, Catalogue& catalogue);
  /// A model once a context is given. \param base  the model without \param context  what it has \throws OptionError as bind_context()
  Serving(std::shared_ptr<const Serving> base, std::span<const ContextValue> context, Catalogue& catalogue);

  [[nodiscard]] std::int64_t id() const noexcept { return id_; }
  [[nodiscard]] unsigned revision() const noexcept { return revision_; }
  /// Differs for every Serving of the process.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] const Model& model() const noexcept { return model_; }
  [[nodiscard]] const Recommender& recommender() const noexcept { return recommender_; }
  /// Whether a user's ratings change their list.
  [[nodiscard]] bool personal() const noexcept { return folds_ || speaks(); }
  /// Whether items of a history speak for others.
  [[nodiscard]] bool speaks() const noexcept { return model_.neighbours.has_value(); }

  /// The number in the model of an item of the catalogue, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t model_item(std::uint32_t item) const noexcept {
    return item < model_of_.size() ? model_of_[item] : Vocabulary::kUnknown;
  }
  /// The number in the catalogue of an item of the model.
  [[nodiscard]] std::uint32_t catalogue_item(std::uint32_t item) const noexcept { return catalogue_of_[item]; }

  /// The model without the context that it was given, or itself.
  [[nodiscard]] const Serving& without_context() const noexcept { return base_ ? *base_ : *this; }

  /// Solves users by their rows, several at once, and keeps the solutions with the rows. Of a model in a context, users are solved by the
  /// model without it, for their ratings were given in all.
  /// \return one per row; null for a row whose ratings no finite factors fit
  [[nodiscard]] std::vector<std::shared_ptr<const FoldedUser>> fold(std::span<const std::shared_ptr<const UserRow>> rows) const;
  /// The ratings of a row that the model knows the items of, in its numbers.
  void known_ratings(const UserRow& row, std::vector<std::uint32_t>& items, std::vector<float>& values) const;

  /// What a filter admits. Kept for later requests unless it names items.
  [[nodiscard]] std::shared_ptr<const Candidates> candidates(const Filter& filter, const Catalogue::View& view) const;

  [[nodiscard]] const ItemMap& map() const;

 private:
  static constexpr std::size_t kMostFilters = 64;

  std::int64_t id_;
  unsigned revision_;
  std::uint64_t generation_;
  Model model_;
  Recommender recommender_;
  FoldInSolver solver_;
  bool folds_;
  std::shared_ptr<const Serving> base_;  ///< of a model in a context, the model without; else null
  std::vector<double> vector_;           ///< what the context multiplies with users' factors
  std::vector<std::uint32_t> catalogue_of_;
  std::vector<std::uint32_t> model_of_;

  struct Kept {
    std::shared_ptr<const Candidates> candidates;
    std::uint64_t used = 0;
  };
  mutable std::mutex mutex_;
  mutable std::map<std::string, Kept, std::less<>> kept_;
  mutable std::uint64_t kept_version_ = 0;  ///< of the catalogue
  mutable std::uint64_t clock_ = 0;
  mutable std::once_flag mapped_;
  mutable ItemMap map_;
};

/// Holds the model in service. Safe from many threads.
class Slot {
 public:
  [[nodiscard]] std::shared_ptr<const Serving> get() const { return serving_.load(); }
  void put(std::shared_ptr<const Serving> serving) { serving_.store(std::move(serving)); }

 private:
  SharedSlot<const Serving> serving_;
};

}  // namespace lowrank::serve
