#include "cli/figures.h"

#include <algorithm>
#include <array>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank::cli {

void need_uncertainty(const Model& model, const char* option) {
  if (model.centre.predicts_ratings && model.uncertainty) return;
  throw OptionError(option, "needs a model that knows how far ratings lie from its predictions: train it by --method bayes");
}

std::string interval_text(const Interval& interval) {
  constexpr int kDigits = 4;
  return " [" + fixed(interval.low, kDigits) + ", " + fixed(interval.high, kDigits) + "]";
}

void append_json(std::string& text, const Interval& interval) {
  append(text += '[', interval.low);
  append(text += ',', interval.high);
  text += ']';
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t n = 0; n < row.size(); ++n) widths[n] = std::max(widths[n], row[n].size());
  }
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (std::size_t n = 0; n < row.size(); ++n) {
      line += row[n];
      line.append(widths[n] + 2 - row[n].size(), ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

void write_per_user(Results& results, const UserFigures* ratings, const UserFigures* lists, const Pairs& pairs, const Vocabulary& known) {
  const std::array<const UserFigures*, 2> tables{ratings, lists};
  std::string text = "user";
  std::vector<std::uint32_t> users;
  for (const UserFigures* table : tables) {
    if (table == nullptr) continue;
    if (table == ratings) text += "\tratings";
    for (const UserFigure& figure : table->figures) text += "\t" + figure.name;
    users.insert(users.end(), table->users.begin(), table->users.end());
  }
  std::ranges::sort(users);
  users.erase(std::unique(users.begin(), users.end()), users.end());
  std::array<std::size_t, 2> next{};
  for (const std::uint32_t user : users) {
    text += '\n';
    text += pairs.user_id(known, user);
    for (std::size_t n = 0; n < tables.size(); ++n) {
      const UserFigures* table = tables[n];
      if (table == nullptr) continue;
      const bool here = next[n] < table->users.size() && table->users[next[n]] == user;
      if (table == ratings) text += here ? "\t" + fixed(table->weights[next[n]], 0) : "\t";
      for (std::size_t figure = 0; figure < table->figures.size(); ++figure) {
        text += '\t';
        if (here) append(text, table->value(figure, next[n]));
      }
      if (here) ++next[n];
    }
    results.write(text);
    text.clear();
  }
  results.write(text += '\n');
}

}  // namespace lowrank::cli
