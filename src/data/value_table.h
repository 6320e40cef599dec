#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace lowrank {

/// The distinct values of ratings, with 1-byte codes in the order in which threads met them, as long as there are at most 256.
class ValueTable {
 public:
  static constexpr std::size_t kMaxCodes = 256;
  static constexpr int kNoCode = -1;

  /// The code of `value`, which is added if it is new; kNoCode if there are 256 others. Safe from several threads; takes a lock.
  int code(float value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t code = 0; code < size_; ++code) {
      if (values_[code] == value) return static_cast<int>(code);
    }
    if (size_ == kMaxCodes) {
      full_.store(true, std::memory_order_relaxed);
      return kNoCode;
    }
    values_[size_] = value;
    return static_cast<int>(size_++);
  }
  /// Whether some value got no code.
  [[nodiscard]] bool full() const noexcept { return full_.load(std::memory_order_relaxed); }
  /// The value of a code that this thread got from code(), or any thread before it last synchronised with this one.
  [[nodiscard]] float value(std::size_t code) const noexcept { return values_[code]; }
  /// Number of codes. Call it while no thread adds.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::mutex mutex_;
  std::array<float, kMaxCodes> values_{};
  std::size_t size_ = 0;
  std::atomic<bool> full_ = false;
};

/// A cache of codes for one thread, so that the table is locked once per value.
class ValueCache {
 public:
  int code(float value, ValueTable& table) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    Entry& entry = entries_[(bits * 0x9E3779B1U) >> kShift];
    if (entry.bits == bits && entry.code != ValueTable::kNoCode) return entry.code;
    const int code = table.code(value);
    if (code != ValueTable::kNoCode) entry = {bits, code};
    return code;
  }

 private:
  static constexpr unsigned kBits = 10;
  static constexpr unsigned kShift = 32 - kBits;
  struct Entry {
    std::uint32_t bits = 0;
    int code = ValueTable::kNoCode;
  };
  std::array<Entry, std::size_t{1} << kBits> entries_{};
};

/// A cache of the values of short texts for one thread. Most files have few distinct ratings, so hardly any text is parsed twice.
class TextValueCache {
 public:
  struct Entry {
    std::uint64_t text = 0;  ///< bytes of the text, the first one lowest, zeros above
    float value = 0;
    int code = ValueTable::kNoCode;
  };
  /// The entry of a text of 1 to 7 bytes, or the one to replace by it.
  Entry& entry(std::uint64_t text) noexcept { return entries_[(text * 0x9E3779B97F4A7C15ULL) >> kShift]; }

 private:
  static constexpr unsigned kBits = 9;
  static constexpr unsigned kShift = 64 - kBits;
  std::array<Entry, std::size_t{1} << kBits> entries_{};
};

}  // namespace lowrank
