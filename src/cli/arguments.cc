#include "cli/arguments.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "cli/results.h"
#include "cli/suggestion.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

/// The name of an option as OptionError has it: `--test-fraction` is `test_fraction`.
std::string member_name(std::string name) {
  name.erase(0, name.rfind(',') + 1);
  name.erase(0, name.find_first_not_of('-'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

template <class Number>
Number parse_number(const std::string& option, const std::string& text, const char* kind) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || (error != std::errc{} && error != std::errc::result_out_of_range)) {
    throw OptionError(member_name(option), std::string("expected ") + kind + ", found \"" + text + "\"");
  }
  if (error == std::errc::result_out_of_range) throw OptionError(member_name(option), text + " is out of range");
  return value;
}

CLI::Option* add_whole(CLI::App& app, const std::string& name, const std::function<void(std::uint64_t)>& set, const std::string& help,
                       std::uint64_t least, std::uint64_t most) {
  return app
      .add_option_function<std::string>(
          name,
          [name, set, least, most](const std::string& text) {
            const auto value = parse_number<std::uint64_t>(name, text, "a whole number");
            if (value < least) throw OptionError(member_name(name), "must be at least " + std::to_string(least) + ", got " + text);
            if (value > most) throw OptionError(member_name(name), "must be at most " + std::to_string(most) + ", got " + text);
            set(value);
          },
          help)
      ->type_name("N");
}

/// `5,20,100`. \throws OptionError
std::vector<std::size_t> parse_tops(const std::string& text) {
  std::vector<std::size_t> tops;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string number = text.substr(begin, end - begin);
    std::size_t top = 0;
    const auto [last, error] = std::from_chars(number.data(), number.data() + number.size(), top);
    if (error == std::errc::result_out_of_range) throw OptionError("top", number + " is out of range");
    if (error != std::errc{} || last != number.data() + number.size()) {
      throw OptionError("top", "expected whole numbers separated by commas, found \"" + text + "\"");
    }
    if (top == 0) throw OptionError("top", "must be at least 1, got 0");
    tops.push_back(top);
    begin = end + 1;
  }
  return tops;
}

/// Breaks `text` into lines of at most `width` columns at blanks.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

/// Width of the help text, that of a terminal that nobody changed.
constexpr std::size_t kWidth = 80;
/// Column at which the help texts of options begin.
constexpr std::size_t kIndent = 24;

/// `text` in lines of at most kWidth columns, those after the first indented by `indent`.
std::string filled(const std::string& text, std::size_t indent = 0) {
  std::string filled;
  for (const std::string& line : wrapped(text, kWidth - indent)) {
    filled += (filled.empty() ? "" : "\n" + std::string(indent, ' ')) + line;
  }
  return filled;
}

/// Lays the help text out in two columns, at most kWidth characters wide together.
class HelpLayout : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    std::string text = app->get_description();
    if (app->get_parent() != nullptr) {
      text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
      text += '.';
    }
    return filled(text) + "\n";
  }

  std::string make_usage(const CLI::App* app, std::string /*name*/) const override {
    if (app->get_parent() == nullptr) return "\nUsage: lowrank COMMAND [options]\n\n";
    std::string usage = "Usage: lowrank " + app->get_name();
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) usage += " " + option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "");
    }
    for (const CLI::Option* option : app->get_options()) {
      if (!option->get_positional() && option->get_required()) usage += " " + option->get_name() + " " + option->get_type_name();
    }
    return "\n" + filled(usage + " [options]", 7) + "\n\n";
  }

  [[nodiscard]] std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> options) const override {
    std::string text = is_positional ? std::string() : filled(group + ":", 2) + "\n";
    for (const CLI::Option* option : options) text += make_option(option, is_positional);
    return is_positional ? text + "\n" : text;
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string left = "  " + (is_positional ? option->get_name(true) : option->get_name(false, true));
    if (const std::size_t comma = left.find(','); comma != std::string::npos) left.insert(comma + 1, 1, ' ');
    std::string help = option->get_description();
    if (!is_positional && option->get_items_expected_max() != 0) {
      left += " " + option->get_type_name();
      if (!option->get_default_str().empty()) help += " (default " + option->get_default_str() + ")";
    }
    return two_columns(left, help);
  }

  std::string make_subcommand(const CLI::App* command) const override {
    return two_columns("  " + command->get_name(), command->get_description());
  }

 private:
  static std::string two_columns(const std::string& left, const std::string& right) {
    std::string text = left;
    if (text.size() + 2 > kIndent) text += "\n" + std::string(kIndent, ' ');
    bool first = left.size() + 2 <= kIndent;
    bool any = false;
    for (const std::string& line : wrapped(right, kWidth - kIndent)) {
      if (first) {
        text.append(kIndent - text.size(), ' ');
        first = false;
      } else if (any) {
        text += "\n" + std::string(kIndent, ' ');
      }
      text += line;
      any = true;
    }
    return text + "\n";
  }
};

}  // namespace

