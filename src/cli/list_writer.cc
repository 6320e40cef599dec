#include "cli/list_writer.h"

namespace lowrank::cli {

ListWriter::ListWriter(Results& results, const ListStyle& style) : results_(results), style_(style) {
  if (!style_.json) return;
  line_ = "{";
  open_key(style_.outer_list);
  results_.write(line_ += "[");
}

void ListWriter::open_key(std::string_view key) {
  append_json(line_, key);
  line_ += ":";
}

void ListWriter::begin(std::string_view id) {
  if (style_.json) {
    end_list();
    line_ = lists_ == 0 ? "{" : ",\n{";
    open_key(style_.outer);
    append_json(line_, id);
    line_ += ",";
    open_key(style_.inner_list);
    results_.write(line_ += "[");
  }
  id_ = id;
  entries_ = 0;
  ++lists_;
}

void ListWriter::add(std::string_view id, float score, std::string_view more, std::string_view columns) {
  ++entries_;
  const std::string_view title = style_.titles != nullptr ? style_.titles->find(id) : std::string_view{};
  if (style_.json) {
    line_ = entries_ == 1 ? "{" : ",{";
    open_key(style_.inner);
    append_json(line_, id);
    line_ += ",\"score\":";
    append(line_, score);
    if (!title.empty()) {
      line_ += ",\"title\":";
      append_json(line_, title);
    }
    (line_ += more) += "}";
  } else {
    line_ = id_;
    line_ += '\t';
    if (style_.ranks) {
      append(line_, entries_);
      line_ += '\t';
    }
    line_ += id;
    line_ += '\t';
    append(line_, score);
    line_ += columns;
    if (style_.titles != nullptr) (line_ += '\t') += title;
    (line_ += '\n') += more;
  }
  results_.write(line_);
}

void ListWriter::end_list() {
  if (lists_ > 0) results_.write("]}");
}

void ListWriter::finish(std::string_view more) {
  if (style_.json) {
    end_list();
    ((line_ = "]") += more) += "}\n";
    results_.write(line_);
  }
  results_.finish();
}

}  // namespace lowrank::cli
