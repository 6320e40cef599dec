#include "cli/suggestion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

namespace lowrank::cli {

namespace {

/// An option of lowrank, and what other programs call it. Of several rows with a name, the first whose option the command has counts.
struct Synonyms {
  std::string_view option;
  std::string_view names;  ///< between blanks
};

constexpr Synonyms kSynonyms[] = {
    {"--rank",
     " factors n-factors num-factors latent-factors n-components components dim dims dimension dimensions latent-dim "
     "embedding-dim embedding-size k d "},
    {"--top", " k n topk top-k top-n n-items num-items count limit length num max "},
    {"--epochs", " iterations iters iter n-iter n-iters num-iterations max-iter n-epochs num-epochs max-epochs steps passes "},
    {"--learning-rate", " lr alpha eta gamma step step-size rate "},
    {"--regularization", " reg regularisation lambda l2 beta weight-decay penalty reg-param user-reg "},
    {"--l1-regularization", " l1 l1-ratio "},
    {"--unobserved-weight", " alpha0 negative-weight unobserved "},
    {"--alpha", " confidence "},
    {"--negatives", " num-negatives n-negatives neg negative-samples "},
    {"--schedule", " decay lr-decay lr-schedule "},
    {"--initial-scale", " init-std init-scale std stddev sigma "},
    {"--no-biases", " biases bias no-bias unbiased biased use-biases "},
    {"--non-negative", " nonnegative nonneg positive "},
    {"--method", " algorithm algo model-type type m "},
    {"--validation", " valid val validation-file eval dev "},
    {"--holdout", " validation-fraction validation-split valid-fraction split val-split test-size "},
    {"--test", " test-size test-fraction test-share test-ratio fraction ratio "},
    {"--monitor", " metric metrics eval-metric "},
    {"--patience", " early-stopping early-stop n-iter-no-change "},
    {"--tolerance", " tol eps epsilon "},
    {"--init", " warm-start initial-model resume from-model pretrained "},
    {"--output", " out model outfile output-file save o prefix path file "},
    {"--threads", " jobs n-jobs num-threads n-threads cores workers j nthreads "},
    {"--seed", " random-state random-seed rng state rand "},
    {"--include-seen", " no-filter no-filter-seen keep-seen include-rated with-seen allow-seen filter-seen "},
    {"--user", " u uid user-id userid id "},
    {"--item", " i iid item-id itemid id "},
    {"--users", " user-file n-users num-users "},
    {"--all", " all-users everyone "},
    {"--ratings", " n-ratings num-ratings new-ratings interactions "},
    {"--items", " candidates item-file n-items num-items "},
    {"--exclude", " excluded exclude-items without blacklist "},
    {"--by", " metric similarity measure strategy mode "},
    {"--relevant-from", " threshold relevance-threshold min-relevance "},
    {"--duplicates", " dedup aggregate "},
    {"--implicit-values", " implicit binary no-ratings "},
    {"--columns", " cols fields usecols weight weights sample-weight weight-column "},
    {"--format", " filetype "},
    {"--encoding", " charset codec code-page "},
    {"--skip-bad-lines", " on-bad-lines error-bad-lines ignore-errors skip-errors skip-malformed lenient "},
    {"--separator", " sep delimiter delim "},
    {"--decimal", " dec decimal-mark decimal-point decimal-comma "},
    {"--verbose", " v debug "},
    {"--quiet", " q silent "},
    {"--help", " usage man "},
    {"--version", " v V "},
};

/// The number of letters to insert, drop, change or swap with their neighbour to make `a` from `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> of(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        of[i][j] = i + j;
        continue;
      }
      of[i][j] = std::min({of[i - 1][j] + 1, of[i][j - 1] + 1, of[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) of[i][j] = std::min(of[i][j], of[i - 2][j - 2] + 1);
    }
  }
  return of[a.size()][b.size()];
}

/// An option without its dashes, in small letters, with `-` for `_`.
std::string bare(std::string_view option) {
  std::string name(option.substr(std::min(option.find_first_not_of('-'), option.size())));
  for (char& letter : name) {
    if (letter == '_') letter = '-';
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return name;
}

std::string question(std::string_view answer) { return "; did you mean " + std::string(answer) + "?"; }

}  // namespace

std::string suggestion_for(std::string_view typed, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;
  if (typed.size() < 2 || typed.size() > kLongest) return "";
  const std::string name = bare(typed);
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::string other = bare(candidate);
    // The start of a longer name is as good as one slip.
    const std::size_t away = name.size() >= 3 && other.starts_with(name) ? 1 : distance(name, other);
    if (away >= least) continue;
    least = away;
    nearest = candidate;
  }
  return nearest.empty() ? "" : question(nearest);
}

std::string suggestion_for_option(const std::string& typed, const CLI::App& command) {
  std::vector<std::string> shown;
  std::vector<std::string> hidden;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) (option->get_group().empty() ? hidden : shown).push_back("--" + name);
  }
  const std::string name = bare(typed);
  for (const std::vector<std::string>* options : {&shown, &hidden}) {
    for (const std::string& option : *options) {
      if (bare(option) == name) return question(option);
    }
  }
  for (const Synonyms& synonyms : kSynonyms) {
    if (synonyms.names.find(" " + name + " ") == std::string_view::npos) continue;
    if (std::ranges::find(shown, synonyms.option) != shown.end()) return question(synonyms.option);
  }
  const std::string near = suggestion_for(typed, shown);
  return near.empty() ? suggestion_for(typed, hidden) : near;
}

}  // namespace lowrank::cli