void check_files(std::initializer_list<NamedFile> inputs, std::vector<NamedFile> outputs) {
  outputs.push_back({"", "-"});  // standard output
  check_outputs(std::span(inputs.begin(), inputs.size()), outputs);
}

std::string flag_of(std::string_view option) {
  if (const std::size_t either = option.find(" or "); either != std::string_view::npos) {
    return flag_of(option.substr(0, either)) + " or " + flag_of(option.substr(either + 4));
  }
  const std::size_t equals = std::min(option.find('='), option.size());
  const std::string_view value = option.substr(std::min(equals + 1, option.size()));
  std::string flag = (value == "false" ? "--no-" : "--") + std::string(option.substr(0, equals));
  std::replace(flag.begin(), flag.end(), '_', '-');
  // The one option whose usual spelling is not that of the member.
  if (flag == "--time-contexts") flag.pop_back();
  return value.empty() || value == "true" || value == "false" ? flag : flag + " " + std::string(value);
}

std::string with_flags(const std::string& text) { return Error(text).message(flag_of); }

void refuse_unread(const CLI::App& app, const std::string& flag, bool reads, const std::string& problem) {
  if (!reads && app.count(flag) > 0) throw OptionError(member_name(flag), problem);
}

void add_positional(CLI::App& app, const std::string& name, std::string& target, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [name, &target](const std::string& text) {
           if (text.empty()) throw OptionError("", name + " must not be empty");
           target = text;
         },
         help)
      ->required();
}

void add_positionals(CLI::App& app, const std::string& name, std::vector<std::string>& target, const std::string& help) {
  app.add_option(
         name,
         [name, &target](const CLI::results_t& values) {
           if (std::ranges::find(values, "") != values.end()) throw OptionError("", name + " must not be empty");
           target = values;
           return true;
         },
         help)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args()
      ->required();
}

CLI::Option* add_text(CLI::App& app, const std::string& name, const std::string& label, std::string& target, const std::string& help) {
  auto* option = app.add_option_function<std::string>(
      name,
      [name, &target](const std::string& text) {
        if (text.empty()) throw OptionError(member_name(name), "must not be empty");
        target = text;
      },
      help);
  return option->type_name(label)->default_str(target);
}

CLI::Option* add_integer(CLI::App& app, const std::string& name, std::uint64_t& target, const std::string& help, std::uint64_t least,
                         std::uint64_t most) {
  return add_whole(
             app, name, [&target](std::uint64_t value) { target = value; }, help, least, most)
      ->default_str(std::to_string(target));
}

CLI::Option* add_integer(CLI::App& app, const std::string& name, std::uint32_t& target, const std::string& help, std::uint32_t least) {
  return add_whole(
             app, name, [&target](std::uint64_t value) { target = static_cast<std::uint32_t>(value); }, help, least,
             std::numeric_limits<std::uint32_t>::max())
      ->default_str(std::to_string(target));
}

CLI::Option* add_integer(CLI::App& app, const std::string& name, std::optional<std::uint32_t>& target, const std::string& help) {
  return add_whole(
      app, name, [&target](std::uint64_t value) { target = static_cast<std::uint32_t>(value); }, help, 0,
      std::numeric_limits<std::uint32_t>::max());
}

