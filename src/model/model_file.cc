#include "lowrank/model/model_file.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "lowrank/base/error.h"
#include "model/checksum.h"
#include "model/model_header.h"
#include "model/model_write.h"
#include "model/neighbours_code.h"

namespace lowrank {

namespace {

/// A file or a string, read from its beginning; counts every byte into a checksum.
class Source {
 public:
  explicit Source(RegularFile& file) : file_(&file), left_(file.size()) {}
  explicit Source(std::string_view bytes) : bytes_(bytes), left_(bytes.size()) {}

  /// Bytes that are not read yet.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }
  [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_.value(); }

  /// Reads without counting. \throws ModelFileError when the file has become shorter
  void read_uncounted(char* to, std::size_t size) {
    std::size_t got = size;
    if (file_ != nullptr) {
      got = file_->read(to, size);
    } else {
      std::copy_n(bytes_.data(), size, to);
      bytes_.remove_prefix(size);
    }
    if (got != size) throw ModelFileError("the file became shorter while it was read");
    left_ -= size;
  }
  void count(std::string_view bytes) noexcept { checksum_.update(bytes); }

  /// Reads in pieces, each counted while the processor still holds it.
  template <class T>
  void read(T* to, std::size_t count_of_values) {
    char* bytes = reinterpret_cast<char*>(to);
    for (std::size_t size = count_of_values * sizeof(T); size != 0;) {
      const std::size_t piece = std::min(size, kModelPiece);
      read_uncounted(bytes, piece);
      count({bytes, piece});
      bytes += piece;
      size -= piece;
    }
  }
  /// Counts what is left: the tensors of sections that this version does not know.
  void skip() {
    std::vector<char> piece(std::min<std::uint64_t>(left_, kModelPiece));
    while (left_ != 0) read(piece.data(), std::min<std::uint64_t>(left_, piece.size()));
  }
  template <class T>
  std::vector<T> read_vector(std::uint64_t size) {
    std::vector<T> values(size);
    read(values.data(), values.size());
    return values;
  }

