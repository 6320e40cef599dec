#include "data/column_reader.h"

#include "data/line_check.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Replaces the provisional numbers of new ids by the final ones.
void renumber(std::uint32_t* indices, std::size_t count, std::uint32_t known, const std::vector<std::uint32_t>& numbers) {
  if (numbers.empty()) return;
  for (std::size_t at = 0; at < count; ++at) {
    if (indices[at] >= known) indices[at] = numbers[indices[at] - known];
  }
}

}  // namespace

ColumnReader::ColumnReader(const std::string& path, const ReadOptions& options, const Vocabulary* users, const Vocabulary* items,
                           Workers& workers, const ReadTuning& tuning)
    : workers_(workers),
      tuning_(tuning),
      source_(path, tuning.chunk_bytes, workers.count(), options.encoding),
      users_(users, tuning.max_ids),
      items_(items, tuning.max_ids),
      context_{detect_layout(source_.head(), source_.head_is_all(), source_.name(), options), users_, items_, values_},
      on_layout_(options.on_layout),
      on_skipped_(options.on_skipped) {
  source_.count_into(options.bytes_read);
  source_.skip(context_.layout.skipped_bytes);
  lines_ = context_.layout.skipped_lines;
  parsers_.resize(static_cast<std::size_t>(workers.count()));
}

std::size_t ColumnReader::next_batch() {
  const std::size_t most = tuning_.chunks_per_thread * parsers_.size();
  const std::size_t count = source_.next_batch(most);
  if (count == 0) {
    check_entries(context_.layout, count_ - mirrored_ + skipped_.count, source_.name(), true);
    if (on_skipped_ && skipped_.count > 0) on_skipped_(source_.name(), skipped_);
    on_skipped_ = {};
    return 0;
  }
  while (chunks_.size() < count) chunks_.push_back(std::make_unique<ParsedChunk>());
  known_users_ = users_.size();
  known_items_ = items_.size();
  const std::size_t ahead = source_.reads_ahead() ? 1 : 0;
  workers_.for_each(count + ahead, [&](std::size_t task, int slot) {
    if (task < ahead) return source_.read_ahead(most);
    std::unique_ptr<ChunkParser>& parser = parsers_[static_cast<std::size_t>(slot)];
    if (!parser) parser = std::make_unique<ChunkParser>(context_);
    parser->parse(source_.load(task - ahead, slot), *chunks_[task - ahead]);
  });
  for (std::size_t index = 0; index < count; ++index) merge(*chunks_[index]);
  if (count_ > 0) report_layout();
  return count;
}

void ColumnReader::report_layout() {
  if (on_layout_) on_layout_(source_.name() + ": " + description(context_.layout));
  on_layout_ = {};
}

void ColumnReader::merge(ParsedChunk& chunk) {
  const std::optional<std::size_t> no_user = number(chunk.new_users, users_);
  const std::optional<std::size_t> no_item = number(chunk.new_items, items_);
  const std::size_t none = ~std::size_t{0};
  if (no_user || no_item) {
    const bool user = no_user.value_or(none) <= no_item.value_or(none);
    throw DataError(source_.name(), lines_ + (user ? *no_user : *no_item) + 1,
                    "more than " + std::to_string(tuning_.max_ids) + (user ? " distinct users" : " distinct items"));
  }
  count_ += chunk.count;
  mirrored_ += chunk.mirrored;
  for (const SkippedLine& line : chunk.first_skipped) {
    if (skipped_.first.size() == SkippedLines::kNamed) break;
    skipped_.first.push_back(source_.name() + ":" + std::to_string(lines_ + line.line + 1) + ": " + line.problem);
  }
  skipped_.count += chunk.skipped;
  check_entries(context_.layout, count_ - mirrored_ + skipped_.count, source_.name(), false);
  if (chunk.problem) {
    throw DataError(source_.name(), lines_ + chunk.lines + 1, with_context(*chunk.problem, chunk.problem_line, context_.layout));
  }
  lines_ += chunk.lines;
}

/// Numbers the new ids of a chunk. If the table is full, returns the line of the first id without a number, counted from 0 in the chunk.
std::optional<std::size_t> ColumnReader::number(NewIds& fresh, IdTable& table) {
  fresh.numbers.resize(fresh.ids.size());
  for (std::uint32_t index = 0; index < fresh.ids.size(); ++index) {
    fresh.numbers[index] = table.add(fresh.ids.id(index));
    if (fresh.numbers[index] == Vocabulary::kUnknown) return fresh.lines[index];
  }
  return std::nullopt;
}

ParsedChunk& ColumnReader::take(std::size_t index) {
  ParsedChunk& chunk = *chunks_[index];
  renumber(chunk.users.data(), chunk.count, known_users_, chunk.new_users.numbers);
  renumber(chunk.items.data(), chunk.count, known_items_, chunk.new_items.numbers);
  return chunk;
}

}  // namespace lowrank
