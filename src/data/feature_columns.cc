// How the texts of a table of features become numbers in columns.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "data/number.h"
#include "data/text.h"
#include "data/times.h"
#include "lowrank/base/error.h"
#include "lowrank/data/feature_table.h"

namespace lowrank {

namespace {

using Field = FeatureTable::Field;

constexpr char kListSeparator = '|';
/// Numbers of at most this many different values are words, where there are several rows per value.
constexpr std::size_t kMostCategories = 32;
constexpr std::size_t kRowsPerCategory = 3;
/// Fewer numbers than this are standardised rather than cut.
constexpr std::size_t kLeastBinned = 100;
constexpr std::size_t kBins = 10;
/// A field of at most this many different texts is never left out.
constexpr std::size_t kFewWords = 10;
constexpr std::uint32_t kNone = Vocabulary::kUnknown;

std::optional<double> number_in(std::string_view text) {
  float value = 0;
  if (parse_rating(text, value) == NumberResult::ok || parse_comma_rating(text, value) == NumberResult::ok)
    return static_cast<double>(value);
  return {};
}

/// The year of `01-Jan-1995`, or of a date as ISO 8601 writes it.
std::optional<double> year_in(std::string_view text) {
  constexpr std::string_view kMonths = "jan feb mar apr may jun jul aug sep oct nov dec ";
  const std::size_t first = text.find('-');
  if (first == 1 || first == 2) {
    const std::size_t second = text.find('-', first + 1);
    const auto day = parse_count(text.substr(0, first));
    if (second != first + 4 || !day || *day < 1 || *day > 31) return {};
    std::string month(text.substr(first + 1, 3));
    for (char& c : month) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t found = kMonths.find(month + " ");
    const std::string_view digits = text.substr(second + 1);
    const auto year = parse_count(digits);
    if (found == std::string_view::npos || digits.size() != 4 || !year) return {};
    return static_cast<double>(*year);
  }
  if (!parse_date(text)) return {};
  return number_in(text.substr(0, 4));
}

/// The year of `Toy Story (1995)`.
std::optional<double> year_at_end(std::string_view text) {
  text = trimmed(text);
  constexpr std::size_t kLength = 6;
  if (text.size() < kLength || !text.ends_with(')') || text[text.size() - kLength] != '(') return {};
  const auto year = parse_count(text.substr(text.size() - kLength + 1, 4));
  return year ? std::optional(static_cast<double>(*year)) : std::nullopt;
}

std::optional<double> number_of(std::string_view text, FeatureNumber kind) {
  switch (kind) {
    case FeatureNumber::date:
      return year_in(text);
    case FeatureNumber::year_at_end:
      return year_at_end(text);
    default:
      return number_in(text);
  }
}

/// Calls `take` with every word of a text, without blanks around it.
template <class Take>
void for_each_word(std::string_view text, char separator, const Take& take) {
  if (separator == 0) return take(text);
  while (!text.empty()) {
    const std::string_view word = trimmed(text.substr(0, text.find(separator)));
    text.remove_prefix(std::min(text.size(), text.find(separator) + (text.find(separator) == std::string_view::npos ? 0 : 1)));
    if (!word.empty()) take(word);
  }
}

/// Where a table has a fault.
[[noreturn]] void fail(const FeatureTable& table, std::size_t line, std::size_t row, const std::string& problem) {
  if (line != 0) throw DataError(table.source, line, problem);
  throw DataError("row " + std::to_string(row + 1) + " of the table of features: " + problem);
}

/// The values of a field, as far as they decide what becomes of it.
struct Look {
  std::size_t rows = 0;  ///< that have a text
  bool flags = true;     ///< all texts are 0 or 1
  bool numbers = true;
  bool dates = true;
  std::size_t years_at_end = 0;  ///< rows
  bool lists = false;
  std::vector<std::size_t> counts;  ///< rows of each text
};

Look look_at(const Field& field) {
  Look look;
  look.counts.resize(field.texts.size());
  for (const std::uint32_t cell : field.cells) {
    if (cell == kNone) continue;
    ++look.counts[cell];
    ++look.rows;
  }
  for (std::uint32_t text = 0; text < field.texts.size(); ++text) {
    const std::string_view word = field.texts.id(text);
    const auto number = number_in(word);
    look.numbers = look.numbers && number;
    look.flags = look.flags && number && (*number == 0 || *number == 1);
    look.dates = look.dates && year_in(word);
    if (year_at_end(word)) look.years_at_end += look.counts[text];
    look.lists = look.lists || word.find(kListSeparator) != std::string_view::npos;
  }
  look.lists = look.lists && !look.numbers;
  return look;
}

/// Decides on the columns of a table, field by field.
class Learner {
 public:
  Learner(const FeatureTable& table, FeatureDescription& description) : table_(table), description_(description) {}

