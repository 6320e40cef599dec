#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <charconv>
#include <optional>

#include "binding.h"
#include "lowrank/base/error.h"
#include "lowrank/pipeline/run.h"
#include "lowrank/train/train.h"
#include "runs.h"
#include "train/tutorial.h"

namespace lowrank::python {

namespace {

/// The value of an option as Python has it.
nb::object value_of(const OptionInfo& option) {
  const char* begin = option.value.data();
  const char* end = begin + option.value.size();
  switch (option.kind) {
    case OptionInfo::Kind::integer: {
      std::uint64_t number = 0;
      std::from_chars(begin, end, number);
      return nb::int_(number);
    }
    case OptionInfo::Kind::optional_real:
      if (option.value == "auto") return nb::none();
      [[fallthrough]];
    case OptionInfo::Kind::real: {
      double number = 0;
      std::from_chars(begin, end, number);
      return nb::float_(number);
    }
    case OptionInfo::Kind::flag:
      return nb::bool_(option.value == "true");
    case OptionInfo::Kind::choice:
      break;
  }
  return nb::str(begin, option.value.size());
}

nb::dict description_of(const OptionInfo& option) {
  static constexpr std::array kKinds = {"int", "float", "float | None", "bool", "str"};
  nb::dict description;
  description["name"] = option.name;
  description["help"] = option.help;
  description["kind"] = kKinds[static_cast<std::size_t>(option.kind)];
  description["default"] = value_of(option);
  description["least"] = option.least;
  description["most"] = option.most;
  description["least_excluded"] = option.least_excluded;
  description["choices"] = nb::cast(option.choices);
  std::string condition = option.condition;
  if (option.validates) condition += (condition.empty() ? "" : ", ") + ("only with " + mention("validation or holdout"));
  description["condition"] = with_arguments(condition);
  return description;
}

nb::list methods() {
  nb::list list;
  for (const std::string_view name : method_names()) {
    const Method method = method_by_name(name);
    nb::dict description;
    description["name"] = name;
    description["summary"] = summary_of(method);
    description["class"] = class_name_of(method);
    description["reference"] = reference_of(method);
    description["predicts_ratings"] = predicts_ratings(method);
    nb::list options;
    for (const OptionInfo& option : options_of(method)) options.append(description_of(option));
    description["options"] = options;
    list.append(description);
  }
  return list;
}

nb::tuple fit(Dataset& data, bool consume, const std::string& method, const OptionTexts& options, const std::optional<Pairs>& validation,
              const Model* init, const Features* user_features, const Features* item_features, const RunArguments& arguments,
              nb::object on_epoch, nb::object on_divergence, nb::object on_warning) {
  const TrainRun run = run_of(method, options, arguments);
  PythonObserver observer(std::move(on_epoch), std::move(on_divergence), std::move(on_warning));
  Model model;
  std::string summary;
  {
    const WithoutGil free;
    TrainData given;
    given.data = consume ? std::move(data) : data;
    if (consume) data = Dataset();
    given.validation = validation;
    if (init != nullptr) given.init = *init;
    if (user_features != nullptr) given.user_features = *user_features;
    if (item_features != nullptr) given.item_features = *item_features;
    summary = to_json(run_training(std::move(given), run, observer, {}, &model));
  }
  return nb::make_tuple(std::move(model), summary);
}

template <class T>
using Writable = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<T> whole(const Writable<T>& array) {
  return {array.data(), array.size()};
}

/// The arrays of the article's program as Python holds them; the object keeps them alive.
class Tutorial {
 public:
  Tutorial(Writable<double> user_factors, Writable<double> item_factors, Writable<double> user_biases, Writable<double> item_biases,
           double mean)
      : user_factors_(std::move(user_factors)),
        item_factors_(std::move(item_factors)),
        user_biases_(std::move(user_biases)),
        item_biases_(std::move(item_biases)),
        state_{.rank = user_biases_.size() == 0 ? 0 : user_factors_.size() / user_biases_.size(),
               .mean = mean,
               .user_factors = whole(user_factors_),
               .item_factors = whole(item_factors_),
               .user_biases = whole(user_biases_),
               .item_biases = whole(item_biases_)} {
    if (user_factors_.size() != user_biases_.size() * state_.rank || item_factors_.size() != item_biases_.size() * state_.rank) fail();
  }

  /// Ratings as Python lent them, copied and then checked: other threads may change the arrays.
  struct Entries {
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    std::vector<double> values;
    [[nodiscard]] TutorialEntries view() const { return {.users = users, .items = items, .values = values}; }
  };

  [[nodiscard]] Entries entries(const Column<std::uint32_t>& users, const Column<std::uint32_t>& items,
                                const Column<double>& values) const {
    Entries own{.users = copy_of(users), .items = copy_of(items), .values = copy_of(values)};
    if (own.users.size() != own.items.size() || own.users.size() != own.values.size() || !within(own.users, user_biases_.size()) ||
        !within(own.items, item_biases_.size())) {
      fail();
    }
    return own;
  }

  void start(const Column<std::uint32_t>& users, const Column<std::uint32_t>& items, const Column<double>& values,
             const Column<std::uint32_t>& all_users, const Column<std::uint32_t>& all_items, const Column<double>& all_values, double rate,
             double beta) {
    program_.reset();
    learned_ = entries(users, items, values);
    all_ = entries(all_users, all_items, all_values);
    program_.emplace(state_, learned_.view(), all_.view(), TutorialStep{.rate = rate, .beta = beta});
  }

