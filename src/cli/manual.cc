#include "cli/manual.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/description.h"
#include "cli/results.h"
#include "cli/suggestion.h"
#include "lowrank/base/error.h"
#include "lowrank/train/method.h"
#include "lowrank/version.h"

namespace lowrank::cli {

namespace {

/// `text` for troff: its minus signs are those that are typed, and no line begins with a command.
std::string roff(std::string_view text) {
  std::string escaped;
  bool begins = true;
  for (const char letter : text) {
    if (begins && (letter == '.' || letter == '\'')) escaped += "\\&";
    begins = letter == '\n';
    if (letter == '-') {
      escaped += "\\-";
    } else if (letter == '\\') {
      escaped += "\\e";
    } else {
      escaped += letter;
    }
  }
  return escaped;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return text;
}

std::string sentence(std::string text) {
  if (!text.empty()) text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + ".";
}

std::string header(const std::string& name, const std::string& summary) {
  return ".TH " + upper(roff(name)) + " 1 \"\" \"lowrank " + std::string(version()) + "\" \"User Commands\"\n.nh\n.SH NAME\n" + roff(name) +
         " \\- " + roff(summary) + "\n";
}

void add_option(std::string& page, const OptionText& option) {
  page += ".TP\n";
  if (!option.brief.empty()) page += "\\fB" + roff(option.brief) + "\\fR, ";
  page += "\\fB" + roff(option.name) + "\\fR";
  if (option.takes_value()) page += " \\fI" + roff(option.label) + "\\fR";
  page += "\n" + roff(sentence(option.help));
  const bool unsaid =
      std::ranges::any_of(option.choices, [&option](const std::string& choice) { return option.help.find(choice) == std::string::npos; });
  if (unsaid) {
    page += "\nOne of";
    for (std::size_t i = 0; i < option.choices.size(); ++i) page += (i > 0 ? ", " : " ") + roff(option.choices[i]);
    page += ".";
  }
  if (!option.fallback.empty()) page += "\nDefault: " + roff(option.fallback) + ".";
  page += "\n";
}

/// Options under the headings that they have in the help texts. \param headings  starts with `.SH` or `.SS`
void add_options(std::string& page, const std::vector<OptionText>& options, const std::string& first) {
  std::string group;
  std::vector<std::string> groups;
  for (const OptionText& option : options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  for (const std::string& name : groups) {
    page += name == "Options" ? ".SH " + first + "\n" : ".SS " + roff(name) + "\n";
    for (const OptionText& option : options) {
      if (option.group == name) add_option(page, option);
    }
  }
}

void add_synopsis(std::string& page, const CommandText& command) {
  page += ".SH SYNOPSIS\n\\fBlowrank " + roff(command.name) + "\\fR";
  for (const OptionText& argument : command.arguments) {
    const std::string name = "\\fI" + roff(argument.name) + "\\fR" + (argument.repeats ? "..." : "");
    page += argument.required ? " " + name : " [" + name + "]";
  }
  for (const OptionText& option : command.options) {
    if (option.required) page += " \\fB" + roff(option.name) + "\\fR \\fI" + roff(option.label) + "\\fR";
  }
  page += " [\\fIoptions\\fR]\n";
}

/// The example of the help text as it is typed.
void add_example(std::string& page, const std::string& footer) {
  const std::size_t begin = footer.find('\n');
  if (begin == std::string::npos) return;
  page += ".SH EXAMPLE\n.nf\n";
  std::string_view rest = std::string_view(footer).substr(begin + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    page += roff(line) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  page += ".fi\n";
}

/// Of `command`, the options that each of the commands `all` has in the same words (`common`), or the others.
std::vector<OptionText> shared_options(const CommandText& command, const std::vector<const CommandText*>& all, bool common) {
  const auto same = [](const OptionText& left) {
    return [&left](const OptionText& right) {
      return left.name == right.name && left.help == right.help && left.fallback == right.fallback && left.group == right.group;
    };
  };
  std::vector<OptionText> chosen;
  for (const OptionText& option : command.options) {
    const bool everywhere =
        std::ranges::all_of(all, [&](const CommandText* other) { return std::ranges::any_of(other->options, same(option)); });
    if (everywhere == common) chosen.push_back(option);
  }
  return chosen;
}

/// \param all  the command under each method, or the only one
std::string command_page(const std::vector<const CommandText*>& all) {
  const CommandText& command = *all.front();
  std::string page = header("lowrank-" + command.name, command.help);
  add_synopsis(page, command);
  page += ".SH DESCRIPTION\n" + roff(sentence(command.help)) + "\n";
  for (const OptionText& argument : command.arguments) add_option(page, {"", argument.name, "", argument.help, "", "", false, false, {}});
  add_options(page, shared_options(command, all, true), "OPTIONS");
  for (const CommandText* one : all) {
    if (one->method.empty()) break;
    page += ".SH " + upper("options of method ") + roff(one->method) + "\n";
    page += roff(sentence(std::string(summary_of(method_by_name(one->method))))) + "\n";
    for (const OptionText& option : shared_options(*one, all, false)) add_option(page, option);
  }
  add_example(page, command.footer);
  return page + ".SH SEE ALSO\n\\fBlowrank\\fR(1)\n";
}

std::string program_page(const std::vector<CommandText>& commands) {
  std::string page = header("lowrank", "factorize large, sparse rating matrices and recommend from them");
  page +=
      ".SH SYNOPSIS\n\\fBlowrank\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\nTrains models on ratings or interactions of users with items, measures them and recommends from them.\n"
      "Results go to standard output, progress and messages to standard error.\n.SH COMMANDS\n";
  std::string before;
  for (const CommandText& command : commands) {
    if (command.name == before) continue;
    before = command.name;
    page += ".TP\n\\fBlowrank\\-" + roff(command.name) + "\\fR(1)\n" + roff(sentence(command.help)) + "\n";
  }
  page +=
      ".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow the commands.\n"
      ".TP\n\\fB\\-\\-version\\fR\nShow the version and the SIMD level in use.\n"
      ".SH EXIT STATUS\n.TP\n0\nThe command is done.\n"
      ".TP\n1\nIt failed: input that is bad or cannot be read, an unknown id, no memory or no space.\n"
      ".TP\n2\nThe command line is wrong.\n.TP\n130\nIt was interrupted. A training keeps its best epoch so far.\n"
      ".SH ENVIRONMENT\n.TP\nLOWRANK_SIMD\n"
      "Limits the instructions in use: scalar, sse4, avx2 or avx512. By default, the best that the processor has.\n";
  return page;
}

void write(const std::string& text, const std::string& path) {
  Results results(path);
  results.write(text);
  results.finish();
}

int run_manual(const std::string& command, const std::string& folder) {
  const std::vector<ManualPage> pages = manual_pages();
  if (!folder.empty()) {
    for (const ManualPage& page : pages) write(page.text, (std::filesystem::path(folder) / (page.name + ".1")).string());
    return kExitDone;
  }
  const std::string name = command.empty() ? "lowrank" : "lowrank-" + command;
  const auto page = std::ranges::find_if(pages, [&name](const ManualPage& one) { return one.name == name; });
  if (page == pages.end()) {
    throw OptionError("", "unknown command \"" + command + "\"" + suggestion_for(command, command_names(describe_commands())));
  }
  write(page->text, "");
  return kExitDone;
}

}  // namespace

std::vector<ManualPage> manual_pages() {
  const std::vector<CommandText> commands = describe_commands();
  std::vector<ManualPage> pages = {{"lowrank", program_page(commands)}};
  for (const std::string& name : command_names(commands)) {
    std::vector<const CommandText*> all;
    for (const CommandText& command : commands) {
      if (command.name == name) all.push_back(&command);
    }
    pages.push_back({"lowrank-" + name, command_page(all)});
  }
  return pages;
}

Command add_manual(CLI::App& program) {
  struct Arguments {
    std::string command;
    std::string folder;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* app = program.add_subcommand("manual", "print the manual page of a command, for man");
  app->add_option("COMMAND", arguments->command, "command whose page is printed; without one, the page of the program");
  add_text(*app, "--all", "FOLDER", arguments->folder, "write every page to FOLDER instead, as lowrank.1, lowrank-train.1 and so on")
      ->group(kOutput);
  set_example(*app, "  lowrank manual train");
  return {app, [app, arguments] {
            refuse_unread(*app, "--all", arguments->command.empty(), "cannot be given together with COMMAND");
            return run_manual(arguments->command, arguments->folder);
          }};
}

}  // namespace lowrank::cli