  void learn() {
    if (table_.listed) {
      learn_lines();
      return;
    }
    for (const Field& field : table_.fields) {
      FeatureField learned = learn(field);
      learned.name = field.name;
      learned.count = description_.size() - learned.first;
      description_.fields.push_back(std::move(learned));
    }
  }

  /// `3: year of a date in 10 ranges; 6, 7: as they are; left out: 2 (1664 texts of 1682 rows)`.
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  void learn_lines() {
    for (std::uint32_t feature = 0; feature < table_.features.size(); ++feature) add_column(std::string(table_.features.id(feature)));
    description_.fields.push_back({.name = {}, .form = FeatureForm::weights, .first = 0, .count = description_.size(), .edges = {}});
    say(std::to_string(description_.size()) + " features, weights as they are");
  }

  FeatureField learn(const Field& field) {
    const Look look = look_at(field);
    FeatureField learned;
    learned.first = description_.size();
    if (look.rows == 0) return leave_out(field, std::move(learned), "empty");
    if (look.flags) {
      learned.form = FeatureForm::weights;
      add_column(field.name);
      say(field.name + ": 0 and 1");
      return learned;
    }
    const std::size_t different = field.texts.size();
    if (look.numbers && (different > kMostCategories || look.rows < kRowsPerCategory * different)) {
      return learn_numbers(field, look, std::move(learned));
    }
    if (look.dates) {
      learned.number = FeatureNumber::date;
      return learn_numbers(field, look, std::move(learned));
    }
    return learn_words(field, look, std::move(learned));
  }

  FeatureField learn_words(const Field& field, const Look& look, FeatureField learned) {
    learned.separator = look.lists ? kListSeparator : '\0';
    std::map<std::string, std::size_t> rows;  // of each word
    std::vector<std::string> words;           // in order of appearance
    std::size_t occurrences = 0;
    for (std::uint32_t text = 0; text < field.texts.size(); ++text) {
      for_each_word(field.texts.id(text), learned.separator, [&](std::string_view word) {
        const auto [place, fresh] = rows.try_emplace(std::string(word), 0);
        if (fresh) words.emplace_back(word);
        place->second += look.counts[text];
        occurrences += look.counts[text];
      });
    }
    if (!field.stated && words.size() > kFewWords && 2 * words.size() > occurrences) {
      const std::string texts = std::to_string(words.size()) + " different texts in " + std::to_string(look.rows) + " rows";
      if (10 * look.years_at_end < 8 * look.rows) return leave_out(field, std::move(learned), texts);
      learned.separator = 0;
      learned.number = FeatureNumber::year_at_end;
      return learn_numbers(field, look, std::move(learned));
    }
    if (field.bad_line != 0 || field.bad_row != 0) {
      fail(table_, field.bad_line, field.bad_row,
           "a text that is not valid UTF-8 in column " + quoted(field.name) + "; use " + mention("encoding") +
               " to state the encoding, such as latin-1 or windows-1252");
    }
    for (const std::string& word : words) {
      const std::string name = field.name + "=" + word;
      if (const auto problem = id_problem(name)) {
        throw DataError(place() + "column " + quoted(field.name) + " has " + std::string(*problem) + ": " + quoted(word));
      }
      add_column(name);
    }
    say(field.name + ": " + std::to_string(words.size()) + (words.size() == 1 ? " word" : " words") + (look.lists ? " in lists" : ""));
    return learned;
  }