  nb::tuple iterate(const Column<std::uint32_t>& order) {
    const std::vector<std::uint32_t> own_order = copy_of(order);
    if (!program_ || !within(own_order, learned_.users.size())) fail();
    std::vector<std::pair<double, double>> cuts;
    double error = 0;
    {
      const WithoutGil free;
      error = program_->iterate(own_order, [&](double old_rate, double new_rate) { cuts.emplace_back(old_rate, new_rate); });
    }
    return nb::make_tuple(error, cuts);
  }

  [[nodiscard]] double error(const Column<std::uint32_t>& users, const Column<std::uint32_t>& items, const Column<double>& values) const {
    const Entries all = entries(users, items, values);
    const WithoutGil free;
    return tutorial_error(state_, all.view());
  }

 private:
  [[noreturn]] static void fail() { throw DataError("the arrays of the tutorial's program do not fit together"); }
  static bool within(const std::vector<std::uint32_t>& column, std::size_t size) {
    return std::ranges::all_of(column, [size](std::uint32_t index) { return index < size; });
  }

  Writable<double> user_factors_;
  Writable<double> item_factors_;
  Writable<double> user_biases_;
  Writable<double> item_biases_;
  TutorialState state_;
  Entries learned_;
  Entries all_;
  std::optional<TutorialProgram> program_;
};

}  // namespace

bool PythonObserver::on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) {
  const WithGil gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  nb::dict epoch;
  epoch["epoch"] = report.epoch;
  epoch["epochs"] = report.epochs;
  if (report.train_rmse) epoch["train_rmse"] = *report.train_rmse;
  if (report.root_squared_error) epoch["root_squared_error"] = *report.root_squared_error;
  if (report.train_loss) epoch["train_loss"] = *report.train_loss;
  if (report.validation) epoch[("validation_" + std::string(report.validation_name)).c_str()] = *report.validation;
  epoch["seconds"] = report.seconds;
  return !on_epoch_(epoch).is(nb::bool_(false));
}

void PythonObserver::on_divergence(const DivergenceReport& report) {
  const WithGil gil;
  on_divergence_(report.epoch, report.old_learning_rate, report.new_learning_rate);
}

void PythonObserver::on_warning(std::string_view text) {
  const WithGil gil;
  on_warning_(std::string(text));
}

Method method_with(const std::string& name, const OptionTexts& options) {
  Method method = method_by_name(name);
  for (const auto& [option, text] : options) set_option(method, option, text);
  check_options(method);
  check_reads(method, {}, true, true);
  return method;
}

TrainRun run_of(const std::string& method, const OptionTexts& options, const RunArguments& arguments) {
  TrainRun run;
  run.method = method_with(method, options);
  run.holdout = arguments.holdout;
  run.monitor = arguments.monitor;
  run.refit = arguments.refit;
  run.conformal = arguments.conformal;
  run.min_rating = arguments.min_rating;
  run.max_rating = arguments.max_rating;
  run.clips = arguments.clip;
  if (arguments.keep_values) run.history = *arguments.keep_values ? HistoryValues::kept : HistoryValues::dropped;
  run.threads = arguments.threads;
  return run;
}

void bind_training(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  module.def("methods", &methods, "Every method with its options: name, help, kind, default, range and choices.");
  module.def(
      "check", [](const std::string& method, const OptionTexts& options) { static_cast<void>(method_with(method, options)); }, "method"_a,
      "options"_a, "Checks the names and ranges of options.");
  module.def(
      "reads_times", [](const std::string& method, const OptionTexts& options) { return reads_times(method_with(method, options)); },
      "method"_a, "options"_a, "Whether training reads the timestamps of ratings, and needs one with each.");
  module.def(
      "fit",
      [](Dataset& data, bool consume, const std::string& method, const OptionTexts& options, const std::optional<Pairs>& validation,
         double holdout, const std::string& monitor, bool refit, const Model* init, const Features* user_features,
         const Features* item_features, std::optional<float> min_rating, std::optional<float> max_rating, bool clip,
         std::optional<bool> keep_values, bool conformal, int threads, nb::object on_epoch, nb::object on_divergence,
         nb::object on_warning) {
        return fit(data, consume, method, options, validation, init, user_features, item_features,
                   {holdout, monitor, refit, min_rating, max_rating, clip, keep_values, threads, conformal}, std::move(on_epoch),
                   std::move(on_divergence), std::move(on_warning));
      },
      "data"_a, "consume"_a, "method"_a, "options"_a, "validation"_a.none(), "holdout"_a, "monitor"_a, "refit"_a, "init"_a.none(),
      "user_features"_a.none(), "item_features"_a.none(), "min_rating"_a.none(), "max_rating"_a.none(), "clip"_a, "keep_values"_a.none(),
      "conformal"_a, "threads"_a, "on_epoch"_a, "on_divergence"_a, "on_warning"_a,
      "Trains a model. With `consume` the data is empty afterwards. Returns the model and the summary as JSON.");
  nb::class_<Tutorial>(module, "Tutorial", "The article's program over arrays of Python, in place.")
      .def(nb::init<Writable<double>, Writable<double>, Writable<double>, Writable<double>, double>(), "user_factors"_a.noconvert(),
           "item_factors"_a.noconvert(), "user_biases"_a.noconvert(), "item_biases"_a.noconvert(), "mean"_a)
      .def("start", &Tutorial::start, "users"_a, "items"_a, "values"_a, "all_users"_a, "all_items"_a, "all_values"_a, "rate"_a, "beta"_a)
      .def("iterate", &Tutorial::iterate, "order"_a, "Returns the error, and the old and new rate of every cut.")
      .def("error", &Tutorial::error, "users"_a, "items"_a, "values"_a);
}

}  // namespace lowrank::python
