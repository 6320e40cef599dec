#include <nanobind/stl/string.h>

#include <charconv>

#include "base/text.h"
#include "binding.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank::python {

Ids::Ids(nb::object column, std::string name) : column_(std::move(column)), name_(std::move(name)) {
  Column<std::int64_t> wide;
  Column<std::int32_t> narrow;
  if (nb::try_cast(column_, wide, false)) {
    wide_ = span_of(wide);
    size_ = wide_.size();
  } else if (nb::try_cast(column_, narrow, false)) {
    narrow_ = span_of(narrow);
    size_ = narrow_.size();
  } else if (nb::isinstance<nb::list>(column_)) {
    take_list(nb::borrow<nb::list>(column_));
  } else {
    throw DataError(name_ + ": ids must be integers or strings");
  }
}

/// Holds on to every object: the list may be changed by others while the ids are in use.
void Ids::take_list(const nb::list& list) {
  const nb::tuple objects(list);
  column_ = objects;
  size_ = objects.size();
  texts_.reserve(size_);
  constexpr const char* kExpected = "ids must be integers or strings, found ";
  for (std::size_t at = 0; at < size_; ++at) {
    const nb::handle object = objects[at];
    const auto place = [&] { return name_ + ": position " + std::to_string(at) + ": "; };
    if (PyUnicode_Check(object.ptr())) {
      Py_ssize_t size = 0;
      const char* text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
      if (text == nullptr) {
        PyErr_Clear();
        throw DataError(place() + "an id that is not valid UTF-8");
      }
      texts_.emplace_back(text, static_cast<std::size_t>(size));
      if (const auto problem = id_problem(texts_.back())) throw DataError(place() + std::string(*problem));
    } else if (PyIndex_Check(object.ptr()) && !PyBool_Check(object.ptr())) {
      // Integers of numpy too; and by value, for members of an IntEnum would show their names.
      const nb::object digits = nb::steal(PyNumber_ToBase(object.ptr(), 10));
      if (!digits.is_valid()) {
        const bool is_none = PyErr_ExceptionMatches(PyExc_TypeError) != 0;
        if (!is_none && PyErr_ExceptionMatches(PyExc_ValueError) == 0) throw nb::python_error();
        PyErr_Clear();
        if (is_none) throw DataError(place() + kExpected + nb::type_name(object.type()).c_str());
        throw DataError(place() + "an integer of more digits than Python converts (see sys.set_int_max_str_digits)");
      }
      texts_.push_back(made_.emplace_back(nb::cast<std::string>(digits)));
    } else {
      throw DataError(place() + kExpected + nb::type_name(object.type()).c_str());
    }
  }
  if (made_.size() < size_) kind_ = made_.empty() ? IdKind::string : IdKind::text;
}

std::string_view Ids::text(std::size_t position, std::array<char, 24>& room) const {
  if (!texts_.empty()) return texts_[position];
  const std::int64_t id = wide_.empty() ? narrow_[position] : wide_[position];
  const char* end = std::to_chars(room.data(), room.data() + room.size(), id).ptr;
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

Ids::Numbered Ids::number() const {
  Numbered result;
  if (texts_.empty()) {
    NumberedIds numbered = wide_.empty() ? number_ids(narrow_) : number_ids(wide_);
    result.numbers = std::move(numbered.numbers);
    result.integers = std::move(numbered.ids);
    result.ids = vocabulary_of(result.integers);
    result.ids.set_kind(kind_);
    return result;
  }
  result.ids.set_kind(kind_);
  result.numbers.resize(size_);
  for (std::size_t at = 0; at < size_; ++at) {
    result.numbers[at] = result.ids.add(texts_[at]);
    if (result.numbers[at] == result.first.size()) result.first.push_back(at);
  }
  result.ids.shrink_to_fit();
  return result;
}

nb::object Ids::distinct(Numbered& numbered) const {
  if (texts_.empty()) return nb::cast(array_of(std::move(numbered.integers)));
  nb::list list;
  for (const std::size_t at : numbered.first) list.append(column_[at]);
  return list;
}

std::vector<std::uint32_t> Ids::find(const Vocabulary& known, Vocabulary* unknown) const {
  if (unknown != nullptr) unknown->set_kind(kind_);
  std::vector<std::uint32_t> numbers(size_);
  std::array<char, 24> room{};
  for (std::size_t at = 0; at < size_; ++at) {
    const std::string_view id = text(at, room);
    numbers[at] = known.find(id);
    if (numbers[at] == Vocabulary::kUnknown && unknown != nullptr) numbers[at] = known.size() + unknown->add(id);
  }
  return numbers;
}

}  // namespace lowrank::python
