#include "serve/serving.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "kernels/eigen.h"
#include "model/context_scores.h"

namespace lowrank::serve {

namespace {

std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> generation{0};
  return ++generation;
}

FoldInSolver solver_of(const Model& model) {
  Workers workers;
  return {model, FoldInSide::users, workers};
}

/// The items that a filter admits, of those of the model.
std::vector<std::uint32_t> admitted(const Filter& filter, const Serving& serving, const Catalogue::View& view) {
  const Side& side = serving.model().items;
  const RecordFilter records(filter, view);
  std::vector<std::uint32_t> items;
  const auto add = [&](std::uint32_t item) {
    if (!side.knows(item) || !records.admits(view.items()[serving.catalogue_item(item)])) return;
    if (filter.min_count <= 1 || side.counts[item] >= filter.min_count) items.push_back(item);
  };
  if (!filter.items) {
    for (std::uint32_t item = 0; item < side.size(); ++item) add(item);
    return items;
  }
  std::vector<std::uint32_t> named;
  for (const std::string& id : *filter.items) {
    const std::uint32_t item = serving.model_item(view.item(id));
    if (item != Vocabulary::kUnknown) named.push_back(item);
  }
  std::ranges::sort(named);
  named.erase(std::unique(named.begin(), named.end()), named.end());
  for (const std::uint32_t item : named) add(item);
  return items;
}

/// The covariance of the rows `items`, rank x rank, and their mean.
std::vector<double> covariance_of(const FactorMatrix& factors, std::span<const std::uint32_t> items, std::vector<double>& mean) {
  const std::size_t rank = factors.rank();
  mean.assign(rank, 0);
  for (const std::uint32_t item : items) {
    for (std::size_t k = 0; k < rank; ++k) mean[k] += static_cast<double>(factors.row(item)[k]);
  }
  for (double& sum : mean) sum /= static_cast<double>(std::max<std::size_t>(items.size(), 1));
  std::vector<double> covariance(rank * rank);
  std::vector<double> centred(rank);
  for (const std::uint32_t item : items) {
    for (std::size_t k = 0; k < rank; ++k) centred[k] = static_cast<double>(factors.row(item)[k]) - mean[k];
    for (std::size_t k = 0; k < rank; ++k) {
      for (std::size_t l = 0; l < rank; ++l) covariance[k * rank + l] += centred[k] * centred[l];
    }
  }
  return covariance;
}

}  // namespace

std::string Filter::key() const {
  std::string key = std::to_string(min_count);
  std::vector<std::string> sorted = categories;
  std::ranges::sort(sorted);
  // With their lengths: no name can look like two.
  for (const std::string& own : sorted) key.append(1, ' ').append(std::to_string(own.size())).append(1, ':').append(own);
  if (!items) return key;
  key += '|';
  for (const std::string& own : *items) key.append(std::to_string(own.size())).append(1, ':').append(own);
  return key;
}

RecordFilter::RecordFilter(const Filter& filter, const Catalogue::View& view)
    : every_category_(filter.categories.empty()), wanted_(view.categories()) {
  for (const std::string& name : filter.categories) {
    if (const std::uint32_t number = view.category(name); number != Vocabulary::kUnknown) wanted_[number] = 1;
  }
}

bool RecordFilter::admits(const ItemRecord& item) const {
  if (!item.available || item.removed) return false;
  return every_category_ || std::ranges::any_of(item.categories, [this](std::uint32_t category) { return wanted_[category] != 0; });
}

Candidates::Candidates(const Model& model, std::vector<std::uint32_t> items)
    : model_(model), items_(std::move(items)), ranked_{.rows = model.items.factors, .candidates = items_, .offsets = model.items.biases} {
  // The sum of score(), term by term in its order: a list shows what score() gives.
  ranked_.rate = [&biases = model.items.biases](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots,
                                                std::span<float> scores) {
    for (std::size_t n = 0; n < indices.size(); ++n) {
      scores[n] = finite_score(query.base + static_cast<double>(biases[indices[n]]) + static_cast<double>(dots[n]));
    }
  };
}

