#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "lowrank/model/model.h"
#include "model/checksum.h"

namespace lowrank {

namespace {

constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
/// Users that one task takes. Part of the fingerprint's definition: chunks are hashed apart and then combined in order.
constexpr std::size_t kChunk = 1024;

std::uint64_t combine(std::uint64_t state, std::uint64_t word) { return mix64((state ^ word) + kStep); }

/// Characters and lengths: `ab`, `c` differ from `a`, `bc`.
std::uint64_t hash_ids(const Vocabulary& ids) {
  Checksum characters;
  characters.update(ids.characters());
  std::uint64_t state = combine(ids.size(), characters.value());
  for (const std::uint64_t offset : ids.offsets()) state = combine(state, offset);
  return state;
}

/// The keys of the first places of a row, which all rows share.
constexpr auto kKeys = [] {
  std::array<std::uint64_t, 1024> keys{};
  for (std::size_t place = 0; place < keys.size(); ++place) keys[place] = mix64((place + 1) * kStep);
  return keys;
}();

/// A sum of mixed words, each keyed by its place in the row: what comes before need not be waited for.
template <class Value>
std::uint64_t hash_row(const Ratings& ratings, std::size_t begin, std::size_t end, const Value& value) {
  const std::uint32_t* items = ratings.items().data();
  const auto word = [&](std::size_t position) {
    return items[position] | static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(value(position))) << 32U;
  };
  std::uint64_t sum = 0;
  const std::size_t known = std::min(end - begin, kKeys.size());
  for (std::size_t place = 0; place < known; ++place) sum += mix64(word(begin + place) ^ kKeys[place]);
  for (std::size_t place = known; place < end - begin; ++place) sum += mix64(word(begin + place) ^ mix64((place + 1) * kStep));
  return sum;
}

std::uint64_t hash_users(const Ratings& ratings, std::size_t first, std::size_t last) {
  const auto hash = [&](const auto& value) {
    std::uint64_t state = 0;
    for (std::size_t user = first; user < last; ++user) {
      const std::size_t begin = ratings.row_offsets()[user];
      const std::size_t end = ratings.row_offsets()[user + 1];
      state = combine(combine(state, end - begin), hash_row(ratings, begin, end, value));
    }
    return state;
  };
  // A coded value counts as the value it stands for, so that the same ratings in either form are the same data.
  if (!ratings.coded()) return hash([values = ratings.values().data()](std::size_t position) { return values[position]; });
  return hash(
      [table = ratings.value_table().data(), codes = ratings.codes().data()](std::size_t position) { return table[codes[position]]; });
}

std::uint64_t hash_text(std::string_view text) {
  Checksum characters;
  characters.update(text);
  return combine(text.size(), characters.value());
}

/// Of the names and levels of each situation, so that the order in which a file has them does not count.
std::vector<std::uint64_t> hash_situations(const Situations& situations) {
  std::vector<std::vector<std::uint64_t>> levels;
  for (const ContextColumn& column : situations.columns) {
    std::vector<std::uint64_t>& own = levels.emplace_back();
    const std::uint64_t name = hash_text(column.name);
    for (std::uint32_t level = 0; level < column.levels.size(); ++level) own.push_back(combine(name, hash_text(column.levels.id(level))));
  }
  std::vector<std::uint64_t> hashes;
  for (std::uint32_t situation = 0; situation < situations.size(); ++situation) {
    std::uint64_t state = situations.columns.size();
    for (std::size_t column = 0; column < levels.size(); ++column) {
      const std::uint16_t level = situations.levels(situation)[column];
      state = combine(state, level < levels[column].size() ? levels[column][level] : 0);
    }
    hashes.push_back(state);
  }
  return hashes;
}

}  // namespace

std::string fingerprint(const Vocabulary& users, const Vocabulary& items, const Ratings& ratings, int threads,
                        const Situations* situations) {
  const std::size_t user_count = ratings.user_count();
  std::vector<std::uint64_t> chunks((user_count + kChunk - 1) / kChunk);
  Workers(threads).for_ranges(user_count, kChunk,
                              [&](std::size_t begin, std::size_t end, int) { chunks[begin / kChunk] = hash_users(ratings, begin, end); });
  std::uint64_t state = combine(ratings.size(), ratings.item_count());
  state = combine(state, user_count);
  state = combine(state, hash_ids(users));
  state = combine(state, hash_ids(items));
  for (const std::uint64_t chunk : chunks) state = combine(state, chunk);
  for (const float weight : ratings.weights()) state = combine(state, std::bit_cast<std::uint32_t>(weight));
  if (ratings.has_situations() && situations != nullptr) {
    const std::vector<std::uint64_t> hashes = hash_situations(*situations);
    for (std::size_t position = 0; position < ratings.size(); ++position) state = combine(state, hashes[ratings.situation(position)]);
  }
  return hex_digits(state);
}

}  // namespace lowrank
