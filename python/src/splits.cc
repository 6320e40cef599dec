/// \file
/// Splits and folds of ratings.

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

#include "binding.h"
#include "lowrank/data/folds.h"
#include "lowrank/data/split.h"

namespace lowrank::python {

namespace {

using Users = Column<std::uint32_t>;

SplitOptions options_of(double test, double validation, const std::string& by, std::uint64_t seed, std::uint32_t last,
                        std::uint32_t last_validation, const std::string& at) {
  return {.test = test,
          .validation = validation,
          .by = parse_split_by(by),
          .seed = seed,
          .last = last,
          .last_validation = last_validation,
          .at = at};
}

/// The part of every rating.
NewArray<std::uint16_t> parts_of(const Users& users, const Users& items, const Times& times, const SplitOptions& options) {
  const std::vector<std::uint32_t> own_users = copy_of(users);
  const std::vector<std::int64_t> own_times = times ? copy_of(*times) : std::vector<std::int64_t>();
  const std::vector<std::uint32_t> own_items = copy_of(items);
  std::vector<std::uint16_t> codes;
  {
    const WithoutGil free;
    for (const Part part : assign_parts(own_users, own_times, options, own_items)) codes.push_back(static_cast<std::uint16_t>(part));
  }
  return array_of(std::move(codes));
}

/// The fold that tests each rating, 0 for none, and whether a fold trains only on those before.
nb::tuple folds_of(const Users& users, const Users& items, const Times& times, const FoldOptions& options) {
  const std::vector<std::uint32_t> own_users = copy_of(users);
  const std::vector<std::int64_t> own_times = times ? copy_of(*times) : std::vector<std::int64_t>();
  const std::vector<std::uint32_t> own_items = copy_of(items);
  Folds folds;
  {
    const WithoutGil free;
    folds = assign_folds(own_users, own_times, options, own_items);
  }
  return nb::make_tuple(array_of(std::move(folds.windows)), folds.rolls);
}

/// The sentence about pairs in several parts, empty if there are none.
std::string shared_of(const Users& users, const Users& items, const Column<std::uint16_t>& labels) {
  const std::vector<std::uint32_t> own_users = copy_of(users);
  const std::vector<std::uint32_t> own_items = copy_of(items);
  const std::vector<std::uint16_t> own_labels = copy_of(labels);
  const WithoutGil free;
  const std::size_t shared = count_shared_pairs(own_users, own_items, own_labels);
  return shared == 0 ? "" : with_arguments(shared_pairs_warning(shared));
}

}  // namespace

void bind_splits(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<SplitOptions>(module, "SplitOptions", "What a split sets aside.")
      .def(
          "__init__",
          [](SplitOptions* self, double test, double validation, const std::string& by, std::uint64_t seed, std::uint32_t last,
             std::uint32_t last_validation,
             const std::string& at) { new (self) SplitOptions(options_of(test, validation, by, seed, last, last_validation, at)); },
          "test"_a, "validation"_a, "by"_a, "seed"_a, "last"_a, "last_validation"_a, "at"_a)
      .def_prop_ro("validates", [](const SplitOptions& options) { return validates(options); });
  module.def(
      "needs_times", [](const std::string& by) { return needs_times(parse_split_by(by)); }, "by"_a,
      "Whether a split needs the time of every rating.");
  module.def("parts", &parts_of, "users"_a, "items"_a, "times"_a.none(), "options"_a,
             "The part of every rating: 0 train, 1 validation, 2 test.");
  module.def(
      "folds",
      [](const Users& users, const Users& items, const Times& times, const SplitOptions& options, std::uint32_t folds) {
        return folds_of(users, items, times, fold_options(options, folds));
      },
      "users"_a, "items"_a, "times"_a.none(), "options"_a, "folds"_a,
      "The fold that tests each rating (0: none), and whether a fold trains only on those before.");
  module.def("shared_pairs", &shared_of, "users"_a, "items"_a, "labels"_a,
             "The sentence about pairs that have several labels, empty if there are none.");
}

}  // namespace lowrank::python