  FeatureField learn_numbers(const Field& field, const Look& look, FeatureField learned) {
    std::map<double, std::size_t> numbers;  // each with its rows
    double sum = 0;
    std::size_t rows = 0;
    for (std::uint32_t text = 0; text < field.texts.size(); ++text) {
      const auto number = number_of(field.texts.id(text), learned.number);
      if (!number) continue;
      numbers[*number] += look.counts[text];
      sum += *number * static_cast<double>(look.counts[text]);
      rows += look.counts[text];
    }
    learned.mean = sum / static_cast<double>(rows);
    double squares = 0;
    for (const auto& [number, count] : numbers) squares += std::pow(number - learned.mean, 2) * static_cast<double>(count);
    learned.deviation = std::sqrt(squares / static_cast<double>(rows));
    if (!(learned.deviation > 0)) return leave_out(field, std::move(learned), "always the same");
    const std::string what = learned.number == FeatureNumber::number ? ""
                             : learned.number == FeatureNumber::date ? "year of a date, "
                                                                     : "year at the end of a title, ";
    if (rows < kLeastBinned) {
      learned.form = FeatureForm::standardized;
      add_column(field.name);
      say(field.name + ": " + what + "standardised (mean " + short_number(learned.mean) + ", standard deviation " +
          short_number(learned.deviation) + ")");
      return learned;
    }
    learned.form = FeatureForm::binned;
    learned.mean = 0;
    learned.deviation = 1;
    std::size_t before = 0;
    std::size_t started = 0;
    for (const auto& [number, count] : numbers) {
      // The first number at or beyond each decile starts a range.
      const std::size_t decile = before * kBins / rows;
      if (decile > started) learned.edges.push_back(number);
      started = decile;
      before += count;
    }
    for (std::size_t bin = 0; bin <= learned.edges.size(); ++bin) {
      const std::string from = bin == 0 ? "" : shortest_text(static_cast<float>(learned.edges[bin - 1]));
      const std::string to = bin == learned.edges.size() ? "" : shortest_text(static_cast<float>(learned.edges[bin]));
      add_column(std::string(field.name).append("=[").append(from).append(",").append(to).append(")"));
    }
    say(field.name + ": " + what + "in " + std::to_string(learned.edges.size() + 1) + " ranges");
    return learned;
  }

  FeatureField leave_out(const Field& field, FeatureField learned, const std::string& why) {
    learned.form = FeatureForm::left_out;
    learned.separator = 0;
    learned.number = FeatureNumber::number;
    learned.mean = 0;
    learned.deviation = 1;
    left_out_ += (left_out_.empty() ? "" : ", ") + field.name + " (" + why + ")";
    return learned;
  }

  void add_column(const std::string& name) {
    const std::uint32_t before = description_.size();
    if (description_.names.add(name) != before) throw DataError(place() + "two columns of features would be called " + quoted(name));
  }

  [[nodiscard]] std::string place() const { return table_.source.empty() ? "" : table_.source + ": "; }
  static std::string short_number(double number) { return shortest_text(std::round(number * 100) / 100); }

  void say(const std::string& text) {
    // Columns of one kind after another are one item: `6, 7, 8: 0 and 1`.
    const std::size_t colon = text.rfind(": ");
    if (colon != std::string::npos && !last_kind_.empty() && text.substr(colon) == last_kind_) {
      said_.insert(said_.size() - last_kind_.size(), ", " + text.substr(0, colon));
    } else {
      said_ += "; " + text;
      last_kind_ = colon != std::string::npos && text.ends_with(": 0 and 1") ? text.substr(colon) : "";
    }
  }

