#include "lowrank/model/neighbours.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lowrank/base/error.h"
#include "model/gap_code.h"
#include "model/neighbours_code.h"

namespace lowrank {

namespace {

constexpr const char* kWhat = "neighbours";

[[noreturn]] void refuse_neighbours(const char* problem) { throw DataError(std::string(kWhat) + ": " + problem); }

/// \throws DataError unless `offsets` ascend from 0 to `size`
void check_offsets(std::span<const std::uint64_t> offsets, std::size_t size) {
  if (offsets.empty() ? size != 0 : offsets.front() != 0 || offsets.back() != size) refuse_neighbours("the offsets do not span the items");
  if (!std::ranges::is_sorted(offsets)) refuse_neighbours("the offsets do not ascend");
}

void check_rule(const NeighbourRule& rule) {
  constexpr double kMost = 1e20;
  if (!(rule.damping >= 0 && rule.damping <= kMost) || !(rule.scale >= 0 && rule.scale <= kMost))
    refuse_neighbours("a number of the rule is out of range");
  if (rule.side == NeighbourSide::users && rule.form != NeighbourForm::mean) refuse_neighbours("sums are of items alone");
}

}  // namespace

Neighbours::Neighbours(const Neighbours& other, const NeighbourRule& rule) : Neighbours(other) {
  check_rule(rule);
  rule_ = rule;
}

Neighbours::Neighbours(std::vector<std::uint64_t> offsets, std::vector<std::uint32_t> items, std::vector<float> weights, NeighbourRule rule)
    : offsets_(std::move(offsets)), items_(std::move(items)), weights_(std::move(weights)), rule_(rule) {
  check_offsets(offsets_, items_.size());
  if (weights_.size() != items_.size()) refuse_neighbours("items and weights differ in number");
  for (std::uint32_t row = 0; row < rows(); ++row) {
    std::uint64_t next_possible = 0;
    for (const std::uint32_t item : items_of(row)) {
      if (item < next_possible || item >= rows()) refuse_neighbours("the items of a row do not ascend, or are out of range");
      if (item == row) refuse_neighbours("an item is its own neighbour");
      next_possible = std::uint64_t{item} + 1;
    }
  }
  // Sums of weights stay within the range of floats, and means within that of doubles.
  constexpr float kMostWeight = 1e20F;
  check_rule(rule_);
  if (!std::ranges::all_of(weights_, [](float weight) { return std::abs(weight) <= kMostWeight; }))
    refuse_neighbours("a weight is out of range");
}

float Neighbours::weight(std::uint32_t from, std::uint32_t to) const noexcept {
  const std::span<const std::uint32_t> row = items_of(from);
  const auto found = std::ranges::lower_bound(row, to);
  return found == row.end() || *found != to ? 0.0F : weights_of(from)[static_cast<std::size_t>(found - row.begin())];
}

Neighbours joined(std::vector<NeighbourRow>& rows, const NeighbourRule& rule) {
  std::vector<std::uint64_t> offsets{0};
  for (const NeighbourRow& row : rows) offsets.push_back(offsets.back() + row.items.size());
  std::vector<std::uint32_t> items;
  std::vector<float> weights;
  items.reserve(offsets.back());
  weights.reserve(offsets.back());
  for (NeighbourRow& row : rows) {
    items.insert(items.end(), row.items.begin(), row.items.end());
    weights.insert(weights.end(), row.weights.begin(), row.weights.end());
    row = {};
  }
  return Neighbours(std::move(offsets), std::move(items), std::move(weights), rule);
}

Neighbours transposed(const Neighbours& neighbours) {
  std::vector<std::uint64_t> offsets(std::size_t{neighbours.rows()} + 1);
  for (const std::uint32_t item : neighbours.items()) ++offsets[item + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<std::uint64_t> next(offsets.begin(), offsets.end() - 1);
  std::vector<std::uint32_t> items(neighbours.size());
  std::vector<float> weights(neighbours.size());
  for (std::uint32_t row = 0; row < neighbours.rows(); ++row) {
    const std::span<const std::uint32_t> to = neighbours.items_of(row);
    for (std::size_t n = 0; n < to.size(); ++n) {
      const std::uint64_t place = next[to[n]]++;
      items[place] = row;
      weights[place] = neighbours.weights_of(row)[n];
    }
  }
  return Neighbours(std::move(offsets), std::move(items), std::move(weights), neighbours.rule());
}

CodedRows encode_rows(const Neighbours& neighbours) {
  CodedRows coded;
  if (neighbours.offsets().empty()) return coded;
  coded.offsets.push_back(0);
  for (std::uint32_t row = 0; row < neighbours.rows(); ++row) {
    std::uint32_t next_possible = 0;
    for (const std::uint32_t item : neighbours.items_of(row)) {
      const std::uint32_t value = gap(item, next_possible);
      coded.bytes.resize(coded.bytes.size() + code_length(value));
      encode(value, coded.bytes.data() + coded.bytes.size() - code_length(value));
      next_possible = item + 1;
    }
    coded.offsets.push_back(coded.bytes.size());
  }
  return coded;
}

Neighbours decode_rows(const CodedRows& coded, std::vector<float> weights, const NeighbourRule& rule) {
  check_offsets(coded.offsets, coded.bytes.size());
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> items;
  if (!coded.offsets.empty()) offsets.push_back(0);
  const std::size_t rows = coded.offsets.empty() ? 0 : coded.offsets.size() - 1;
  items.reserve(weights.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint8_t* from = coded.bytes.data() + coded.offsets[row];
    const std::uint8_t* end = coded.bytes.data() + coded.offsets[row + 1];
    check_code(from, end, static_cast<std::uint32_t>(rows), kWhat);
    append_decoded(from, end, items);
    offsets.push_back(items.size());
  }
  return Neighbours(std::move(offsets), std::move(items), std::move(weights), rule);
}

}  // namespace lowrank
