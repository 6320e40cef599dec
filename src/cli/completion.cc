#include "cli/completion.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/description.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/train/method.h"

namespace lowrank::cli {

namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? std::string() : std::string(between)) + word;
  return text;
}

/// `text` in single quotes, for the shells whose escape of a quote is `escaped`.
std::string quoted(const std::string& text, std::string_view escaped) {
  std::string quoted = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      quoted += escaped;
    } else {
      quoted += letter;
    }
  }
  return quoted + "'";
}

/// For bash and zsh, where a quoted text ends before a quote and begins again after it.
std::string quoted(const std::string& text) { return quoted(text, "'\\''"); }

/// Commands in groups of the same name.
std::vector<std::string> method_commands(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  for (const CommandText& command : commands) {
    if (!command.method.empty() && (names.empty() || names.back() != command.name)) names.push_back(command.name);
  }
  return names;
}

std::string default_method() { return std::string(method_names().front()); }

/// The commands whose names are arguments of `help` and `manual`.
bool names_commands(const OptionText& argument) { return argument.name == "COMMAND"; }

// bash

/// One branch of `case $before`: the options whose values are of one sort.
void add_bash_values(std::string& script, const CommandText& command) {
  std::vector<std::string> files;
  std::vector<std::string> others;
  for (const OptionText& option : command.options) {
    if (!option.takes_value()) continue;
    const std::string pattern = option.brief.empty() ? option.name : option.brief + "|" + option.name;
    if (!option.choices.empty()) {
      script += "        " + pattern + ") sort=words values=" + quoted(joined(option.choices)) + " ;;\n";
    } else {
      (option.is_file() ? files : others).push_back(pattern);
    }
  }
  if (!files.empty()) script += "        " + joined(files, "|") + ") sort=file ;;\n";
  if (!others.empty()) script += "        " + joined(others, "|") + ") sort=other ;;\n";
}

void add_bash_command(std::string& script, const CommandText& command, const std::vector<std::string>& names) {
  std::vector<std::string> options;
  options.reserve(command.options.size());
  for (const OptionText& option : command.options) options.push_back(option.name);
  script += "    " + command.key() + ")\n      options=" + quoted(joined(options)) + "\n";
  for (const OptionText& argument : command.arguments) {
    const std::vector<std::string>& values = names_commands(argument) ? names : argument.choices;
    if (!values.empty()) script += "      sort=words values=" + quoted(joined(values)) + "\n";
  }
  if (command.arguments.empty()) script += "      sort=other\n";
  script += "      case $before in\n";
  add_bash_values(script, command);
  script += "      esac\n      ;;\n";
}

std::string bash_script(const std::vector<CommandText>& commands) {
  const std::vector<std::string> names = command_names(commands);
  std::string script = R"(# Completion of lowrank in bash, written by `lowrank completion bash`.
_lowrank() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  # Bash takes --rank=8 for three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  # The method decides about the options, wherever it stands.
  local command= method=)" +
                       default_method() +
                       R"( i=1 value
  while ((i < ${#COMP_WORDS[@]})); do
    case ${COMP_WORDS[i]} in
      --method)
        value=$((i + 1))
        if [[ ${COMP_WORDS[value]} == = ]]; then value=$((i + 2)); fi
        if ((value != COMP_CWORD)); then method=${COMP_WORDS[value]-}; fi
        ;;
      -*) ;;
      *) if [[ -z $command ]] && ((i < COMP_CWORD)); then command=${COMP_WORDS[i]}; fi ;;
    esac
    i=$((i + 1))
  done
  case $command in
    )" + joined(method_commands(commands), "|") +
                       R"() command+=/$method ;;
  esac
  # What can follow: options, and files unless sort says something else.
  local options= values= sort=file
  case $command in
    '')
      options='--help --version'
      sort=words values=)" +
                       quoted("help " + joined(names)) + R"(
      ;;
    help)
      sort=words values=)" +
                       quoted(joined(names)) + R"(
      ;;
)";
  for (const CommandText& command : commands) add_bash_command(script, command, names);
  script += R"(    *) return ;;
  esac
  COMPREPLY=()
  if [[ $word == -* && $before != -* ]] || [[ $word == --* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ $sort == words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $sort == file ]]; then
    compopt -o filenames 2>/dev/null || :
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _lowrank lowrank
)";
  return script;
}