 public:
  [[nodiscard]] const std::string& left_out() const { return left_out_; }

 private:
  const FeatureTable& table_;
  FeatureDescription& description_;
  std::string said_;
  std::string last_kind_;
  std::string left_out_;
};

/// An entry of a sparse row.
struct Cell {
  std::uint32_t column;
  float value;
};

/// Reads the texts of a table into columns that are decided.
class Applier {
 public:
  Applier(const FeatureTable& table, const FeatureDescription& description, FeatureGaps& gaps)
      : table_(table), description_(description), gaps_(gaps) {}

  /// The cells of every row.
  std::vector<std::vector<Cell>> rows() {
    std::vector<std::vector<Cell>> rows(table_.ids.size());
    for (const FeatureTable::Entry& entry : table_.entries) add_entry(entry, rows[entry.row]);
    for (const Field& field : table_.fields) {
      const FeatureField* known = find(field.name);
      if (known == nullptr && description_.names.find(field.name) == kNone) {
        for (const std::uint32_t cell : field.cells) gaps_.unknown += cell != kNone ? 1U : 0U;
        note(field.name);
        continue;
      }
      for (std::uint32_t row = 0; row < rows.size(); ++row) {
        if (field.cells[row] == kNone) continue;
        const std::string_view text = field.texts.id(field.cells[row]);
        if (known != nullptr) {
          add(*known, text, table_.lines[row], row, rows[row]);
        } else {
          add_weight(description_.names.find(field.name), text, table_.lines[row], row, rows[row]);
        }
      }
    }
    return rows;
  }

 private:
  [[nodiscard]] const FeatureField* find(std::string_view name) const {
    if (name.empty()) return nullptr;
    const auto found = std::ranges::find(description_.fields, name, &FeatureField::name);
    return found == description_.fields.end() ? nullptr : &*found;
  }

  void add_entry(const FeatureTable::Entry& entry, std::vector<Cell>& row) {
    const std::string_view feature = table_.features.id(entry.feature);
    const std::uint32_t column = description_.names.find(feature);
    const std::string_view text = entry.text == kNone ? std::string_view("1") : table_.values.id(entry.text);
    if (column != kNone && (entry.text == kNone || find(feature) == nullptr)) return add_weight(column, text, entry.line, entry.row, row);
    // A field of a table, with its text as the value.
    if (const FeatureField* field = find(feature)) return add(*field, text, entry.line, entry.row, row);
    ++gaps_.unknown;
    note(std::string(feature));
  }

  void add_weight(std::uint32_t column, std::string_view text, std::size_t line, std::size_t row, std::vector<Cell>& cells) {
    const auto number = number_in(text);
    if (!number) {
      refuse(line, row, "expected a finite number for " + quoted(description_.names.id(column)) + ", found " + quoted(text));
      return;
    }
    if (*number != 0) cells.push_back({column, static_cast<float>(*number)});
  }

  void add(const FeatureField& field, std::string_view text, std::size_t line, std::size_t row, std::vector<Cell>& cells) {
    if (field.form == FeatureForm::left_out) return;
    if (field.form == FeatureForm::weights) return add_weight(field.first, text, line, row, cells);
    if (field.form == FeatureForm::words) {
      for_each_word(text, field.separator, [&](std::string_view word) {
        const std::string name = field.name + "=" + std::string(word);
        const std::uint32_t column = description_.names.find(name);
        if (column != kNone) {
          cells.push_back({column, 1});
        } else {
          ++gaps_.unknown;
          note(name);
        }
      });
      return;
    }
    const auto number = number_of(text, field.number);
    if (!number) {
      if (field.number == FeatureNumber::year_at_end) return;
      const std::string expected = field.number == FeatureNumber::date ? "a date" : "a finite number";
      refuse(line, row, "expected " + expected + " in column " + quoted(field.name) + ", found " + quoted(text));
      return;
    }
    if (field.form == FeatureForm::standardized) {
      const auto value = static_cast<float>((*number - field.mean) / field.deviation);
      if (value != 0) cells.push_back({field.first, value});
      return;
    }
    const auto bin = std::ranges::upper_bound(field.edges, *number) - field.edges.begin();
    cells.push_back({field.first + static_cast<std::uint32_t>(bin), 1});
  }

