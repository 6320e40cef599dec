// Any bytes are read as a file of ratings, or refused with an Error; whichever it is, all ways of reading and all cuts into chunks agree.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "data/read_tuned.h"
#include "lowrank/base/error.h"
#include "memory_file.h"

namespace {

/// What reading comes to: the error, or how many lines of ratings there were and a sum over them.
struct Outcome {
  std::string message;
  std::size_t count = 0;
  double sum = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <class Action>
Outcome outcome_of(const Action& action) {
  Outcome outcome;
  try {
    action(outcome);
  } catch (const lowrank::Error& error) {
    outcome = {error.what(), 0, 0};
  }
  return outcome;
}

[[noreturn]] void fail(const Outcome& one, const Outcome& other) {
  std::fprintf(stderr, "%zu ratings, %s\n%zu ratings, %s\n", one.count, one.message.c_str(), other.count, other.message.c_str());
  std::abort();
}

lowrank::ReadOptions options_for(const std::uint8_t* data, std::size_t size) {
  std::size_t sum = 0;
  for (std::size_t at = 0; at < size; ++at) sum += data[at];
  lowrank::ReadOptions options;
  options.threads = 1;
  options.implicit_values = sum % 2 == 1;
  options.keep_times = sum % 3 == 1;
  if (sum % 16 == 5) options.format = lowrank::Format::adjacency;
  if (sum % 16 == 6) options.format = lowrank::Format::matrix;
  if (sum % 16 == 7) options.format = lowrank::Format::tns;
  if (sum % 16 == 9) options.contexts = {"daytime"};
  if (sum % 16 == 13) options.time_contexts = {lowrank::Period::month, lowrank::Period::hour};
  if (sum % 32 == 15) {
    options.columns = lowrank::Columns::parse("user=1,item=2,rating=3,daytime=4");
    options.contexts = {"daytime"};
    options.missing = {"NA"};
  }
  if (sum % 8 == 3) options.columns = lowrank::Columns::parse("user=2,item=1,time=4");
  if (sum % 8 == 4) options.columns = lowrank::Columns::parse("user=user,item=item,rating=rating");
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  static MemoryFile file;
  file.fill(data, size);
  const lowrank::ReadOptions options = options_for(data, size);
  const auto add = [](Outcome& outcome, float value) {
    ++outcome.count;
    outcome.sum += static_cast<double>(value) * static_cast<double>(outcome.count % 97);
  };
  const auto pairs = [&](std::size_t chunk_bytes) {
    return outcome_of([&](Outcome& outcome) {
      lowrank::ReadTuning tuning;
      tuning.chunk_bytes = chunk_bytes;
      const lowrank::Pairs read = lowrank::read_pairs_tuned(file.path(), {}, {}, options, tuning);
      for (const float value : read.values) add(outcome, value);
    });
  };
  const Outcome lines = outcome_of([&](Outcome& outcome) {
    lowrank::for_each_rating(file.path(), options, [&](const lowrank::RatingLine& line) { add(outcome, line.value); });
  });
  const Outcome grouped = outcome_of([&](Outcome& outcome) {
    const lowrank::Dataset dataset = lowrank::read_ratings(file.path(), options);
    outcome.count = dataset.ratings.size() + dataset.duplicates;
  });
  // Contexts have one reader, which does not cut; pairs with the contexts of the ratings are as many, or the same error.
  if (!options.contexts.empty() || !options.time_contexts.empty() || options.format == lowrank::Format::tns) {
    const Outcome own = outcome_of([&](Outcome& outcome) {
      const lowrank::Dataset dataset = lowrank::read_ratings(file.path(), options);
      outcome.count = lowrank::read_pairs(file.path(), dataset.users, dataset.items, options, dataset.situations.columns).size();
    });
    if (own.message != grouped.message || own.count != grouped.count) fail(own, grouped);
    return 0;
  }
  const std::size_t cuts[] = {1 + size % 61, std::size_t{1} << 18U};
  for (const std::size_t cut : cuts) {
    if (pairs(cut) != lines) fail(pairs(cut), lines);
  }
  if (grouped.message != lines.message || grouped.count != lines.count) fail(grouped, lines);
  return 0;
}
