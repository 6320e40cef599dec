#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "data/chunk_parser.h"
#include "data/chunks.h"
#include "data/id_table.h"
#include "data/value_table.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// Sizes that do not change the result, and a limit. Tests make them small.
struct ReadTuning {
  std::size_t chunk_bytes = std::size_t{1} << 18U;  ///< size of a chunk, whose text and columns fit in the cache of a core
  std::size_t chunks_per_thread = 8;                ///< chunks per thread in a batch
  std::uint32_t max_ids = Vocabulary::kMaxSize;
};

/// Reads a file of ratings batch by batch: its chunks are parsed in parallel, then their new ids are numbered in file order, so that the
/// result depends neither on the chunks nor on the threads.
class ColumnReader {
 public:
  /// \param users, items  known vocabularies, or null. All arguments must outlive the reader
  ColumnReader(const std::string& path, const ReadOptions& options, const Vocabulary* users, const Vocabulary* items, Workers& workers,
               const ReadTuning& tuning = {});

  [[nodiscard]] const std::string& name() const noexcept { return source_.name(); }
  /// Parses the next batch. Returns its number of chunks, 0 at the end. \throws the first error of the file, in file order
  std::size_t next_batch();
  /// Chunk `index` of the batch, with final numbers. Call it once per chunk; safe from several threads for different chunks.
  ParsedChunk& take(std::size_t index);

  /// Number of ratings in all batches so far.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// The lines that were skipped so far.
  [[nodiscard]] const SkippedLines& skipped() const noexcept { return skipped_; }
  [[nodiscard]] IdTable& users() noexcept { return users_; }
  [[nodiscard]] IdTable& items() noexcept { return items_; }
  [[nodiscard]] const ValueTable& values() const noexcept { return values_; }

 private:
  void merge(ParsedChunk& chunk);
  void report_layout();
  static std::optional<std::size_t> number(NewIds& fresh, IdTable& table);

  Workers& workers_;
  ReadTuning tuning_;
  ChunkSource source_;
  IdTable users_;
  IdTable items_;
  ValueTable values_;
  ParseContext context_;
  std::vector<std::unique_ptr<ChunkParser>> parsers_;  ///< one per slot
  std::vector<std::unique_ptr<ParsedChunk>> chunks_;
  std::uint32_t known_users_ = 0;  ///< size of users_ when the batch was parsed
  std::uint32_t known_items_ = 0;  ///< size of items_ when the batch was parsed
  std::size_t count_ = 0;
  std::size_t mirrored_ = 0;  ///< number of ratings besides those of the lines
  std::size_t lines_ = 0;
  std::function<void(const std::string&)> on_layout_;  ///< empty once it is called
  std::function<void(const std::string&, const SkippedLines&)> on_skipped_;
  SkippedLines skipped_;
};

}  // namespace lowrank
