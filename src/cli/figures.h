#pragma once

#include <span>
#include <string>

#include "cli/results.h"
#include "lowrank/data/ratings.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/model.h"

namespace lowrank::cli {

/// \throws OptionError("`option`") for a model that does not know how far ratings lie from its predictions
void need_uncertainty(const Model& model, const char* option);

/// ` [0.8291, 0.8363]`: four digits, and a blank before.
std::string interval_text(const Interval& interval);
/// Appends `[low,high]`.
void append_json(std::string& text, const Interval& interval);

/// A table of text under construction: rows of cells, each column as wide as its widest cell, two blanks apart.
class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Writes the figures of every user as tab-separated columns with a header: `user`, `ratings` with `rmse` and `mae`, and the metrics of
/// lists. A cell without a figure is empty. \param ratings, lists  null for none; of users in the numbering of `pairs`
/// \param known  the vocabulary that `pairs` refer to
void write_per_user(Results& results, const UserFigures* ratings, const UserFigures* lists, const Pairs& pairs, const Vocabulary& known);

}  // namespace lowrank::cli