// zsh

/// `text` inside the brackets or after the colon of a specification of _arguments.
std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string zsh_action(const OptionText& option, const std::vector<std::string>& names) {
  const std::vector<std::string>& values = names_commands(option) ? names : option.choices;
  if (!values.empty()) {
    std::vector<std::string> escaped;
    escaped.reserve(values.size());
    for (const std::string& value : values) escaped.push_back(zsh_text(value));
    return "(" + joined(escaped) + ")";
  }
  return option.is_file() ? "_files" : " ";
}

std::string zsh_option(const OptionText& option, const std::vector<std::string>& names) {
  const std::string value = option.takes_value() ? ":" + zsh_text(option.label) + ":" + zsh_action(option, names) : "";
  const std::string help = "[" + zsh_text(option.summary()) + "]" + value;
  const std::string sign = option.takes_value() ? "=" : "";
  if (option.repeats) return quoted("*" + option.name + sign + help);
  if (option.brief.empty()) return quoted(option.name + sign + help);
  return quoted("(" + option.brief + " " + option.name + ")") + "{" + option.brief + (sign.empty() ? "" : "+") + "," + option.name + sign +
         "}" + quoted(help);
}

void add_zsh_command(std::string& script, const CommandText& command, const std::vector<std::string>& names) {
  script += "    (" + command.key() + ")\n      _arguments -s -S";
  for (const OptionText& option : command.options) script += " \\\n        " + zsh_option(option, names);
  std::size_t place = 0;
  for (const OptionText& argument : command.arguments) {
    script += " \\\n        " + quoted((argument.repeats ? "*" : std::to_string(++place)) + ":" + zsh_text(argument.label) + ":" +
                                       zsh_action(argument, names));
  }
  script += "\n      ;;\n";
}

std::string zsh_script(const std::vector<CommandText>& commands) {
  const std::vector<std::string> names = command_names(commands);
  std::string script = R"(#compdef lowrank
# Completion of lowrank in zsh, written by `lowrank completion zsh`.
_lowrank() {
  local -a commands
  commands=(
    'help:show the options of a command'
)";
  std::string before;
  for (const CommandText& command : commands) {
    if (command.name != before) script += "    " + quoted(command.name + ":" + zsh_text(command.help)) + "\n";
    before = command.name;
  }
  script += R"(  )
  if ((CURRENT == 2)); then
    if [[ $words[2] == -* ]]; then
      _arguments '(- *)'{-h,--help}'[show the commands]' '(- *)--version[show the version]'
    else
      _describe command commands
    fi
    return
  fi
  # The method decides about the options, wherever it stands.
  local command=$words[2] method=)" +
            default_method() + R"( i
  for ((i = 3; i <= $#words; ++i)); do
    case $words[i] in
      (--method) if ((i + 1 != CURRENT)); then method=$words[i+1]; fi ;;
      (--method=*) if ((i != CURRENT)); then method=${words[i]#*=}; fi ;;
    esac
  done
  case $command in
    ()" + joined(method_commands(commands), "|") +
            R"() command+=/$method ;;
  esac
  shift words
  ((CURRENT -= 1))
  case $command in
    (help) _arguments )" +
            quoted("1:COMMAND:(" + joined(names) + ")") + R"( ;;
)";
  for (const CommandText& command : commands) add_zsh_command(script, command, names);
  script += R"(  esac
}
# The file is either found by its name in $fpath, and then its content is the function, or it is sourced.
if [[ $funcstack[1] == _lowrank ]]; then
  _lowrank "$@"
else
  compdef _lowrank lowrank
fi
)";
  return script;
}

// fish

/// An option with the methods that have it with the same help and values.
struct FishOption {
  std::string arguments;  ///< those of `complete` but for the condition
  std::vector<std::string> methods;
};

std::string fish_quoted(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\\') escaped += '\\';
    escaped += letter;
  }
  return quoted(escaped, "\\'");
}

std::string fish_arguments(const OptionText& option) {
  std::string text;
  if (!option.brief.empty()) text += " -s " + option.brief.substr(1);
  text += " -l " + option.name.substr(2);
  if (!option.choices.empty()) {
    text += " -x -a " + fish_quoted(joined(option.choices));
  } else if (option.is_file()) {
    text += " -r -F";
  } else if (option.takes_value()) {
    text += " -x";
  }
  return text + " -d " + fish_quoted(option.summary());
}

