#pragma once

/// \file
/// The rows of a model as vectors for other programs: tables of text, indexes of nearest neighbours.

#include <cstdint>
#include <functional>
#include <string_view>

#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Whose rows.
enum class RowsOf : std::uint8_t { users, items };
/// `users|items`. \throws OptionError("side")
RowsOf parse_rows_of(std::string_view name);

/// Contents of the vectors.
struct VectorOptions {
  RowsOf side = RowsOf::items;
  /// false: the factors. true: two numbers more, by which the dot product of a user's and an item's vector is their score but for the
  /// model's mean: of a user (factors, bias, 1), of an item (factors, 1, bias).
  bool with_bias = false;
};

/// The vectors of one side, rows x rank, or rows x (rank + 2). O(rows rank)
FactorMatrix vectors_of(const Model& model, const VectorOptions& options);

/// The vectors of one side as text: a header, then one line per row in the order of the model. The columns are `item` (or `user`), the id;
/// `ratings`, its training ratings; then `bias` and `factor_1` ..., or with bias in the vectors `vector_1` ... Ids with the separator or a
/// quote are quoted as in CSV. Numbers have the fewest digits that read back as the same float32. \param write  takes the text in pieces
void write_vectors(const Model& model, const VectorOptions& options, char separator, const std::function<void(std::string_view)>& write);

}  // namespace lowrank
