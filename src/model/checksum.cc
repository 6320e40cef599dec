#include "model/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/random.h"

namespace lowrank {

static_assert(std::endian::native == std::endian::little, "words are read from memory as they stand");

void Checksum::take_block(const char* block) noexcept {
  std::array<std::uint64_t, kLanes> words{};
  std::memcpy(words.data(), block, kBlock);
  // The constant keeps a zero state from swallowing zero words; lanes are apart so that their multiplications overlap.
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes_[lane] = mix64((lanes_[lane] ^ words[lane]) + 0x9e3779b97f4a7c15ULL);
}

void Checksum::update(std::string_view bytes) noexcept {
  size_ += bytes.size();
  if (waiting_size_ != 0) {
    const std::size_t taken = std::min(bytes.size(), kBlock - waiting_size_);
    std::copy_n(bytes.data(), taken, waiting_.data() + waiting_size_);
    waiting_size_ += taken;
    bytes.remove_prefix(taken);
    if (waiting_size_ < kBlock) return;
    take_block(waiting_.data());
    waiting_size_ = 0;
  }
  for (; bytes.size() >= kBlock; bytes.remove_prefix(kBlock)) take_block(bytes.data());
  std::copy_n(bytes.data(), bytes.size(), waiting_.data());
  waiting_size_ = bytes.size();
}

std::uint64_t Checksum::value() const noexcept {
  Checksum padded = *this;
  std::fill(padded.waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_size_), padded.waiting_.end(), '\0');
  padded.take_block(padded.waiting_.data());
  std::uint64_t sum = size_;
  for (const std::uint64_t lane : padded.lanes_) sum = mix64((sum ^ lane) + 0x9e3779b97f4a7c15ULL);
  return sum;
}

std::string hex_digits(std::uint64_t value) {
  std::string digits(16, '0');
  for (std::size_t place = digits.size(); place-- > 0; value >>= 4U) digits[place] = "0123456789abcdef"[value & 15U];
  return digits;
}

}  // namespace lowrank
