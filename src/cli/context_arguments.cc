// The options of contexts, and what is said of contexts in files.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "data/input.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

/// Calls `take` with each part of a list with commas, blanks around it removed.
template <class Take>
void for_each_part(std::string_view list, const Take& take) {
  while (true) {
    const std::size_t comma = list.find(',');
    take(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

void add_context(CLI::App& app, std::vector<ContextValue>& context) {
  app.add_option(
         "--context",
         [&context](const CLI::results_t& texts) {
           context.clear();
           for (const std::string& text : texts) {
             for_each_part(text, [&context](std::string_view entry) {
               const std::size_t sign = entry.find('=');
               if (sign == 0 || sign == std::string_view::npos || sign + 1 == entry.size()) {
                 throw OptionError("context",
                                   "must be NAME=VALUE,..., such as companion=kids,day=1998-04-01, got \"" + std::string(entry) + "\"");
               }
               context.emplace_back(entry.substr(0, sign), entry.substr(sign + 1));
             });
           }
           return true;
         },
         "context in which it is asked, as companion=kids or day=1998-04-01, several of them separated by commas; needs a model that knows "
         "contexts: see --method context, and --time of --method bayes")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("NAME=VALUE,...");
}

Model in_context(Model model, const std::vector<ContextValue>& context) {
  if (const std::string text = unknown_levels_text(model, context); !text.empty()) print_error("warning: " + text);
  return bind_context(std::move(model), context);
}

void add_contexts(CLI::App& app, ReadOptions& read, bool periods) {
  app.add_option_function<std::string>(
         "--contexts",
         [&read](const std::string& text) {
           read.contexts.clear();
           for_each_part(text, [&read](std::string_view name) { read.contexts.emplace_back(name); });
         },
         "contexts in which ratings were given: names of columns in the header, or names that --columns gives to columns, such as "
         "daytime,companion")
      ->type_name("LIST")
      ->group(kReading);
  if (periods) {
    app.add_option_function<std::string>(
           "--time-context,--time-contexts",
           [&read](const std::string& text) {
             read.time_contexts.clear();
             for_each_part(text, [&read](std::string_view name) { read.time_contexts.push_back(parse_period(name)); });
           },
           "contexts to derive from the times of ratings, in UTC: hour, weekday, day, week, month or season, or several of them")
        ->type_name("LIST")
        ->group(kReading);
  }
  app.add_option_function<std::string>(
         "--missing",
         [&read](const std::string& text) {
           read.missing.clear();
           for_each_part(text, [&read](std::string_view word) { read.missing.emplace_back(word); });
         },
         "texts that stand for a missing context, such as -1, besides an empty field, NA, N/A, NaN, null and ?")
      ->type_name("LIST")
      ->group(kReading);
}

std::string warn_of(const std::string& file, std::vector<std::string> warnings) {
  std::erase(warnings, "");
  std::string json;
  for (std::string& warning : warnings) {
    warning.insert(0, input_name(file) + ": ");
    print_error("warning: " + warning);
    append_json(json += json.empty() ? ",\"warnings\":[" : ",", warning);
  }
  return json.empty() ? json : json + "]";
}

namespace {

/// Refuses a context that no model has.
void refuse_unknown(std::span<const Model> models, const char* option, const std::string& name) {
  std::vector<std::string> known;
  for (const Model& model : models) {
    for (const ContextVectors& context : model.contexts) {
      if (context.name == name) return;
      if (std::ranges::find(known, context.name) == known.end()) known.push_back(context.name);
    }
  }
  std::string list;
  for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
  const bool one = models.size() == 1;
  throw OptionError(option, lowrank::quoted(name) +
                                (one ? " is no context of the model, which has " : " is a context of no model: they have ") +
                                (list.empty() ? "none" : list));
}

}  // namespace

void read_contexts_of(std::span<const Model> models, ReadOptions& read) {
  const bool stated = !read.contexts.empty() || !read.time_contexts.empty();
  std::vector<std::string> names;
  std::vector<Period> periods;
  for (const Model& model : models) {
    for (const ContextVectors& context : model.contexts) {
      if (context.period != Period::none) {
        read.keep_times = true;
        if (std::ranges::find(periods, context.period) == periods.end()) periods.push_back(context.period);
      } else if (std::ranges::find(names, context.name) == names.end()) {
        names.push_back(context.name);
      }
    }
  }
  for (const std::string& spelling : read.contexts) refuse_unknown(models, "contexts", context_name(spelling).value_or(spelling));
  for (const Period period : read.time_contexts) refuse_unknown(models, "time_contexts", std::string(name_of(period)));
  // Contexts of times alone need no situations: their scores follow from the times themselves.
  if (stated || names.empty()) return;
  if (names.size() + periods.size() > kMostContexts) {
    throw OptionError("contexts", "the models have " + std::to_string(names.size() + periods.size()) + " contexts together, and " +
                                      std::to_string(kMostContexts) + " at most are read: name those that count");
  }
  read.contexts_needed = false;
  read.contexts = std::move(names);
  read.time_contexts = std::move(periods);
}

}  // namespace lowrank::cli
