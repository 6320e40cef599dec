#include "lowrank/data/split.h"

#include <array>
#include <limits>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

struct SplitArguments {
  std::string ratings;
  std::string prefix;
  SplitOptions split;
  ReadOptions read;
  bool quiet = false;
};

/// The lines of a file in compact form, in file order.
struct Lines {
  Vocabulary users;
  Vocabulary items;
  std::vector<std::uint32_t> user;
  std::vector<std::uint32_t> item;
  std::vector<float> value;
  std::vector<std::int64_t> time;  ///< one per line, or empty while no line has a time
  bool all_have_times = true;
};

constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

Lines read_lines(const std::string& path, const ReadOptions& read) {
  Lines lines;
  for_each_rating(path, read, [&lines](const RatingLine& line) {
    lines.user.push_back(lines.users.add(line.user));
    lines.item.push_back(lines.items.add(line.item));
    lines.value.push_back(line.value);
    if (line.time && lines.time.empty()) lines.time.resize(lines.value.size() - 1, kNoTime);
    if (line.time || !lines.time.empty()) lines.time.push_back(line.time.value_or(kNoTime));
    lines.all_have_times = lines.all_have_times && line.time.has_value();
  });
  return lines;
}

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

void check(const SplitArguments& arguments) {
  const SplitOptions& split = arguments.split;
  if (!(split.test >= 0 && split.test < 1)) throw OptionError("test", "must be at least 0 and below 1");
  if (!(split.validation >= 0 && split.validation < 1)) throw OptionError("validation", "must be at least 0 and below 1");
  if (split.test + split.validation >= 1) throw OptionError("validation", "together with --test leaves nothing to train on");
}

int run_split(SplitArguments& arguments) {
  check(arguments);
  // In the order of Part.
  const std::array<std::string, 3> paths = {arguments.prefix + ".train", arguments.split.validation > 0 ? arguments.prefix + ".valid" : "",
                                            arguments.prefix + ".test"};
  check_files({{"", arguments.ratings}}, {{"output", paths[0]}, {"output", paths[1]}, {"output", paths[2]}});
  for (const std::string& path : paths) {
    if (!path.empty()) check_writable(path);
  }
  arguments.read.keep_times = true;
  arguments.read.times_needed = arguments.split.by == SplitBy::time;
  const Lines lines = [&] {
    const FileReading reading(arguments.ratings, arguments.read, arguments.quiet);
    return read_lines(arguments.ratings, arguments.read);
  }();
  const std::vector<std::int64_t> no_times;
  const std::vector<Part> parts = assign_parts(lines.user, lines.all_have_times ? lines.time : no_times, arguments.split);

  std::array<std::unique_ptr<Results>, 3> files;
  for (std::size_t part = 0; part < paths.size(); ++part) {
    if (!paths[part].empty()) files[part] = std::make_unique<Results>(paths[part]);
  }
  std::array<std::size_t, 3> counts{};
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text.clear();
    append_id(text, lines.users.id(lines.user[i]));
    append_id(text += '\t', lines.items.id(lines.item[i]));
    append(text += '\t', lines.value[i]);
    if (!lines.time.empty() && lines.time[i] != kNoTime) append(text += '\t', lines.time[i]);
    const auto part = static_cast<std::size_t>(parts[i]);
    ++counts[part];
    files[part]->write(text += '\n');
  }
  std::vector<Results*> complete;
  for (const auto& file : files) {
    if (file) complete.push_back(file.get());
  }
  Results::finish_all(complete);
  text.clear();
  for (std::size_t part = 0; part < paths.size(); ++part) {
    if (paths[part].empty()) continue;
    text += paths[part] + "\t" + std::to_string(counts[part]) + "\n";
  }
  Results results;
  results.write(text);
  results.finish();
  return kExitDone;
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
         "ratings that are set aside: random ones; user: a random share of each user; time: the latest of each user")
      ->type_name("NAME")
      ->default_str("random");
  add_integer(*app, "--seed", arguments->split.seed, "seed of the random choice; not with --by time");
  add_reading(*app, arguments->read, false);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank split ratings.csv --test 0.1 --seed 1 --output part");
  return {app, [app, arguments] {
            refuse_unread(*app, "--seed", arguments->split.by != SplitBy::time, with_flags("is not read with " + mention("by=time")));
            return run_split(*arguments);
          }};
}

}  // namespace lowrank::cli