CLI::Option* add_real(CLI::App& app, const std::string& name, double& target, const std::string& help) {
  auto* option = app.add_option_function<std::string>(
      name, [name, &target](const std::string& text) { target = parse_number<double>(name, text, "a number"); }, help);
  std::string shown;
  append(shown, target);
  return option->type_name("X")->default_str(shown);
}

CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<float>& target, const std::string& help) {
  auto* option = app.add_option_function<std::string>(
      name, [name, &target](const std::string& text) { target = parse_number<float>(name, text, "a number"); }, help);
  return option->type_name("X");
}

CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<double>& target, const std::string& help) {
  auto* option = app.add_option_function<std::string>(
      name, [name, &target](const std::string& text) { target = parse_number<double>(name, text, "a number"); }, help);
  return option->type_name("X");
}

CLI::Option* add_list(CLI::App& app, const std::string& name, const std::string& label, std::vector<std::string>& target,
                      const std::string& help) {
  auto* option = app.add_option(
      name,
      [name, &target](const CLI::results_t& values) {
        if (std::ranges::find(values, "") != values.end()) throw OptionError(member_name(name), "must not be empty");
        target = values;
        return true;
      },
      help);
  return option->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name(label);
}

CLI::Option* add_tops(CLI::App& app, std::vector<std::size_t>& tops, const std::string& help) {
  return app
      .add_option_function<std::string>(
          "--top", [&tops](const std::string& text) { tops = parse_tops(text); }, help)
      ->type_name("K[,K...]");
}

void add_relevant_from(CLI::App& app, std::optional<float>& relevant_from) {
  add_real(app, "--relevant-from", relevant_from, "with --top: count only test items rated X or more as relevant (default: all)");
}

void add_threads(CLI::App& app, int& threads) {
  app.add_option_function<std::string>(
         "--threads",
         [&threads](const std::string& text) {
           const auto value = parse_number<std::uint32_t>("threads", text, "a whole number");
           threads = static_cast<int>(std::min<std::uint32_t>(value, std::numeric_limits<int>::max()));
         },
         "number of threads, 0 for all cores; results do not depend on it")
      ->type_name("N")
      ->default_str("0");
}

void add_output(CLI::App& app, std::string& path) {
  add_text(app, "-o,--output", "FILE", path, "write the results to FILE, which appears only when it is complete")->group(kOutput);
}

CLI::Option* add_json(CLI::App& app, bool& json) {
  return app.add_flag("--json", json, "print one JSON document instead of text")->group(kOutput);
}

void add_quiet(CLI::App& app, bool& quiet) {
  app.add_flag("--quiet", quiet, "do not show on standard error what the file of ratings was taken for")->group(kOutput);
}

void add_titles(CLI::App& app, std::string& path) {
  add_text(app, "--titles", "FILE", path, "file of item titles to show, one per line: id::title, id,title or id|title")->group(kOutput);
}