const RowScreen* Candidates::screen(std::size_t top) const {
  constexpr std::uint32_t kSample = 64;
  for (std::size_t n = 0; n < kTops.size(); ++n) {
    if (kTops[n] < top) continue;
    std::call_once(once_[n], [&] {
      std::vector<RankQuery> sample;
      const Side& users = model_.users;
      for (std::uint32_t user = 0; user < users.size() && sample.size() < kSample && model_.rank() != 0; ++user) {
        if (!users.knows(user)) continue;
        sample.emplace_back();
        sample.back().vector = users.factors.row(user).data();
      }
      // One thread: this may be asked by several that compute lists.
      Workers alone(1);
      screens_[n] = std::make_unique<RowScreen>(ranked_, std::min(kTops[n], items_.size()), sample, alone);
    });
    return screens_[n].get();
  }
  return nullptr;
}

Serving::Serving(std::int64_t id, unsigned revision, Model model, Catalogue& catalogue)
    : id_(id),
      revision_(revision),
      generation_(next_generation()),
      model_(std::move(model)),
      recommender_(model_),
      solver_(solver_of(model_)),
      folds_(!std::holds_alternative<NoFoldIn>(model_.fold_in)),
      catalogue_of_(catalogue.numbers_of(model_.items.ids)) {
  const auto most = std::ranges::max_element(catalogue_of_);
  model_of_.assign(most == catalogue_of_.end() ? 0 : std::size_t{*most} + 1, Vocabulary::kUnknown);
  for (std::uint32_t item = 0; item < catalogue_of_.size(); ++item) model_of_[catalogue_of_[item]] = item;
}

Serving::Serving(std::shared_ptr<const Serving> base, std::span<const ContextValue> context, Catalogue& catalogue)
    : Serving(base->id(), base->revision(), bind_context(base->model(), context), catalogue) {
  const std::vector<KnownLevel> levels = known_levels(base->model(), context);
  vector_ = user_vector(base->model(), levels);
  // The same for the same levels: pages and tags outlive the model that was made for them.
  generation_ = base->generation();
  for (const KnownLevel& known : levels) generation_ = mix64(generation_ ^ mix64((std::uint64_t{known.context} << 32U) + known.level + 1));
  base_ = std::move(base);
}

void Serving::known_ratings(const UserRow& row, std::vector<std::uint32_t>& items, std::vector<float>& values) const {
  items.clear();
  values.clear();
  for (const RatedItem& rating : row.ratings) {
    const std::uint32_t item = model_item(rating.item);
    if (item == Vocabulary::kUnknown || !model_.items.knows(item)) continue;
    items.push_back(item);
    values.push_back(rating.value);
  }
}

std::vector<std::shared_ptr<const FoldedUser>> Serving::fold(std::span<const std::shared_ptr<const UserRow>> rows) const {
  if (base_) {
    std::vector<std::shared_ptr<const FoldedUser>> users = base_->fold(rows);
    for (std::shared_ptr<const FoldedUser>& user : users) {
      if (!user) continue;
      auto own = std::make_shared<FoldedUser>(*user);
      own->generation = generation_;
      double bias = static_cast<double>(own->row.bias);
      for (std::size_t k = 0; k < vector_.size(); ++k) bias += vector_[k] * static_cast<double>(own->row.factors[k]);
      own->row.bias = finite_score(bias);
      user = std::move(own);
    }
    return users;
  }
  std::vector<std::shared_ptr<const FoldedUser>> folded(rows.size());
  std::vector<std::size_t> solved;
  FoldInRows problems;
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    folded[n] = rows[n]->folded.load();
    if (folded[n] && folded[n]->generation == generation_) continue;
    known_ratings(*rows[n], items, values);
    if (speaks()) {
      auto user = std::make_shared<FoldedUser>();
      user->generation = generation_;
      user->known = !items.empty();
      try {
        user->row = recommender_.fold_in_user(items, values);
        folded[n] = user;
      } catch (const DataError&) {
        folded[n] = nullptr;
      }
      if (folded[n]) rows[n]->folded.store(folded[n]);
      continue;
    }
    add_row(model_.items, items, values, problems);
    solved.push_back(n);
  }
  if (solved.empty()) return folded;
  Workers alone(1);
  FactorMatrix factors(problems.size(), model_.rank());
  std::vector<float> biases(problems.size());
  solver_.solve(problems, alone, factors, biases);
  for (std::size_t at = 0; at < solved.size(); ++at) {
    folded[solved[at]] = nullptr;
    if (!is_finite(factors.row(at), biases[at])) continue;
    auto user = std::make_shared<FoldedUser>();
    user->generation = generation_;
    user->known = problems.offsets[at + 1] != problems.offsets[at];
    user->row.factors.assign(factors.row(at).begin(), factors.row(at).end());
    user->row.bias = biases[at];
    folded[solved[at]] = user;
    rows[solved[at]]->folded.store(folded[solved[at]]);
  }
  return folded;
}

