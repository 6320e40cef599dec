#include "lowrank/data/split.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/data/folds.h"
#include "lowrank/data/lines.h"

namespace lowrank::cli {

namespace {

struct SplitArguments {
  std::string ratings;
  std::string prefix;
  SplitOptions split;
  std::uint32_t fold_count = FoldOptions{}.folds;
  std::optional<FoldOptions> folds;
  ReadOptions read;
  bool json = false;
  bool quiet = false;
};

/// Appends an id as a field of a line, in quotes where the reader would otherwise take it for something else.
void append_id(std::string& text, std::string_view id) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  // What starts a comment, a byte order mark, or a file of JSON.
  const bool marked = text.empty() && (id.find_first_of("#%{[") == 0 || id.starts_with("\xEF\xBB\xBF"));
  if (!marked && id[0] != '"' && !blank(id[0]) && !blank(id.back())) {
    text += id;
    return;
  }
  text += '"';
  for (const char c : id) text.append(c == '"' ? 2 : 1, c);
  text += '"';
}

/// One of the files that are written.
struct SplitFile {
  std::string part;  ///< train, validation or test
  std::string path;
  std::uint32_t fold = 0;                  ///< 0 without folds
  std::vector<bool> takes = {};            ///< for each label, whether ratings with it go there
  std::optional<std::int64_t> first = {};  ///< first moment of the part, where one divides it from the others
  std::size_t ratings = 0;
  std::unique_ptr<Results> results = {};
};

/// The files of a run, in the order of Part, fold by fold.
std::vector<SplitFile> files_of(const SplitArguments& arguments) {
  std::vector<SplitFile> files;
  const auto add = [&](const char* part, std::uint32_t fold, const char* ending) {
    std::string path = arguments.prefix;
    if (fold > 0) path += "." + std::to_string(fold);
    files.push_back({.part = part, .path = path + "." + ending, .fold = fold});
  };
  if (arguments.folds) {
    for (std::uint32_t fold = 1; fold <= arguments.folds->folds; ++fold) {
      add("train", fold, "train");
      add("test", fold, "test");
    }
    return files;
  }
  add("train", 0, "train");
  if (validates(arguments.split)) add("validation", 0, "valid");
  add("test", 0, "test");
  return files;
}

/// Divides the ratings. \return the label of every rating: its part, or the fold that tests it. What of it goes where is added to the files
std::vector<std::uint16_t> divide(const RatingLines& lines, const SplitArguments& arguments, std::vector<SplitFile>& files) {
  const std::span<const std::int64_t> times = lines.all_have_times ? std::span(lines.time) : std::span<const std::int64_t>();
  if (arguments.folds) {
    Folds folds = assign_folds(lines.user, times, *arguments.folds, lines.item);
    for (SplitFile& file : files) {
      const bool tests = file.part == "test";
      if (tests && !folds.moments.empty()) file.first = folds.moments[file.fold - 1];
      for (std::uint32_t window = 0; window <= folds.count; ++window) {
        file.takes.push_back(tests ? window == file.fold : folds.trains_on(window, file.fold));
      }
    }
    return std::move(folds.windows);
  }
  const std::vector<Part> parts = assign_parts(lines.user, times, arguments.split, lines.item);
  SplitMoments moments;
  if (arguments.split.by == SplitBy::global_time) moments = split_moments(times, arguments.split);
  for (SplitFile& file : files) {
    if (file.part == "validation") file.first = moments.validation;
    if (file.part == "test") file.first = moments.test;
    // In the order of Part.
    for (const std::string_view part : {"train", "validation", "test"}) file.takes.push_back(file.part == part);
  }
  std::vector<std::uint16_t> labels;
  labels.reserve(parts.size());
  for (const Part part : parts) labels.push_back(static_cast<std::uint16_t>(part));
  return labels;
}

/// The levels of a situation, missing ones as empty fields.
void append_levels(std::string& text, const Situations& situations, std::uint32_t situation) {
  const std::span<const std::uint16_t> levels = situations.levels(situation);
  for (std::size_t column = 0; column < levels.size(); ++column) {
    text += '\t';
    if (levels[column] != Situations::kMissing) append_id(text, situations.columns[column].levels.id(levels[column]));
  }
}

/// The header of files with contexts, so that they are found by name; empty without contexts.
std::string header_of(const RatingLines& lines) {
  if (lines.situation.empty()) return "";
  std::string text = lines.time.empty() ? "user\titem\trating" : "user\titem\trating\ttimestamp";
  for (const ContextColumn& column : lines.situations.columns) (text += '\t') += column.name;
  return text + "\n";
}

void write_files(const RatingLines& lines, std::span<const std::uint16_t> labels, std::vector<SplitFile>& files) {
  std::vector<Results*> all;
  for (SplitFile& file : files) {
    file.results = std::make_unique<Results>(file.path);
    all.push_back(file.results.get());
  }
  std::string text = header_of(lines);
  for (SplitFile& file : files) file.results->write(text);
  for (std::size_t position = 0; position < lines.size(); ++position) {
    text.clear();
    append_id(text, lines.users.id(lines.user[position]));
    append_id(text += '\t', lines.items.id(lines.item[position]));
    append(text += '\t', lines.value[position]);
    const bool timed = !lines.time.empty() && lines.time[position] != RatingLines::kNoTime;
    // Contexts have their places whether there is a time or not.
    if (timed || (!lines.time.empty() && !lines.situation.empty())) text += '\t';
    if (timed) text += time_text(lines.time[position], lines.dates);
    if (!lines.situation.empty()) append_levels(text, lines.situations, lines.situation[position]);
    text += '\n';
    for (SplitFile& file : files) {
      if (!file.takes[labels[position]]) continue;
      ++file.ratings;
      file.results->write(text);
    }
  }
  Results::finish_all(all);
}

std::string text_of(const std::vector<SplitFile>& files, bool dates) {
  std::string text;
  for (const SplitFile& file : files) {
    text += file.path + "\t" + std::to_string(file.ratings);
    if (file.first) text += "\tfrom " + time_text(*file.first, dates);
    text += "\n";
  }
  return text;
}

std::string json_of(const std::vector<SplitFile>& files, const SplitArguments& arguments, const RatingLines& lines, std::size_t shared) {
  nlohmann::ordered_json json;
  json["by"] = name_of(arguments.split.by);
  if (arguments.folds) json["folds"] = arguments.folds->folds;
  json["ratings"] = lines.size();
  json["shared_pairs"] = shared;
  for (const SplitFile& file : files) {
    nlohmann::ordered_json entry;
    if (file.fold > 0) entry["fold"] = file.fold;
    entry["part"] = file.part;
    entry["path"] = file.path;
    entry["ratings"] = file.ratings;
    if (file.first && lines.dates) entry["from"] = time_text(*file.first, true);
    if (file.first && !lines.dates) entry["from"] = *file.first;
    json["files"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int run_split(SplitArguments& arguments) {
  if (arguments.folds) {
    check_folds(*arguments.folds);
  } else {
    check_split(arguments.split);
  }
  std::vector<SplitFile> files = files_of(arguments);
  std::vector<NamedFile> outputs;
  outputs.reserve(files.size());
  for (const SplitFile& file : files) outputs.push_back({"output", file.path});
  check_files({{"", arguments.ratings}}, outputs);
  for (const SplitFile& file : files) check_writable(file.path);
  arguments.read.keep_times = true;
  arguments.read.times_needed = needs_times(arguments.split.by);
  const RatingLines lines = [&] {
    const FileReading reading(arguments.ratings, arguments.read, arguments.quiet);
    return read_lines(arguments.ratings, arguments.read);
  }();
  const std::vector<std::uint16_t> labels = divide(lines, arguments, files);
  const std::size_t shared = count_shared_pairs(lines.user, lines.item, labels);
  write_files(lines, labels, files);
  if (shared > 0) print_error("warning: " + arguments.ratings + ": " + with_flags(shared_pairs_warning(shared)));
  Results results;
  results.write(arguments.json ? json_of(files, arguments, lines, shared) : text_of(files, lines.dates));
  results.finish();
  return kExitDone;
}

/// What was stated of the options of splits and folds.
void take_stated(const CLI::App& app, SplitArguments& arguments) {
  for (const char* name : {"test", "validation", "seed", "last", "last_validation", "at"}) {
    if (app.count(flag_of(name)) > 0) arguments.split.stated.emplace_back(name);
  }
  if (app.count("--folds") == 0) return;
  arguments.folds = fold_options(arguments.split, arguments.fold_count);
}

}  // namespace

Command add_split(CLI::App& program) {
  auto arguments = std::make_shared<SplitArguments>();
  CLI::App* app = program.add_subcommand("split", "split a file of ratings into training, test and validation sets");
  add_positional(*app, "RATINGS", arguments->ratings, "file of ratings, - for standard input");
  add_text(*app, "-o,--output", "PREFIX", arguments->prefix,
           "prefix of the written files: PREFIX.train, PREFIX.test and, with --validation, PREFIX.valid; they appear together")
      ->required();
  add_real(*app, "--test", arguments->split.test, "share of the ratings for PREFIX.test");
  add_real(*app, "--validation", arguments->split.validation, "share of the ratings for PREFIX.valid");
  app->add_option_function<std::string>(
         "--by", [by = &arguments->split.by](const std::string& text) { *by = parse_split_by(text); },
         "ratings that are set aside: random ones; user: a random share of each user; time: the latest share of each user; last: the "
         "latest "
         "N of each user; global-time: those from one moment on, the same for all users; pair: pairs of a user and an item at random, "
         "each with all its ratings, for files where pairs recur in other contexts")
      ->type_name("NAME")
      ->default_str("random");
  add_integer(*app, "--last", arguments->split.last,
              "with --by last: ratings per user for PREFIX.test, at least 1; one always stays to train on");
  add_integer(*app, "--last-validation", arguments->split.last_validation,
              "with --by last: ratings per user for PREFIX.valid, those before the ones in PREFIX.test");
  add_text(*app, "--at", "MOMENT", arguments->split.at,
           "with --by global-time, instead of --test: the first moment of PREFIX.test, a date such as 2020-01-31 or 2020-01-31T12:00 (UTC "
           "without a zone), or a number like the times of RATINGS");
  add_integer(*app, "--folds", arguments->fold_count,
              "write K pairs of files for cross-validation instead, PREFIX.1.train and PREFIX.1.test to PREFIX.K.test; by random, user or "
              "pair each "
              "rating is tested once, by last or global-time each fold trains on what is earlier")
      ->type_name("K")
      ->default_str("");
  add_integer(*app, "--seed", arguments->split.seed, "seed of the random choice; only with --by random, user and pair");
  add_reading(*app, arguments->read, false);
  add_contexts(*app, arguments->read, false);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank split ratings.csv --test 0.1 --seed 1 --output part");
  return {app, [app, arguments] {
            take_stated(*app, *arguments);
            return run_split(*arguments);
          }};
}

}  // namespace lowrank::cli
