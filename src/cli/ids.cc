#include "cli/ids.h"

#include "lowrank/base/error.h"

namespace lowrank::cli {

std::vector<std::uint32_t> known_numbers(const Vocabulary& vocabulary, std::span<const std::string> ids, std::string_view kind,
                                         const std::function<bool(std::uint32_t)>& known) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::uint32_t> numbers;
  std::string unknown;
  std::size_t unknown_count = 0;
  for (const std::string& id : ids) {
    numbers.push_back(vocabulary.find(id));
    if (numbers.back() != Vocabulary::kUnknown && known(numbers.back())) continue;
    if (++unknown_count <= kNamed) unknown += (unknown.empty() ? " \"" : ", \"") + id + "\"";
  }
  if (unknown_count == 0) return numbers;
  if (unknown_count > kNamed) unknown += " and " + std::to_string(unknown_count - kNamed) + " more";
  throw UnknownIdError("the model does not know " + std::string(kind) + (unknown_count > 1 ? "s" : "") + unknown);
}

std::vector<std::uint32_t> all_numbers(std::uint32_t size, const std::function<bool(std::uint32_t)>& known) {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < size; ++number) {
    if (known(number)) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace lowrank::cli
