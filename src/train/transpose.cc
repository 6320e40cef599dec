#include "train/transpose.h"

#include <algorithm>

namespace lowrank {

namespace {

/// Users in pieces of about equal numbers of ratings: the first user of each, and one past the last. A stable sort comes out the same for
/// any pieces, so their number may follow the threads.
std::vector<std::uint32_t> cut_users(const Ratings& ratings, std::size_t pieces) {
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  std::vector<std::uint32_t> begins;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const auto first = std::lower_bound(offsets.begin(), offsets.end() - 1, ratings.size() / pieces * piece);
    begins.push_back(static_cast<std::uint32_t>(first - offsets.begin()));
  }
  begins.front() = 0;
  begins.push_back(ratings.user_count());
  return begins;
}

}  // namespace

ByItem transpose(const Ratings& ratings, Workers& workers) {
  constexpr std::size_t kMostPieces = 16;
  const std::size_t items = ratings.item_count();
  const std::size_t pieces = std::min(kMostPieces, static_cast<std::size_t>(workers.count()));
  const std::vector<std::uint32_t> begins = cut_users(ratings, pieces);
  const std::span<const std::size_t> rows = ratings.row_offsets();

  ByItem result;
  result.offsets.assign(items + 1, 0);
  result.users = PageArray<std::uint32_t>(ratings.size());
  result.value_table.assign(ratings.value_table().begin(), ratings.value_table().end());
  if (ratings.coded()) {
    result.codes = PageArray<std::uint8_t>(ratings.size());
  } else {
    result.values = PageArray<float>(ratings.size());
  }
  const float* weights = ratings.weights().data();
  if (ratings.has_weights()) result.weights = PageArray<float>(ratings.size());

  // How many ratings of each item each piece has, then where the piece's first one goes.
  std::vector<std::vector<std::size_t>> places(pieces);
  workers.for_each(pieces, [&](std::size_t piece, int) {
    places[piece].assign(items, 0);
    for (std::size_t at = rows[begins[piece]]; at < rows[begins[piece + 1]]; ++at) ++places[piece][ratings.items()[at]];
  });
  std::size_t next = 0;
  for (std::size_t item = 0; item < items; ++item) {
    result.offsets[item] = next;
    for (std::vector<std::size_t>& place : places) {
      const std::size_t count = place[item];
      place[item] = next;
      next += count;
    }
  }
  result.offsets[items] = next;

  workers.for_each(pieces, [&](std::size_t piece, int) {
    std::vector<std::size_t>& place = places[piece];
    for (std::uint32_t user = begins[piece]; user < begins[piece + 1]; ++user) {
      for (std::size_t at = rows[user]; at < rows[user + 1]; ++at) {
        const std::size_t to = place[ratings.items()[at]]++;
        result.users[to] = user;
        if (ratings.coded()) {
          result.codes[to] = ratings.codes()[at];
        } else {
          result.values[to] = ratings.values()[at];
        }
        if (weights != nullptr) result.weights[to] = weights[at];
      }
    }
  });
  return result;
}

}  // namespace lowrank
