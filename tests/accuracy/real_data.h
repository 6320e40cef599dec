#pragma once

#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// One rating of a real data set, ids as they stand in the file.
struct RealRating {
  std::string user;
  std::string item;
  float value;
};

/// The folder of the data sets: LOWRANK_DATA, else ../shared/data beside the sources; empty where there is none.
inline std::filesystem::path data_folder() {
  const char* stated = std::getenv("LOWRANK_DATA");
  const std::filesystem::path folder = stated != nullptr ? stated : LOWRANK_SOURCE_DIR "/../shared/data";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

inline std::vector<RealRating> read_real(const std::filesystem::path& path, const ReadOptions& options = {}) {
  std::vector<RealRating> ratings;
  for_each_rating(path.string(), options, [&](const RatingLine& line) {
    ratings.push_back({std::string(line.user), std::string(line.item), line.value});
  });
  return ratings;
}

/// The only file of a zip archive, deflated.
inline std::string unzip(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto number = [&](std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t n = 0; n < size; ++n) value |= static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(at + n))) << (8 * n);
    return value;
  };
  const std::size_t begin = 30 + number(26, 2) + number(28, 2);
  std::vector<unsigned char> input(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.end());
  std::string text;
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) throw std::runtime_error("inflateInit2");
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  std::vector<char> buffer(1U << 20U);
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::runtime_error(path.string() + " does not unpack");
  return text;
}

/// Jester: a line a user, the count and then 100 values, 99 for not rated.
inline std::vector<RealRating> read_jester(const std::filesystem::path& path) {
  std::vector<RealRating> ratings;
  std::istringstream lines(unzip(path));
  std::string line;
  for (int user = 0; std::getline(lines, line); ++user) {
    std::istringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    for (int item = 0; std::getline(fields, field, ','); ++item) {
      const float value = std::strtof(field.c_str(), nullptr);
      if (value != 99) ratings.push_back({std::to_string(user), std::to_string(item), value});
    }
  }
  return ratings;
}

}  // namespace lowrank
