#pragma once

/// \file
/// What the sources of the compiled module `lowrank._core` share. The module translates: arguments into calls of the library, results into
/// arrays, errors into exceptions. Defaults, formulas and checks are the library's; shapes and kinds of tables are lowrank/_input.py's.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/number_ids.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/read.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank::python {

namespace nb = nanobind;

/// `text` of the library with the options that it mentions as Python's arguments.
std::string with_arguments(const std::string& text);

template <class T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using NewArray = nb::ndarray<nb::numpy, T>;
/// Timestamps, one per row, or none.
using Times = std::optional<Column<std::int64_t>>;

template <class T>
std::span<const T> span_of(const Column<T>& column) {
  return {column.data(), column.size()};
}

/// As nb::gil_scoped_release and nb::gil_scoped_acquire, for threads that outlive the interpreter too. When it has ended, Python ends
/// every thread that asks for the GIL from within that call, which C++ cannot survive. Such a thread then sleeps until the process ends, as
/// all do from Python 3.14 on.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};
class WithGil {
 public:
  WithGil();
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

/// A copy of what Python lends, for use without the GIL: other threads may change an array between two looks at it.
template <class T>
std::vector<T> copy_of(const Column<T>& column) {
  return {column.data(), column.data() + column.size()};
}

/// An array that takes a vector over.
template <class T>
NewArray<T> array_of(std::vector<T> values, std::size_t columns = 0) {
  auto* const owned = new std::vector<T>(std::move(values));
  const nb::capsule owner(owned, [](void* vector) noexcept { delete static_cast<std::vector<T>*>(vector); });
  if (columns == 0) return NewArray<T>(owned->data(), {owned->size()}, owner);
  return NewArray<T>(owned->data(), {owned->size() / columns, columns}, owner);
}

/// The same of rows of factors, rows x rank.
NewArray<float> array_of(FactorMatrix rows);

/// A column of ids: an array of integers, or a list of integers and strings. Borrows what Python holds and keeps it alive.
class Ids {
 public:
  /// \param name  of the argument, for messages. \throws DataError for what is no id
  Ids(nb::object column, std::string name);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// What the ids are. A list of integers and strings has the kind `text`: it does not say for each id which of the two it is.
  [[nodiscard]] IdKind kind() const noexcept { return kind_; }
  /// The id at a position. Needs no GIL.
  [[nodiscard]] std::string_view text(std::size_t position, std::array<char, 24>& room) const;

  /// The ids as numbers of a new vocabulary, in order of first appearance.
  struct Numbered {
    std::vector<std::uint32_t> numbers;
    Vocabulary ids;
    std::vector<std::int64_t> integers;  ///< the distinct ids of an array of integers
    std::vector<std::size_t> first;      ///< where each distinct id of a list stands first
  };
  /// Needs no GIL. \throws DataError
  [[nodiscard]] Numbered number() const;
  /// The distinct ids as they were given: an array of integers, or a list.
  [[nodiscard]] nb::object distinct(Numbered& numbered) const;
  /// The numbers of the ids in `known`. With `unknown`, other ids are added there, of this kind, and numbered after the known ones; else
  /// kUnknown.
  [[nodiscard]] std::vector<std::uint32_t> find(const Vocabulary& known, Vocabulary* unknown) const;

 private:
  void take_list(const nb::list& list);

  nb::object column_;
  std::string name_;
  std::size_t size_ = 0;
  IdKind kind_ = IdKind::integer;
  std::span<const std::int64_t> wide_;
  std::span<const std::int32_t> narrow_;
  std::vector<std::string_view> texts_;
  std::deque<std::string> made_;  ///< the digits of integers in a list
};

/// How a file is read, by the names of ReadOptions. The GIL is held.
ReadOptions read_options(const nb::dict& given, int threads);

/// The description of a file that was read, and the warning about its skipped lines.
struct FileReport {
  std::string layout;
  std::string skipped;

  /// Fills this object when a file is read by `options`, which it must outlive.
  void fill_from(ReadOptions& options);
};

/// Asks Python whether Ctrl-C was pressed; to be called without the GIL, in the thread that Python called. \throws nb::python_error
void check_signals();

/// The ids of a vocabulary as they were given: an array of integers, or a list. Ids of the kind `text` are integers where all are canonical
/// decimals of 64 bits.
nb::object ids_of(const Vocabulary& vocabulary);

void bind_contexts(nb::module_& module);
void bind_data(nb::module_& module);
void bind_features(nb::module_& module);
void bind_evaluate(nb::module_& module);
void bind_model(nb::module_& module);
void bind_recommender(nb::module_& module);
void bind_search(nb::module_& module);
void bind_splits(nb::module_& module);
void bind_training(nb::module_& module);
void bind_tuning(nb::module_& module);

}  // namespace lowrank::python