std::shared_ptr<const Candidates> Serving::candidates(const Filter& filter, const Catalogue::View& view) const {
  if (filter.items) return std::make_shared<Candidates>(model_, admitted(filter, *this, view));
  const std::string key = filter.key();
  std::unique_lock<std::mutex> lock(mutex_);
  if (kept_version_ != view.listed_version()) {
    kept_.clear();
    kept_version_ = view.listed_version();
  }
  if (const auto known = kept_.find(key); known != kept_.end()) {
    known->second.used = ++clock_;
    return known->second.candidates;
  }
  // Lists of other filters go on meanwhile. The view holds off changes of what may be listed.
  lock.unlock();
  auto made = std::make_shared<const Candidates>(model_, admitted(filter, *this, view));
  lock.lock();
  Kept& own = kept_[key];
  own.used = ++clock_;
  if (!own.candidates) own.candidates = std::move(made);
  std::shared_ptr<const Candidates> result = own.candidates;
  if (kept_.size() > kMostFilters) {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; }));
  }
  return result;
}

const ItemMap& Serving::map() const {
  std::call_once(mapped_, [&] {
    const Side& side = model_.items;
    for (std::uint32_t item = 0; item < side.size(); ++item) {
      if (side.knows(item)) map_.items.push_back(item);
    }
    std::ranges::stable_sort(map_.items, std::greater{}, [&](std::uint32_t item) { return side.counts[item]; });
    const std::size_t rank = model_.rank();
    map_.x.assign(map_.items.size(), 0);
    map_.y.assign(map_.items.size(), 0);
    if (rank == 0 || map_.items.empty()) return;
    std::vector<double> mean;
    std::vector<double> axes = covariance_of(side.factors, map_.items, mean);
    Workers alone(1);
    symmetric_eigen(axes, rank, alone);
    // The axes come in ascending order of the variance along them.
    const auto fill = [&](std::size_t axis, std::vector<float>& to) {
      if (axis >= rank) return;
      const double* vector = axes.data() + (rank - 1 - axis) * rank;
      // The sign of an axis is arbitrary: its greatest number is positive, so that equal models have equal maps.
      const double* greatest = std::max_element(vector, vector + rank, [](double a, double b) { return std::abs(a) < std::abs(b); });
      const double sign = *greatest < 0 ? -1 : 1;
      double most = 0;
      std::vector<double> places(map_.items.size());
      for (std::size_t n = 0; n < places.size(); ++n) {
        for (std::size_t k = 0; k < rank; ++k) places[n] += (static_cast<double>(side.factors.row(map_.items[n])[k]) - mean[k]) * vector[k];
        most = std::max(most, std::abs(places[n]));
      }
      for (std::size_t n = 0; n < places.size(); ++n) to[n] = most > 0 ? static_cast<float>(sign * places[n] / most) : 0.0F;
    };
    fill(0, map_.x);
    fill(1, map_.y);
  });
  return map_;
}

}  // namespace lowrank::serve
