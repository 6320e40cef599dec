#include "lowrank/model/model_file.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "base/file.h"
#include "lowrank/base/error.h"
#include "model/checksum.h"
#include "model/model_header.h"
#include "model/neighbours_code.h"

namespace lowrank {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18U;

using Sink = std::function<void(std::string_view)>;

template <class T>
std::string_view as_bytes(const T* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

template <class T>
std::string_view as_bytes(std::span<const T> values) {
  return as_bytes(values.data(), values.size());
}

// ---- writing

void emit(const FactorMatrix& matrix, const Sink& sink) {
  if (matrix.rank() == matrix.stride()) {
    sink(as_bytes(matrix.data(), matrix.rows() * matrix.rank()));
    return;
  }
  std::string packed;
  packed.reserve(kPiece + matrix.rank() * sizeof(float));
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    packed += as_bytes(matrix.row(row));
    if (packed.size() >= kPiece) {
      sink(packed);
      packed.clear();
    }
  }
  sink(packed);
}

void emit(const std::vector<std::uint32_t>& counts, const Sink& sink) {
  std::array<std::int64_t, 4096> wide{};
  for (std::size_t begin = 0; begin < counts.size(); begin += wide.size()) {
    const std::size_t size = std::min(wide.size(), counts.size() - begin);
    std::copy_n(counts.begin() + static_cast<std::ptrdiff_t>(begin), size, wide.begin());
    sink(as_bytes(wide.data(), size));
  }
}

/// Hands over the bytes of all tensors in the order of tensor_places(). \param neighbours  the rows of the model's, encoded
void emit_tensors(const Model& model, const CodedRows& neighbours, const Sink& sink) {
  emit(model.users.factors, sink);
  emit(model.items.factors, sink);
  emit(model.history_factors, sink);
  sink(as_bytes(std::span<const float>(model.users.biases)));
  sink(as_bytes(std::span<const float>(model.items.biases)));
  sink(as_bytes(model.history.values()));
  if (model.neighbours) sink(as_bytes(model.neighbours->weights()));
  sink(as_bytes(model.users.ids.offsets()));
  sink(as_bytes(model.items.ids.offsets()));
  emit(model.users.counts, sink);
  emit(model.items.counts, sink);
  sink(as_bytes(model.history.offsets()));
  sink(as_bytes(std::span<const std::uint64_t>(neighbours.offsets)));
  sink(model.users.ids.characters());
  sink(model.items.ids.characters());
  sink(as_bytes(model.history.bytes()));
  sink(as_bytes(model.history.codes()));
  sink(as_bytes(std::span<const std::uint8_t>(neighbours.bytes)));
}

/// What begin() is told before anything is handed over: the size of the file.
using Begin = std::function<void(std::uint64_t size)>;

/// Hands over the file of `model`. A pass over the tensors goes before, for the checksum stands in front of them.
void emit_file(const Model& model, const Begin& begin, const Sink& sink) {
  if (const auto problem = model_problem(model)) throw Error("cannot write the model: " + *problem);
  CodedRows neighbours;
  if (model.neighbours) neighbours = encode_rows(*model.neighbours);
  ModelExtent extent = extent_of(model);
  extent.neighbour_bytes = neighbours.bytes.size();
  std::string header = make_header(model, extent);
  Checksum checksum;
  checksum.update(header);
  emit_tensors(model, neighbours, [&](std::string_view bytes) { checksum.update(bytes); });
  header.replace(kDigitsPosition, kDigits, hex_digits(checksum.value()));
  begin(header.size() + tensor_places(extent).back().end);
  sink(header);
  emit_tensors(model, neighbours, sink);
}

// ---- reading

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
      const std::size_t piece = std::min(size, kPiece);
      read_uncounted(bytes, piece);
      count({bytes, piece});
      bytes += piece;
      size -= piece;
    }
  }
  /// Counts what is left: the tensors of sections that this version does not know.
  void skip() {
    std::vector<char> piece(std::min<std::uint64_t>(left_, kPiece));
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
  const std::size_t rows_a_piece = std::max<std::size_t>(1, kPiece / sizeof(float) / rank);
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

Model read_model(Source& source) {
  ParsedHeader header = read_header(source);
  const ModelExtent& extent = header.extent;
  Model& model = header.model;
  model.users.factors = read_factors(source, extent.users, extent.rank);
  model.items.factors = read_factors(source, extent.items, extent.rank);
  if (extent.history_factors) model.history_factors = read_factors(source, extent.items, extent.rank);
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
  source.skip();
  if (hex_digits(source.checksum()) != header.checksum)
    throw ModelFileError("the checksum does not match: the file is damaged or was altered");

  // From here on only a file made to deceive, or a bug, can be wrong.
  if (!counts_fit) throw ModelFileError("a number of ratings is out of range");
  fill(model.users.ids, user_id_offsets, user_ids, "users");
  fill(model.items.ids, item_id_offsets, item_ids, "items");
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
  emit_file(
      model, [&](std::uint64_t) { file.emplace(path); }, [&](std::string_view bytes) { file->write(bytes); });
  file->commit();
}

Model load_model(const std::string& path) {
  RegularFile file(path);
  return read_named(Source(file), path);
}

std::string serialize_model(const Model& model) {
  std::string bytes;
  emit_file(
      model, [&](std::uint64_t size) { bytes.reserve(size); }, [&](std::string_view more) { bytes += more; });
  return bytes;
}

Model deserialize_model(std::string_view bytes, const std::string& name) { return read_named(Source(bytes), name); }

}  // namespace lowrank
