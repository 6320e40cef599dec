#include <algorithm>

#include "data/layout.h"
#include "data/line_check.h"
#include "data/text.h"

namespace lowrank {

bool reads_as_rating(std::string_view line, const Layout& layout) {
  if (layout.lines != Lines::ratings) return false;
  Scratch scratch;
  LineFields fields;
  if (split_line(line, layout, scratch, fields) || fields.user.empty() || fields.item.empty()) return false;
  float value = 0;
  if (fields.has_rating) return !read_rating(fields.rating, layout, value);
  // Without a rating, only the number of columns tells a line from a sentence with a comma in it.
  return fields_of(line, layout.separator).size() == layout.column_count;
}

bool is_comment(std::string_view line, const Layout& layout, std::optional<std::string>& problem) {
  if (!has_comment_mark(line)) return false;
  if (layout.matrix_market) return line[0] == '%';
  if (layout.tensor) return true;
  if (line.size() > 1 && !is_blank(line[1]) && line[1] != '%' && line[1] != '#') return false;
  if (line.size() > 1 && line[1] == '\t' && layout.separator == Separator::tab) return false;
  if (layout.separator == Separator::blanks || line.size() == 1 || !reads_as_rating(line, layout)) return true;
  // `#,x,3` cannot get here. A sentence that also has the form of a rating is nobody's guess.
  problem = "a comment by its first byte, but a rating by its columns: quote the user, or remove the line";
  return false;
}

}  // namespace lowrank
