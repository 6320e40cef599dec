#include <algorithm>
#include <vector>

#include "data/layout.h"
#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

namespace {

std::vector<std::string> words_of_line(std::string_view line) {
  std::vector<std::string> words;
  FieldReader reader(line, Separator::blanks);
  std::string scratch;
  for (std::string_view word; reader.next(word, scratch);) words.emplace_back(word);
  return words;
}

/// `text` in lower case: the words of the format are case-insensitive.
std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// Whether a line is a banner, in any case, with one `%` or more, blanks after them or not.
bool is_banner(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('%')) return false;
  line.remove_prefix(std::min(line.find_first_not_of("% \t"), line.size()));
  constexpr std::string_view kName = "matrixmarket";
  return lower(std::string(line.substr(0, kName.size()))) == kName;
}

void read_banner(std::string_view line, std::size_t number, const std::string& name, const ReadOptions& options, Layout& layout) {
  const auto fail = [&](const std::string& problem) { throw DataError(name, number, problem); };
  if (!is_banner(line)) fail("expected the banner %%MatrixMarket of a Matrix Market file");
  line = trimmed(line);
  line.remove_prefix(line.find_first_not_of("% \t"));
  const std::vector<std::string> words = words_of_line(line);
  if (words.size() != 5) fail("expected a Matrix Market banner of five words, found " + std::to_string(words.size()));
  if (lower(words[1]) != "matrix") fail("expected a Matrix Market file of a matrix, found " + quoted(words[1]));
  if (lower(words[2]) != "coordinate") fail("expected the coordinate layout of Matrix Market files, found " + quoted(words[2]));
  const std::string symmetry = lower(words[4]);
  if (symmetry == "symmetric") {
    layout.symmetry = Symmetry::symmetric;
  } else if (symmetry == "skew-symmetric") {
    layout.symmetry = Symmetry::skew;
  } else if (symmetry != "general") {
    fail("expected a Matrix Market matrix that is general, symmetric or skew-symmetric, found " + quoted(words[4]));
  }
  const std::string field = lower(words[3]);
  if (field == "pattern") {
    if (!options.implicit_values && !options.pairs_only) {
      fail("a pattern matrix has no ratings; use " + mention("implicit_values") + " to read its entries as ratings of 1");
    }
    layout.rating = Layout::kNone;
  } else if (field != "real" && field != "double" && field != "integer" && field != "unsigned-integer") {
    fail("expected Matrix Market values that are real, integer or pattern, found " + quoted(words[3]));
  }
}

void read_sizes(std::string_view line, std::size_t number, const std::string& name, Layout& layout) {
  const std::vector<std::string> words = words_of_line(line);
  const auto fail = [&](const std::string& problem) { throw DataError(name, number, problem); };
  if (words.size() != 3) fail("expected rows, columns and entries of the matrix, found " + std::to_string(words.size()) + " words");
  std::uint64_t* sizes[] = {&layout.rows, &layout.columns, &layout.entries};
  for (std::size_t which = 0; which < 3; ++which) {
    const auto count = parse_count(words[which]);
    if (!count) fail("expected a whole number, found " + quoted(words[which]));
    *sizes[which] = *count;
  }
  if (layout.symmetry != Symmetry::none && layout.rows != layout.columns) {
    fail("expected as many rows as columns in a symmetric matrix, found " + words[0] + " x " + words[1]);
  }
}

}  // namespace

bool has_matrix_market_banner(std::string_view text) noexcept {
  std::string_view line;
  while (trimmed(line).empty() && !text.empty()) line = take_line(text);
  return is_banner(line);
}

void read_matrix_market_header(std::string_view head, bool whole, const std::string& name, const ReadOptions& options, Layout& layout) {
  std::string_view rest = without_bom(head);
  layout.matrix_market = true;
  std::size_t number = 0;
  std::string_view banner;
  while (trimmed(banner).empty() && !rest.empty()) {
    banner = take_line(rest);
    ++number;
  }
  read_banner(banner, std::max<std::size_t>(number, 1), name, options, layout);
  while (!rest.empty() && (whole || rest.find('\n') != std::string_view::npos)) {
    const std::string_view line = take_line(rest);
    ++number;
    if (trimmed(line).empty() || trimmed(line)[0] == '%') continue;
    read_sizes(line, number, name, layout);
    layout.skipped_bytes = head.size() - rest.size();
    layout.skipped_lines = number;
    return;
  }
  throw DataError(name, number,
                  whole ? "the size line of the matrix is missing" : "the comments before the size line of the matrix are too long");
}

}  // namespace lowrank
