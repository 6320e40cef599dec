// Any bytes are read as a table of features, or refused with an Error. What is read is sound, fits the ids, and is the same when its own
// columns are applied to it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/data/feature_table.h"
#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"
#include "memory_file.h"

namespace {

using lowrank::FeatureReadOptions;
using lowrank::Features;
using lowrank::FeatureTable;
using lowrank::Vocabulary;

Vocabulary rated_ids() {
  Vocabulary ids;
  for (const char* id : {"1", "7", "x1", "alice"}) ids.add(id);
  return ids;
}

FeatureReadOptions options_for(const std::uint8_t* data, std::size_t size, const Vocabulary& known) {
  std::size_t sum = 0;
  for (std::size_t at = 0; at < size; ++at) sum += data[at];
  FeatureReadOptions options;
  options.side = sum % 2 == 0 ? lowrank::FeatureSide::items : lowrank::FeatureSide::users;
  if (sum % 3 == 1) options.known = &known;
  if (sum % 8 == 3) options.columns = "2,3";
  if (sum % 8 == 4) options.columns = "id=2,1";
  if (sum % 8 == 5) options.columns = "genres,year";
  if (sum % 16 == 6) options.encoding = "latin1";
  return options;
}

void check(const Features& features, const Vocabulary& ids) {
  if (lowrank::features_problem(features) || features.rows() != ids.size()) std::abort();
}

/// The file as one of new rows, of which the columns are decided already.
void read_new_rows(const std::string& path, const FeatureReadOptions& options, const Features& learned) {
  try {
    const FeatureTable table = lowrank::read_feature_table(path, options, &learned.description);
    Vocabulary ids;
    lowrank::FeatureGaps gaps;
    const Features applied = lowrank::apply_features(table, learned.description, ids, gaps);
    check(applied, ids);
    if (gaps.first.size() > lowrank::FeatureGaps::kNamed || (gaps.unknown == 0) != lowrank::gaps_text(gaps, path).empty()) std::abort();
  } catch (const lowrank::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  static MemoryFile file;
  file.fill(data, size);
  const Vocabulary known = rated_ids();
  FeatureReadOptions options = options_for(data, size, known);
  std::size_t summaries = 0;
  options.on_summary = [&summaries](const std::string& text) { summaries += text.empty() ? 2U : 1U; };
  try {
    const FeatureTable table = lowrank::read_feature_table(file.path(), options);
    Vocabulary ids = rated_ids();
    const Features learned = lowrank::learn_features(table, ids, options);
    check(learned, ids);
    if (summaries != 1) std::abort();
    Vocabulary again = rated_ids();
    lowrank::FeatureGaps gaps;
    const Features applied = lowrank::apply_features(table, learned.description, again, gaps);
    if (!(applied == learned) || !(again == ids) || gaps.unknown != 0) std::abort();
    read_new_rows(file.path(), options, learned);
  } catch (const lowrank::Error&) {
  }
  return 0;
}