 private:
  RegularFile* file_ = nullptr;
  std::string_view bytes_;
  std::uint64_t left_;
  Checksum checksum_;
};

ParsedHeader read_header(Source& source) {
  if (source.left() < kLengthBytes) throw ModelFileError("not a lowrank model: it is too short");
  std::array<char, kLengthBytes> start{};
  source.read(start.data(), start.size());
  std::uint64_t length = 0;
  for (std::size_t byte = kLengthBytes; byte-- > 0;) length = length << 8U | static_cast<unsigned char>(start[byte]);
  if (length > source.left()) throw ModelFileError("not a lowrank model, or a truncated one");
  if (length > kMaxHeaderBytes) throw ModelFileError("not a lowrank model: its header is too long");
  if ((kLengthBytes + length) % kDataAlignment != 0) throw ModelFileError("not a lowrank model: its header is not padded");

  std::string text(length, '\0');
  source.read_uncounted(text.data(), text.size());
  ParsedHeader header = parse_header(text);
  if (header.data_bytes != source.left()) throw ModelFileError("the file is truncated, or longer than its header says");
  source.count(text.replace(kHeaderStart.size(), kDigits, kDigits, '0'));
  return header;
}

FactorMatrix read_factors(Source& source, std::uint64_t rows, std::uint64_t rank) {
  FactorMatrix matrix(rows, rank);
  if (matrix.rank() == matrix.stride()) {
    source.read(matrix.data(), rows * rank);
    return matrix;
  }
  const std::size_t rows_a_piece = std::max<std::size_t>(1, kModelPiece / sizeof(float) / rank);
  std::vector<float> packed(std::min<std::uint64_t>(rows, rows_a_piece) * rank);
  for (std::size_t begin = 0; begin < rows; begin += rows_a_piece) {
    const std::size_t end = std::min<std::size_t>(rows, begin + rows_a_piece);
    source.read(packed.data(), (end - begin) * rank);
    for (std::size_t row = begin; row < end; ++row) std::copy_n(packed.data() + (row - begin) * rank, rank, matrix.row(row).data());
  }
  return matrix;
}

/// Numbers of ratings; what does not fit is reported in `sound`, for the checksum must speak first.
std::vector<std::uint32_t> read_counts(Source& source, std::uint64_t size, bool& sound) {
  std::vector<std::uint32_t> counts(size);
  std::array<std::uint64_t, 4096> wide{};
  for (std::size_t begin = 0; begin < counts.size(); begin += wide.size()) {
    const std::size_t piece = std::min(wide.size(), counts.size() - begin);
    source.read(wide.data(), piece);
    for (std::size_t i = 0; i < piece; ++i) {
      sound = sound && wide[i] <= std::numeric_limits<std::uint32_t>::max();
      counts[begin + i] = static_cast<std::uint32_t>(wide[i]);
    }
  }
  return counts;
}

void fill(Vocabulary& ids, const std::vector<std::uint64_t>& offsets, const std::vector<char>& characters, const char* whose) {
  const std::string what = std::string("the ids of ") + whose;
  if (offsets.front() != 0 || offsets.back() != characters.size()) throw ModelFileError(what + " do not span their characters");
  for (std::size_t index = 0; index + 1 < offsets.size(); ++index) {
    if (offsets[index] > offsets[index + 1] || offsets[index + 1] > characters.size()) throw ModelFileError(what + " are not in order");
    const std::string_view id(characters.data() + offsets[index], offsets[index + 1] - offsets[index]);
    if (const auto problem = id_problem(id)) throw ModelFileError(what + ": " + std::string(*problem));
    if (ids.add(id) != index) throw ModelFileError(what + " are not distinct");
  }
  ids.shrink_to_fit();
}

/// The tensors of a side's features, before they are checked.
struct ReadFeatures {
  FeatureVectors vectors;
  std::vector<std::uint64_t> name_offsets;
  std::vector<char> names;
  std::vector<char> description;
};

ReadFeatures read_features(Source& source, const FeatureExtent& extent, std::uint64_t rows, std::uint64_t rank, bool& counts_fit) {
  ReadFeatures features;
  FeatureVectors& vectors = features.vectors;
  vectors.factors = read_factors(source, extent.columns, rank);
  vectors.biases = source.read_vector<float>(extent.columns);
  vectors.mean = source.read_vector<float>(extent.mean);
  if (!vectors.mean.empty()) {
    vectors.mean_bias = vectors.mean.back();
    vectors.mean.pop_back();
  }
  features.name_offsets = source.read_vector<std::uint64_t>(extent.columns + 1);
  vectors.counts = read_counts(source, extent.columns, counts_fit);
  features.names = source.read_vector<char>(extent.name_bytes);
  vectors.rows = source.read_vector<std::uint8_t>(rows);
  features.description = source.read_vector<char>(extent.description_bytes);
  return features;
}

FeatureVectors checked(ReadFeatures features) {
  read_description({features.description.data(), features.description.size()}, features.vectors.description);
  fill(features.vectors.description.names, features.name_offsets, features.names, "features");
  return std::move(features.vectors);
}

/// Biases of rows in the levels of several contexts, one context after another.
struct ReadBiases {
  std::vector<float> values;
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> levels;
};

/// The tensors of contexts, before they are checked.
struct ReadContexts {
  FactorMatrix user_factors;
  FactorMatrix item_factors;
  std::vector<float> biases;
  std::vector<std::uint64_t> first_levels;
  std::vector<std::uint64_t> level_offsets;
  std::vector<std::uint32_t> counts;
  std::vector<char> levels;
  FactorMatrix scales;
  ReadBiases user_biases;
  ReadBiases item_biases;
};

ReadContexts read_contexts(Source& source, const ModelExtent& whole, bool& counts_fit) {
  const ContextExtent& extent = whole.contexts;
  const std::uint64_t rank = whole.rank;
  const bool has_parts = extent.has_parts();
  ReadContexts contexts;
  contexts.user_factors = read_factors(source, extent.levels, rank);
  contexts.item_factors = read_factors(source, extent.levels, rank);
  contexts.biases = source.read_vector<float>(extent.levels);
  if (has_parts) {
    contexts.scales = read_factors(source, extent.scales, rank);
    contexts.user_biases.values = source.read_vector<float>(extent.user_biases);
    contexts.item_biases.values = source.read_vector<float>(extent.item_biases);
  }
  contexts.first_levels = source.read_vector<std::uint64_t>(extent.count + 1);
  contexts.level_offsets = source.read_vector<std::uint64_t>(extent.levels + 1);
  contexts.counts = read_counts(source, extent.levels, counts_fit);
  if (has_parts) {
    contexts.user_biases.offsets = source.read_vector<std::uint64_t>(extent.with(&ContextParts::user_biases) * (whole.users + 1));
    contexts.item_biases.offsets = source.read_vector<std::uint64_t>(extent.with(&ContextParts::item_biases) * (whole.items + 1));
    contexts.user_biases.levels = read_counts(source, extent.user_biases, counts_fit);
    contexts.item_biases.levels = read_counts(source, extent.item_biases, counts_fit);
  }
  contexts.levels = source.read_vector<char>(extent.level_bytes);
  return contexts;
}

/// The rows [begin, end) of a matrix.
FactorMatrix rows_of(const FactorMatrix& matrix, std::size_t begin, std::size_t end) {
  FactorMatrix rows(end - begin, matrix.rank());
  for (std::size_t row = begin; row < end; ++row) std::ranges::copy(matrix.row(row), rows.row(row - begin).begin());
  return rows;
}

/// Gives each context its levels.
void divide(const ReadContexts& read, std::vector<ContextVectors>& contexts) {
  const std::vector<std::uint64_t>& first = read.first_levels;
  const std::vector<std::uint64_t>& offsets = read.level_offsets;
  if (first.front() != 0 || first.back() != read.counts.size() || !std::ranges::is_sorted(first) || offsets.front() != 0 ||
      offsets.back() != read.levels.size() || !std::ranges::is_sorted(offsets)) {
    throw ModelFileError("the levels of the contexts are not in order");
  }
  for (std::size_t n = 0; n < contexts.size(); ++n) {
    ContextVectors& own = contexts[n];
    const auto begin = static_cast<std::ptrdiff_t>(first[n]);
    const auto end = static_cast<std::ptrdiff_t>(first[n + 1]);
    own.user_factors = rows_of(read.user_factors, first[n], first[n + 1]);
    own.item_factors = rows_of(read.item_factors, first[n], first[n + 1]);
    own.biases.assign(read.biases.begin() + begin, read.biases.begin() + end);
    own.counts.assign(read.counts.begin() + begin, read.counts.begin() + end);
    std::vector<std::uint64_t> own_offsets;
    for (std::ptrdiff_t level = begin; level <= end; ++level) {
      own_offsets.push_back(offsets[static_cast<std::size_t>(level)] - offsets[first[n]]);
    }
    const auto start = read.levels.begin() + static_cast<std::ptrdiff_t>(offsets[first[n]]);
    fill(own.levels, own_offsets, {start, start + static_cast<std::ptrdiff_t>(own_offsets.back())}, "a context");
  }
}

/// Hands the biases of rows to the contexts that have them. \param rows  of the side
void divide(const ReadBiases& read, std::uint64_t rows, const std::vector<ContextParts>& parts, bool ContextParts::*part,
            LevelBiases ContextVectors::*member, std::vector<ContextVectors>& contexts) {
  std::size_t first = 0;
  std::size_t offset = 0;
  for (std::size_t n = 0; n < contexts.size(); ++n) {
    if (!(parts[n].*part)) continue;
    LevelBiases& own = contexts[n].*member;
    const auto offsets = read.offsets.begin() + static_cast<std::ptrdiff_t>(offset);
    own.offsets.assign(offsets, offsets + static_cast<std::ptrdiff_t>(rows) + 1);
    offset += rows + 1;
    const std::size_t size = own.offsets.back();
    if (size > read.values.size() - first) throw ModelFileError("biases of rows in a context are not in order");
    const auto begin = static_cast<std::ptrdiff_t>(first);
    const auto end = static_cast<std::ptrdiff_t>(first + size);
    own.levels.assign(read.levels.begin() + begin, read.levels.begin() + end);
    own.values.assign(read.values.begin() + begin, read.values.begin() + end);
    first += size;
  }
  if (first != read.values.size()) throw ModelFileError("biases of rows in a context are not in order");
}

/// Hands the scales of all levels, and the biases of rows, to the contexts that have them.
void divide_parts(const ReadContexts& read, const ModelExtent& extent, std::vector<ContextVectors>& contexts) {
  const std::vector<ContextParts>& parts = extent.contexts.parts;
  std::size_t first = 0;
  for (std::size_t n = 0; n < contexts.size(); ++n) {
    if (!parts[n].scales) continue;
    const std::size_t levels = contexts[n].levels.size();
    if (levels == 0 || levels > read.scales.rows() - first) throw ModelFileError("scales of a context that are not those of its levels");
    contexts[n].scales = rows_of(read.scales, first, first + levels);
    first += levels;
  }
  if (first != read.scales.rows()) throw ModelFileError("scales of a context that are not those of its levels");
  divide(read.user_biases, extent.users, parts, &ContextParts::user_biases, &ContextVectors::user_biases, contexts);
  divide(read.item_biases, extent.items, parts, &ContextParts::item_biases, &ContextVectors::item_biases, contexts);
}

/// The first version has no averages: the mean of a side's features was used as one.
void take_average_from_features(Side& side) {
  if (side.prior->history.rows() == 0 || !side.features || (side.features->mean.empty() && side.features->mean_bias == 0)) return;
  side.prior->average = side.features->mean;
  side.prior->average.push_back(side.features->mean_bias);
}

Model read_model(Source& source) {
  ParsedHeader header = read_header(source);
  const ModelExtent& extent = header.extent;
  Model& model = header.model;
  model.users.factors = read_factors(source, extent.users, extent.rank);
  model.items.factors = read_factors(source, extent.items, extent.rank);
  if (extent.history_factors) model.history_factors = read_factors(source, extent.items, extent.rank);
  if (extent.row_priors) {
    const std::uint64_t size = extent.rank + 1;
    RowPrior users{.precision = read_factors(source, size, size)};
    RowPrior items{.precision = read_factors(source, size, size)};
    if (extent.row_priors->user_history != 0) users.history = read_factors(source, extent.row_priors->user_history, size);
    if (extent.row_priors->item_history != 0) items.history = read_factors(source, extent.row_priors->item_history, size);
    users.average = source.read_vector<float>(extent.row_priors->user_average);
    items.average = source.read_vector<float>(extent.row_priors->item_average);
    model.users.prior = std::move(users);
    model.items.prior = std::move(items);
  }
  model.users.biases = source.read_vector<float>(extent.users);
  model.items.biases = source.read_vector<float>(extent.items);
  auto history_values = source.read_vector<float>(extent.history_values);
  auto neighbour_weights = source.read_vector<float>(extent.neighbour_weights);
  const auto user_id_offsets = source.read_vector<std::uint64_t>(extent.users + 1);
  const auto item_id_offsets = source.read_vector<std::uint64_t>(extent.items + 1);
  bool counts_fit = true;
  model.users.counts = read_counts(source, extent.users, counts_fit);
  model.items.counts = read_counts(source, extent.items, counts_fit);
  auto history_offsets = source.read_vector<std::uint64_t>(extent.history_offsets);
  CodedRows neighbours{.offsets = source.read_vector<std::uint64_t>(extent.neighbour_offsets), .bytes = {}};
  const auto user_ids = source.read_vector<char>(extent.user_id_bytes);
  const auto item_ids = source.read_vector<char>(extent.item_id_bytes);
  auto history_bytes = source.read_vector<std::uint8_t>(extent.history_bytes);
  auto history_codes = source.read_vector<std::uint8_t>(extent.history_codes);
  neighbours.bytes = source.read_vector<std::uint8_t>(extent.neighbour_bytes);
  std::optional<ReadFeatures> user_features;
  std::optional<ReadFeatures> item_features;
  if (extent.user_features) user_features = read_features(source, *extent.user_features, extent.users, extent.rank, counts_fit);
  if (extent.item_features) item_features = read_features(source, *extent.item_features, extent.items, extent.rank, counts_fit);
  if (extent.uncertainty) {
    RowVariances& users = model.uncertainty->users;
    RowVariances& items = model.uncertainty->items;
    users.factors = read_factors(source, extent.users + 1, extent.rank);
    items.factors = read_factors(source, extent.items + 1, extent.rank);
    users.biases = source.read_vector<float>(extent.users + 1);
    items.biases = source.read_vector<float>(extent.items + 1);
    users.noise = source.read_vector<float>(extent.uncertainty->user_noise);
    items.noise = source.read_vector<float>(extent.uncertainty->item_noise);
    model.uncertainty->quantiles = source.read_vector<float>(extent.uncertainty->quantiles);
  }
  std::optional<ReadContexts> contexts;
  if (extent.contexts.count != 0) contexts = read_contexts(source, extent, counts_fit);
  source.skip();
  if (hex_digits(source.checksum()) != header.checksum)
    throw ModelFileError("the checksum does not match: the file is damaged or was altered");

  // From here on only a file made to deceive, or a bug, can be wrong.
  if (!counts_fit) throw ModelFileError("a number of ratings is out of range");
  fill(model.users.ids, user_id_offsets, user_ids, "users");
  fill(model.items.ids, item_id_offsets, item_ids, "items");
  if (user_features) model.users.features = checked(*std::move(user_features));
  if (item_features) model.items.features = checked(*std::move(item_features));
  if (extent.row_priors && !extent.row_priors->averages) {
    for (Side* side : {&model.users, &model.items}) take_average_from_features(*side);
  }
  if (contexts) {
    divide(*contexts, model.contexts);
    divide_parts(*contexts, extent, model.contexts);
  }
  model.history = History(std::move(history_bytes), std::move(history_offsets), model.items.ids.size(), std::move(history_codes),
                          std::move(history_values));
  if (extent.neighbour_offsets != 0) model.neighbours = decode_rows(neighbours, std::move(neighbour_weights), header.neighbour_rule);
  if (header.complete) header.complete(model);
  if (const auto problem = model_problem(model)) throw ModelFileError(*problem);
  return std::move(header.model);
}

Model read_named(Source source, const std::string& name) {
  try {
    return read_model(source);
  } catch (const ModelFileError& error) {
    throw ModelFileError(name + ": " + error.what());
  } catch (const DataError& error) {
    throw ModelFileError(name + ": " + error.what());
  }
}

}  // namespace

void save_model(const Model& model, const std::string& path) {
  std::optional<AtomicFile> file;
  write_model(
      model, [&](std::uint64_t) { file.emplace(path); }, [&](std::string_view bytes) { file->write(bytes); });
  file->commit();
}

Model load_model(const std::string& path) {
  RegularFile file(path);
  return read_named(Source(file), path);
}

std::string serialize_model(const Model& model) {
  std::string bytes;
  write_model(
      model, [&](std::uint64_t size) { bytes.reserve(size); }, [&](std::string_view more) { bytes += more; });
  return bytes;
}

Model deserialize_model(std::string_view bytes, const std::string& name) { return read_named(Source(bytes), name); }

}  // namespace lowrank
