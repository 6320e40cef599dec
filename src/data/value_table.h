#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace lowrank {

/// The distinct values of ratings, each with a 1-byte code in the order in which some thread met it: until there are more than 256.
class ValueTable {
 public:
  static constexpr std::size_t kMaxCodes = 256;
  static constexpr int kNoCode = -1;

  /// The code of `value`, which is added if it is new; kNoCode when 256 others have theirs. Safe from many threads; takes a lock.
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
  /// True once a value had no code.
  [[nodiscard]] bool full() const noexcept { return full_.load(std::memory_order_relaxed); }
  /// The value of a code that this thread got from code(), or any thread before it last synchronised with this one.
  [[nodiscard]] float value(std::size_t code) const noexcept { return values_[code]; }
  /// Number of codes given; to be called while no thread adds.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::mutex mutex_;
  std::array<float, kMaxCodes> values_{};
  std::size_t size_ = 0;
  std::atomic<bool> full_ = false;
};

/// One thread's memory of codes, so that the table is asked about once for each value.
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

/// One thread's memory of what short texts of ratings stand for: most files hold few, so that hardly one is parsed twice.
class TextValueCache {
 public:
  struct Entry {
    std::uint64_t text = 0;  ///< the bytes, first lowest, zeros above
    float value = 0;
    int code = ValueTable::kNoCode;
  };
  /// Where a text of 1 to 7 bytes stands, or can be put.
  Entry& entry(std::uint64_t text) noexcept { return entries_[(text * 0x9E3779B97F4A7C15ULL) >> kShift]; }

 private:
  static constexpr unsigned kBits = 9;
  static constexpr unsigned kShift = 64 - kBits;
  std::array<Entry, std::size_t{1} << kBits> entries_{};
};

}  // namespace lowrank
