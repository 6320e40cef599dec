#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// \name The state of a learner as bytes
/// A part of a state has a member `visit_state(visit)`, which calls `visit` with each number, vector and table that training changes,
/// always in the same order: a StateWriter saves them, a StateReader loads them. The bytes are those of this machine's numbers.
/// \{

class StateWriter {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(const Number& number) {
    append(&number, sizeof number);
  }
  template <class Element>
  void operator()(const std::vector<Element>& elements) {
    (*this)(elements.size());
    if constexpr (std::is_arithmetic_v<Element>) {
      append(elements.data(), elements.size() * sizeof(Element));
    } else {
      for (const Element& element : elements) (*this)(element);
    }
  }
  void operator()(const FactorMatrix& table) {
    (*this)(table.rows());
    (*this)(table.rank());
    append(table.data(), table.rows() * table.stride() * sizeof(float));
  }

  [[nodiscard]] std::vector<std::byte> take() && { return std::move(bytes_); }

 private:
  void append(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }

  std::vector<std::byte> bytes_;
};

/// Vectors and tables must have the sizes that they had when they were saved, as those of the same data and options have.
/// All members throw DataError where the bytes are not those of such a state.
class StateReader {
 public:
  explicit StateReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(Number& number) {
    read(&number, sizeof number);
  }
  template <class Element>
  void operator()(std::vector<Element>& elements) {
    expect(elements.size());
    if constexpr (std::is_arithmetic_v<Element>) {
      read(elements.data(), elements.size() * sizeof(Element));
    } else {
      for (Element& element : elements) (*this)(element);
    }
  }
  void operator()(FactorMatrix& table) {
    expect(table.rows());
    expect(table.rank());
    read(table.data(), table.rows() * table.stride() * sizeof(float));
  }

  /// To be called after the last part.
  void finish() const {
    if (!bytes_.empty()) fail();
  }

 private:
  void read(void* to, std::size_t size) {
    if (size > bytes_.size()) fail();
    if (size != 0) std::memcpy(to, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }
  void expect(std::size_t size) {
    std::size_t saved = 0;
    read(&saved, sizeof saved);
    if (saved != size) fail();
  }
  [[noreturn]] static void fail() { throw DataError("the saved state of the training is damaged, or of other ratings or options"); }

  std::span<const std::byte> bytes_;
};

/// \}

}  // namespace lowrank