  /// Notes a text that its column cannot read.
  void refuse(std::size_t line, std::size_t row, const std::string& problem) {
    if (!gaps_.takes_unreadable) fail(table_, line, row, problem);
    ++gaps_.unreadable;
  }

  void note(const std::string& name) {
    if (gaps_.first.size() < FeatureGaps::kNamed && std::ranges::find(gaps_.first, name) == gaps_.first.end()) gaps_.first.push_back(name);
  }

  const FeatureTable& table_;
  const FeatureDescription& description_;
  FeatureGaps& gaps_;
};

/// Rows in the numbering of `ids`, with the ids that are new at its end.
Features gathered(const FeatureTable& table, const FeatureDescription& description, Vocabulary& ids, std::vector<std::vector<Cell>> rows) {
  std::vector<std::uint32_t> row_of(ids.size(), kNone);  // row of the table of each id
  for (std::uint32_t row = 0; row < table.ids.size(); ++row) {
    const std::uint32_t number = ids.add(table.ids.id(row));
    if (number >= row_of.size()) row_of.resize(std::size_t{number} + 1, kNone);
    row_of[number] = row;
  }
  Features features;
  features.description = description;
  for (const std::uint32_t row : row_of) {
    if (row != kNone) {
      std::vector<Cell>& cells = rows[row];
      std::ranges::stable_sort(cells, {}, &Cell::column);
      for (const Cell& cell : cells) {
        // A word twice in a list is there once; a weight twice counts as it is last.
        const bool again = features.columns.size() > features.offsets.back() && features.columns.back() == cell.column;
        if (again) {
          features.values.back() = cell.value;
        } else {
          features.columns.push_back(cell.column);
          features.values.push_back(cell.value);
        }
      }
    }
    features.offsets.push_back(features.columns.size());
  }
  return features;
}

}  // namespace

Features learn_features(const FeatureTable& table, Vocabulary& ids, const FeatureReadOptions& options) {
  FeatureDescription description;
  Learner learner(table, description);
  learner.learn();
  const std::string place = table.source.empty() ? "table of features" : table.source;
  if (description.size() == 0)
    throw DataError(place + ": no column is left: " + learner.left_out() + "; use " + mention("feature_columns") + " to keep a column");
  const std::uint32_t before = ids.size();
  FeatureGaps gaps;
  Features features = gathered(table, description, ids, Applier(table, description, gaps).rows());
  if (options.on_summary) {
    std::string text = place + ": " + table.layout + learner.said();
    if (!learner.left_out().empty()) text += "; left out: " + learner.left_out();
    text += "; " + std::to_string(description.size()) + (description.size() == 1 ? " column" : " columns") + " for " +
            std::to_string(table.ids.size()) + (options.side == FeatureSide::users ? " users" : " items");
    if (before != 0) text += ", " + std::to_string(ids.size() - before) + " of them without ratings";
    options.on_summary(text);
  }
  return features;
}

Features apply_features(const FeatureTable& table, const FeatureDescription& description, Vocabulary& ids, FeatureGaps& gaps) {
  return gathered(table, description, ids, Applier(table, description, gaps).rows());
}

std::string gaps_text(const FeatureGaps& gaps, const std::string& source) {
  if (gaps.unknown == 0) return {};
  std::string text = (source.empty() ? "the table of features" : source) + ": " + std::to_string(gaps.unknown) +
                     (gaps.unknown == 1 ? " feature is" : " features are") + " unknown to the model and left out, such as ";
  for (std::size_t n = 0; n < gaps.first.size(); ++n) text += (n == 0 ? "" : ", ") + quoted(gaps.first[n]);
  return text;
}

}  // namespace lowrank
