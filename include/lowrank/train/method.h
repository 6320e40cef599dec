#pragma once

/// \file
/// The list of methods, and every method by name.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lowrank/train/als.h"
#include "lowrank/train/asymmetric.h"
#include "lowrank/train/baseline.h"
#include "lowrank/train/bayes.h"
#include "lowrank/train/bpr.h"
#include "lowrank/train/context_als.h"
#include "lowrank/train/ease.h"
#include "lowrank/train/implicit.h"
#include "lowrank/train/implicit_context.h"
#include "lowrank/train/neighbours.h"
#include "lowrank/train/nmf.h"
#include "lowrank/train/popular.h"
#include "lowrank/train/sgd.h"
#include "lowrank/train/slim.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Every method of training, a closed set: adding one is adding its options struct here.
using Method = std::variant<Sgd, Als, ContextAls, Bayes, Asymmetric, Implicit, ImplicitContext, Bpr, ItemNeighbours, Slim, Ease, Nmf,
                            Baseline, Popular>;

/// \name Methods by name
/// What doors need to offer every method without knowing any.
/// \{

/// The default options of the method called `name`. \throws OptionError("method") naming the methods there are
Method method_by_name(std::string_view name);
/// The names of all methods, in the order of the list.
std::vector<std::string_view> method_names();
/// `sgd`, and one line on what it is.
std::string_view name_of(const Method& method);
std::string_view summary_of(const Method& method);
/// Its name as a class, `ImplicitALS`, and the literature that it is from.
std::string_view class_name_of(const Method& method);
std::string_view reference_of(const Method& method);

/// One option of a method, with its kind and its value as text.
struct OptionInfo {
  enum class Kind : std::uint8_t { integer, real, optional_real, flag, choice };
  std::string_view name;  ///< `learning_rate`
  std::string_view help;
  Kind kind = Kind::integer;
  std::string value;  ///< of the given method: `0.05`, `true`, `equations`; `auto` for a number that the method settles
  double least = 0;   ///< valid range of numbers
  double most = 0;
  bool least_excluded = false;
  std::vector<std::string_view> choices;
  /// The settings of other options under which training reads this one, `only with solver=cg, not with rank=0`, each by mention(); empty
  /// for an option that is always read.
  std::string condition = {};
  bool validates = false;  ///< whether training reads it only with validation data
  /// \name What a search tries by default (see lowrank/tune/tune.h): a range, whose ends are equal where there is none, or choices
  /// \{
  double tune_least = 0;
  double tune_most = 0;
  bool tune_logarithmic = false;
  std::vector<std::string_view> tune_choices = {};
  /// \}
};
/// False for a method whose scores only rank items: its models have no RMSE.
bool predicts_ratings(const Method& method);
/// Whether training can start from a model: false for a method that has nothing to improve.
bool warm_starts(const Method& method);
/// Whether training reads features of users and items.
bool reads_features(const Method& method);
/// Whether training under these options reads the timestamps of ratings, and needs one with each.
bool reads_times(const Method& method);
/// Whether training reads the contexts of ratings (see Dataset::situations).
bool reads_contexts(const Method& method);
/// Whether models of `method` know how far ratings lie from their predictions (see Model::uncertainty).
bool has_uncertainty(const Method& method);
/// Every option of `method` with its value, in the order of its description.
std::vector<OptionInfo> options_of(const Method& method);
/// Sets the option called `name` (`_` and `-` are the same) from text. \throws OptionError when there is none, or the text is no value in
/// its range
void set_option(Method& method, std::string_view name, std::string_view value);
/// Checks every option's range. \throws OptionError
void check_options(const Method& method);
/// Refuses what would be ignored: options that training does not read under the values of the others.
/// \param stated     names of the options that were stated; those whose value is not the default count as stated
/// \param validates  whether there is validation data, without which some options are not read
/// \param holds_out  whether it is a holdout, which reads the seed also where training draws nothing
/// \throws OptionError
void check_reads(const Method& method, std::span<const std::string> stated, bool validates, bool holds_out = false);
/// Whether training reads the option called `name` under the values of the others, as check_reads() has it; validation data aside.
/// \throws OptionError when there is no such option
bool is_read(const Method& method, std::string_view name);
/// The options as a JSON object, in the order of their description; numbers in shortest round-trip digits.
std::string options_json(const Method& method);
/// The method with such options, as a model's record has them: what the text leaves out is the default, and what this version does not know
/// is not read. \throws OptionError for a method or a value that there is none of
Method method_of(std::string_view name, const std::string& options_json);
/// \}

}  // namespace lowrank
