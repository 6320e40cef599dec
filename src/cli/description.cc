#include "cli/description.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command.h"
#include "lowrank/train/method.h"

namespace lowrank::cli {

namespace {

/// Options whose values are words that only their parsers know. An empty command stands for all others.
struct Words {
  std::string_view command;
  std::string_view option;
  std::string_view words;
};

constexpr auto kWords = std::to_array<Words>({
    {"export", "--format", "csv tsv"},
    {"", "--format", "auto csv tsv movielens matrix-market adjacency matrix tns"},
    {"", "--separator", "tab blank ::"},
    {"", "--time-context", "hour weekday day week month season"},
    {"", "--decimal", ". , auto"},
    {"", "--duplicates", "last first mean sum count error"},
    {"", "--side", "items users"},
    {"similar", "--by", "cosine dot neighbours"},
    {"cv", "--by", "random user last global-time pair"},
    {"split", "--by", "random user time last global-time pair"},
    {"evaluate", "--method", "sgd als bayes baseline implicit bpr popular"},
    {"", "--unknown", "error popular"},
    {"", "--unknown-items", "error skip"},
    {"", "--unknown-users", "error skip"},
    {"", "--sync", "full normal"},
    {"", "--log-level", "debug info warning error"},
    {"completion", "SHELL", "bash zsh fish"},
});

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<std::string> method_words() {
  const auto names = method_names();
  return {names.begin(), names.end()};
}

std::vector<std::string> choices_of(const std::string& command, const std::string& option, const std::string& method) {
  for (const Words& words : kWords) {
    if (words.option == option && (words.command.empty() || words.command == command)) return split_words(words.words);
  }
  if (option == "--method") return method_words();
  if (method.empty()) return {};
  for (const OptionInfo& info : options_of(method_by_name(method))) {
    if (info.kind == OptionInfo::Kind::choice && flag_of(info.name) == option) return {info.choices.begin(), info.choices.end()};
  }
  return {};
}

OptionText text_of(const CLI::Option& option, const std::string& command, const std::string& method) {
  OptionText text;
  const bool positional = option.get_positional();
  if (!option.get_snames().empty()) text.brief = "-" + option.get_snames().front();
  text.name = positional ? option.get_name(true) : "--" + option.get_lnames().front();
  const bool is_flag = !positional && option.get_items_expected_max() == 0;
  if (positional) text.label = text.name;
  if (!positional && !is_flag) text.label = option.get_type_name();
  text.help = option.get_description();
  text.fallback = is_flag ? "" : option.get_default_str();
  text.group = option.get_group();
  text.required = option.get_required();
  text.repeats = option.get_items_expected_max() > 1;
  text.choices = choices_of(command, text.name, method);
  return text;
}

CommandText text_of(const CLI::App& app, const std::string& method) {
  CommandText text{app.get_name(), method, app.get_description(), app.get_footer(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      text.arguments.push_back(text_of(*option, text.name, method));
    } else if (!option->get_group().empty()) {  // hidden ones have none
      text.options.push_back(text_of(*option, text.name, method));
    }
  }
  return text;
}

}  // namespace

bool OptionText::is_file() const {
  constexpr auto kFiles = std::to_array<std::string_view>(
      {"FILE", "MODEL", "MODEL2", "MODEL...", "PREFIX", "FOLDER", "STREAM", "STATE", "TEST", "RATINGS", "PAIRS"});
  return choices.empty() && std::ranges::find(kFiles, label) != kFiles.end();
}

std::string OptionText::summary() const {
  // A colon inside a word is a part of it, as in `id::title`.
  for (std::size_t i = 0; i < help.size(); ++i) {
    const bool ends = i + 1 == help.size() || help[i + 1] == ' ';
    if (help[i] == ';' || (help[i] == ':' && ends && i > 12) || (help[i] == '(' && i > 0 && i > 12)) {
      return help.substr(0, help.find_last_not_of(' ', i - 1) + 1);
    }
  }
  return help;
}

std::vector<CommandText> describe_commands() {
  std::vector<CommandText> commands;
  const std::vector<std::string> methods = method_words();
  const auto add = [](const std::string& method) {
    auto program = std::make_unique<CLI::App>("", "lowrank");
    program->set_help_flag("-h,--help", "show this text");
    return std::pair{add_commands(*program, method, false), std::move(program)};
  };
  const auto base = add(methods.front());
  for (std::size_t i = 0; i < base.first.size(); ++i) {
    const std::string name = base.first[i].app->get_name();
    if (name != "train" && name != "cv" && name != "serve") {
      commands.push_back(text_of(*base.first[i].app, ""));
      continue;
    }
    for (const std::string& method : methods) {
      const auto other = add(method);
      commands.push_back(text_of(*other.first[i].app, method));
    }
  }
  return commands;
}

std::vector<std::string> command_names(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  for (const CommandText& command : commands) {
    if (names.empty() || names.back() != command.name) names.push_back(command.name);
  }
  return names;
}

}  // namespace lowrank::cli