/// The options of a command, those of its methods put together.
std::vector<FishOption> fish_options(const std::vector<CommandText>& commands, const std::string& name) {
  std::vector<FishOption> options;
  for (const CommandText& command : commands) {
    if (command.name != name) continue;
    for (const OptionText& option : command.options) {
      const std::string arguments = fish_arguments(option);
      auto same = std::ranges::find_if(options, [&](const FishOption& other) { return other.arguments == arguments; });
      if (same == options.end()) same = options.insert(options.end(), {arguments, {}});
      same->methods.push_back(command.method);
    }
  }
  return options;
}

void add_fish_command(std::string& script, const std::vector<CommandText>& commands, const CommandText& command,
                      const std::vector<std::string>& names) {
  const std::size_t methods = method_names().size();
  for (const FishOption& option : fish_options(commands, command.name)) {
    std::string condition = "__lowrank_uses " + command.name;
    if (!command.method.empty() && option.methods.size() < methods) condition += " " + joined(option.methods);
    script += "complete -c lowrank -n " + fish_quoted(condition) + option.arguments + "\n";
  }
  const std::string condition = "complete -c lowrank -n " + fish_quoted("__lowrank_uses " + command.name);
  for (const OptionText& argument : command.arguments) {
    const std::vector<std::string>& values = names_commands(argument) ? names : argument.choices;
    script += condition + (values.empty() ? " -F" : " -f -a " + fish_quoted(joined(values))) + "\n";
  }
}

std::string fish_script(const std::vector<CommandText>& commands) {
  const std::vector<std::string> names = command_names(commands);
  std::string script = R"(# Completion of lowrank in fish, written by `lowrank completion fish`.

# The command of the line so far.
function __lowrank_command
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if not string match -q -- '-*' $word
            echo $word
            return 0
        end
    end
    return 1
end

# Whether the line has the command $argv[1] with one of the methods $argv[2..], if there are any.
function __lowrank_uses
    test (__lowrank_command || echo -) = $argv[1] || return 1
    test (count $argv) -gt 1 || return 0
    set -l method )" + default_method() +
                       R"(
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if test $words[$i] = --method && test $i -lt (count $words)
            set method $words[(math $i + 1)]
        else if string match -q -- '--method=*' $words[$i]
            set method (string replace -- --method= '' $words[$i])
        end
    end
    contains -- $method $argv[2..-1]
end

complete -c lowrank -f
complete -c lowrank -n 'not __lowrank_command' -l help -s h -d 'show the commands'
complete -c lowrank -n 'not __lowrank_command' -l version -d 'show the version'
complete -c lowrank -n 'not __lowrank_command' -a help -d 'show the options of a command'
complete -c lowrank -n '__lowrank_uses help' -a )" +
                       fish_quoted(joined(names)) + "\n";
  std::string before;
  for (const CommandText& command : commands) {
    if (command.name == before) continue;
    before = command.name;
    script += "\ncomplete -c lowrank -n 'not __lowrank_command' -a " + command.name + " -d " + fish_quoted(command.help) + "\n";
    add_fish_command(script, commands, command, names);
  }
  return script;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell != "bash" && shell != "zsh" && shell != "fish") {
    throw OptionError("", "SHELL must be bash, zsh or fish, got \"" + shell + "\"");
  }
  const std::vector<CommandText> commands = describe_commands();
  return shell == "bash" ? bash_script(commands) : shell == "zsh" ? zsh_script(commands) : fish_script(commands);
}

Command add_completion(CLI::App& program) {
  struct Arguments {
    std::string shell;
    std::string output;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* app = program.add_subcommand("completion", "print a script that completes command lines in a shell");
  add_positional(*app, "SHELL", arguments->shell, "shell to complete in: bash, zsh or fish");
  add_output(*app, arguments->output);
  set_example(*app, "  lowrank completion bash --output lowrank.bash");
  return {app, [arguments] {
            const std::string script = completion_script(arguments->shell);
            Results results(arguments->output);
            results.write(script);
            results.finish();
            return kExitDone;
          }};
}

}  // namespace lowrank::cli
