#include "train/renew_neighbours.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "model/neighbours_code.h"
#include "train/correction.h"
#include "train/neighbour_addition.h"
#include "train/residual_neighbours.h"

namespace lowrank {

namespace {

NeighbourRow row_of(const Neighbours& neighbours, std::uint32_t row) {
  return {.items = {neighbours.items_of(row).begin(), neighbours.items_of(row).end()},
          .weights = {neighbours.weights_of(row).begin(), neighbours.weights_of(row).end()}};
}

/// The touched rows of `fresh`, the others of `old`, which has fewer rows at most.
Neighbours mixed(const Neighbours& old, const Neighbours& fresh, std::span<const std::uint8_t> touched, const NeighbourRule& rule) {
  std::vector<NeighbourRow> rows(fresh.rows());
  for (std::uint32_t row = 0; row < fresh.rows(); ++row) rows[row] = row_of(touched[row] != 0 ? fresh : old, row);
  return joined(rows, rule);
}

/// By how much old weights exceed fresh ones: the middle of their ratios, which most updates leave alone.
double scale_of(const Neighbours& old, const Neighbours& fresh, std::span<const std::uint8_t> touched) {
  std::vector<double> ratios;
  const auto gather = [&](bool all) {
    for (std::uint32_t row = 0; row < fresh.rows(); ++row) {
      if (!all && touched[row] != 0) continue;
      for (std::size_t n = 0; n < old.items_of(row).size(); ++n) {
        const float weight = fresh.weight(row, old.items_of(row)[n]);
        if (weight > 0) ratios.push_back(static_cast<double>(old.weights_of(row)[n]) / static_cast<double>(weight));
      }
    }
  };
  gather(false);
  if (ratios.empty()) gather(true);
  if (ratios.empty()) return 1;
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::ranges::nth_element(ratios, middle);
  return *middle;
}

void renew_corrections(Model& model, const Ratings& ratings, const NeighbourCorrection::Settings& settings,
                       std::span<const std::uint8_t> touched, Workers& workers) {
  const ResidualNeighbourOptions found_by = NeighbourCorrection::found_by(settings);
  const Neighbours fresh =
      settings.similarity == CorrectionSimilarity::pearson
          ? pearson_neighbours(ratings, baseline_of(ratings, model, workers.count()), found_by, workers)
          : factor_neighbours(model.items.factors, settings.similarity == CorrectionSimilarity::distance, found_by, workers);
  // Row i of the transposed weights has what speaks for item i.
  model.neighbours = transposed(mixed(transposed(*model.neighbours), transposed(fresh), touched, model.neighbours->rule()));
}

void renew_additions(Model& model, const Ratings& ratings, std::uint32_t kept, std::span<const std::uint8_t> touched, Workers& workers) {
  const Neighbours found = added_neighbours(ratings, kept, workers);
  const double scale = scale_of(*model.neighbours, found, touched);
  std::vector<float> weights(found.weights().begin(), found.weights().end());
  for (float& weight : weights) weight = static_cast<float>(static_cast<double>(weight) * scale);
  const Neighbours fresh({found.offsets().begin(), found.offsets().end()}, {found.items().begin(), found.items().end()},
                         std::move(weights));
  model.neighbours = mixed(*model.neighbours, fresh, touched, model.neighbours->rule());
}

}  // namespace

bool learns_neighbours_alone(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return traits_of<Options>().weights_alone; }, method);
}

void renew_neighbours(Model& model, const Ratings& ratings, const Method& method, std::span<const std::uint8_t> touched, Workers& workers) {
  if (!model.neighbours) return;
  std::visit(
      [&]<class Options>(const Options& options) {
        if constexpr (has_correction<Options>()) {
          renew_corrections(model, ratings, NeighbourCorrection::settings_of(options), touched, workers);
        } else if constexpr (requires { options.neighbour_weight; }) {
          renew_additions(model, ratings, options.neighbours, touched, workers);
        }
      },
      method);
}

}  // namespace lowrank
