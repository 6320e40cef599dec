#include "lowrank/model/vectors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

const Side& side_of(const Model& model, RowsOf side) { return side == RowsOf::users ? model.users : model.items; }

template <class Number>
void append_number(std::string& text, Number value) {
  std::array<char, 32> digits{};
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_field(std::string& text, std::string_view field, char separator) {
  const std::string_view blanks = " \t";
  const bool quoted =
      field.find('"') != std::string_view::npos || field.find(separator) != std::string_view::npos ||
      (!field.empty() && (blanks.find(field.front()) != std::string_view::npos || blanks.find(field.back()) != std::string_view::npos));
  if (!quoted) {
    text += field;
    return;
  }
  text += '"';
  for (const char letter : field) {
    if (letter == '"') text += '"';
    text += letter;
  }
  text += '"';
}

}  // namespace

RowsOf parse_rows_of(std::string_view name) {
  if (name == "users") return RowsOf::users;
  if (name == "items") return RowsOf::items;
  throw OptionError("side", "must be users or items, got \"" + std::string(name) + "\"");
}

FactorMatrix vectors_of(const Model& model, const VectorOptions& options) {
  const Side& side = side_of(model, options.side);
  if (!options.with_bias) return side.factors;
  const std::size_t rank = model.rank();
  const bool users = options.side == RowsOf::users;
  FactorMatrix vectors(side.size(), rank + 2);
  for (std::uint32_t row = 0; row < side.size(); ++row) {
    const auto vector = vectors.row(row);
    std::ranges::copy(side.factors.row(row), vector.begin());
    vector[rank] = users ? side.biases[row] : 1.0F;
    vector[rank + 1] = users ? 1.0F : side.biases[row];
  }
  return vectors;
}

void write_vectors(const Model& model, const VectorOptions& options, char separator, const std::function<void(std::string_view)>& write) {
  const Side& side = side_of(model, options.side);
  const std::size_t width = options.with_bias ? model.rank() + 2 : model.rank();
  std::string line = options.side == RowsOf::users ? "user" : "item";
  line += separator;
  line += "ratings";
  if (!options.with_bias) (line += separator) += "bias";
  for (std::size_t column = 1; column <= width; ++column) {
    (line += separator) += options.with_bias ? "vector_" : "factor_";
    append_number(line, column);
  }
  write(line += '\n');
  const FactorMatrix vectors = options.with_bias ? vectors_of(model, options) : FactorMatrix();
  for (std::uint32_t row = 0; row < side.size(); ++row) {
    line.clear();
    append_field(line, side.ids.id(row), separator);
    append_number(line += separator, side.counts[row]);
    if (!options.with_bias) append_number(line += separator, side.biases[row]);
    const auto vector = options.with_bias ? vectors.row(row) : side.factors.row(row);
    for (const float value : vector.first(width)) append_number(line += separator, value);
    write(line += '\n');
  }
}

}  // namespace lowrank