void add_reading(CLI::App& app, ReadOptions& read, bool trains) {
  app.add_option_function<std::string>(
         "--format", [&read](const std::string& text) { read.format = parse_format(text); },
         "format of the file: auto, csv, tsv, movielens, matrix-market, adjacency (user item item ...), matrix (a table of users x "
         "items), or tns (a tensor: indices and a value)")
      ->type_name("NAME")
      ->default_str("auto")
      ->group(kReading);
  app.add_option_function<std::string>(
         "--columns",
         [&read, trains](const std::string& text) {
           read.columns = Columns::parse(text);
           if (read.columns.weight_stated && !trains) throw OptionError("columns", "a weight is read only by train");
         },
         std::string("columns of the file, by number or header name, such as user=1,item=2,rating=3,time=4 (default: by the names in the "
                     "header, or in this order)") +
             (trains ? "; weight=5 names a column that says how much a rating counts in training, compared with 1" : ""))
      ->type_name("LIST")
      ->group(kReading);
  app.add_option_function<std::string>(
         "--separator", [&read](const std::string& text) { read.separator = parse_separator(text); },
         "what separates the columns of the file: one character, or tab, blank or :: (default: told from the first lines)")
      ->type_name("TEXT")
      ->group(kReading);
  app.add_option_function<std::string>(
         "--decimal", [&read](const std::string& text) { read.decimal = parse_decimal(text); },
         "decimal mark of the ratings in the file: . or , or auto; with a comma, commas do not separate columns unless --separator says so")
      ->type_name("MARK")
      ->default_str("auto")
      ->group(kReading);
  app.add_option_function<std::string>(
         "--encoding", [&read](const std::string& text) { read.encoding = text; },
         "encoding of the file, by a name that iconv knows, such as latin-1, windows-1252 or utf-16")
      ->type_name("NAME")
      ->default_str("utf-8")
      ->group(kReading);
  app.add_flag("--skip-bad-lines", read.skip_bad_lines,
               "leave malformed lines of the file out; their number and the first ten are reported on standard error")
      ->group(kReading);
  if (trains) {
    app.add_option_function<std::string>(
           "--duplicates", [&read](const std::string& text) { read.duplicates = parse_duplicates(text); },
           "rating to keep for a pair that is rated more than once: last, first, mean, sum, count (their number, whatever they are; 1 for "
           "every other pair), or error to refuse the file")
        ->type_name("RULE")
        ->default_str("last")
        ->group(kReading);
  }
  app.add_flag("--implicit-values", read.implicit_values, "read lines without a rating as ratings of 1")->group(kReading);
}

void refuse_unread_reading(const CLI::App& app, bool reads, const std::string& problem, const std::string& but) {
  for (const CLI::Option* option : app.get_options([](const CLI::Option* one) { return one->get_group() == kReading; })) {
    refuse_unread(app, option->get_name(), reads || option->get_name() == but, problem);
  }
}

void set_example(CLI::App& app, const std::string& lines) { app.footer("Example:\n" + lines); }

void use_help_layout(CLI::App& app) { app.formatter(std::make_shared<HelpLayout>()); }

std::vector<std::string> spread_lists(const std::vector<std::string>& arguments) {
  std::vector<std::string> spread;
  std::string list;
  bool has_value = false;
  for (const std::string& argument : arguments) {
    if (argument == "--user" || argument == "--item") {
      list = argument;
      has_value = false;
    } else if (!list.empty() && has_value && !(argument.size() > 1 && argument.starts_with('-'))) {
      spread.push_back(list);
    } else if (!list.empty() && !has_value) {
      has_value = true;
    } else {
      list.clear();
    }
    spread.push_back(argument);
  }
  return spread;
}

std::string value_of(const std::vector<std::string>& arguments, std::string_view name, std::string_view otherwise) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == name && i + 1 < arguments.size()) return arguments[i + 1];
    if (argument.starts_with(name) && argument.size() > name.size() && argument[name.size()] == '=') {
      return std::string(argument.substr(name.size() + 1));
    }
  }
  return std::string(otherwise);
}

std::string describe(const CLI::ParseError& error, const CLI::App& program) {
  std::string text = error.what();
  // An option that is unknown is worth more than one that is missing.
  const std::vector<std::string> left = program.remaining(true);
  const auto option = std::ranges::find_if(left, [](const std::string& argument) { return argument.size() > 1 && argument[0] == '-'; });
  const bool is_extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if ((is_extra || dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) && option != left.end()) {
    const std::string name = option->substr(0, option->find('='));
    const std::vector<CLI::App*> commands = program.get_subcommands();
    return "unknown option " + name + suggestion_for_option(name, commands.empty() ? program : *commands.front());
  }
  if (is_extra) return "unexpected argument \"" + (left.empty() ? "" : left.front()) + "\"";
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::size_t name = text.find("--");
    const std::string mismatched = name == std::string::npos ? text : text.substr(name, text.find_first_of(" :", name) - name);
    return mismatched + (text.find("missing") != std::string::npos ? ": a value is missing" : ": given more than once");
  }
  return text;
}

}  // namespace lowrank::cli
