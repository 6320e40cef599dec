// Runs a fuzz target without a fuzzer: over every file of a corpus, and over simple mutations of each that are the same every time.
// Usage: TARGET ROUNDS FOLDER

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  // NOLINT(readability-identifier-naming)

namespace {

void run(const std::string& input) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

/// A few bytes changed, a piece taken out, doubled, or put in from another file of the corpus.
std::string mutated(std::string input, const std::string& other, lowrank::RandomStream& random) {
  for (std::uint64_t changes = 1 + random.below(4); changes > 0 && !input.empty(); --changes) {
    const std::size_t at = random.below(input.size());
    const std::size_t size = std::min<std::size_t>(1 + random.below(16), input.size() - at);
    switch (random.below(6)) {
      case 0:
        input[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        input[at] = static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << random.below(8)));
        break;
      case 2:
        input.erase(at, size);
        break;
      case 3:
        input.insert(at, input.substr(at, size));
        break;
      case 4:
        input[at] = "0123456789-.,:;\"\n\t\r {}[]\\\0\xFF"[random.below(27)];
        break;
      default:
        if (!other.empty()) input.replace(at, size, other, random.below(other.size()), size);
    }
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: TARGET ROUNDS FOLDER\n", stderr);
    return 2;
  }
  const int rounds = std::atoi(arguments[1]);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[2])) names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  std::vector<std::string> inputs;
  inputs.reserve(names.size());
  for (const std::string& name : names) inputs.push_back(lowrank::read_file(name));
  for (std::size_t file = 0; file < inputs.size(); ++file) {
    run(inputs[file]);
    for (int round = 0; round < rounds; ++round) {
      lowrank::RandomStream random(1, lowrank::Purpose::split, file, static_cast<std::uint64_t>(round));
      run(mutated(inputs[file], inputs[random.below(inputs.size())], random));
    }
  }
  std::printf("%zu files, %d mutations of each\n", inputs.size(), rounds);
  return inputs.empty() ? 1 : 0;
}
