// The input is a list of ids, one a line: a vocabulary agrees with a map about them, whatever bytes they are.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lowrank::Vocabulary ids;
  std::map<std::string_view, std::uint32_t> expected;
  std::vector<std::string_view> distinct;
  bool valid = true;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view id = text.substr(begin, end - begin);
    const auto [place, added] = expected.try_emplace(id, ids.size());
    if (ids.add(id) != place->second || ids.find(id) != place->second || ids.id(place->second) != id) std::abort();
    if (added) distinct.push_back(id);
    valid = valid && !lowrank::id_problem(id);
    begin = end + 1;
  }
  if (ids.size() != expected.size()) std::abort();
  try {
    const lowrank::Vocabulary made{std::span<const std::string_view>(distinct)};
    if (!valid || !(made == ids)) std::abort();
  } catch (const lowrank::Error&) {
    if (valid) std::abort();
  }
  return 0;
}
