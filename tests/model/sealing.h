#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/checksum.h"
#include "model/model_header.h"

namespace lowrank::sealing {

/// Gives `file` the checksum of its bytes as they are now, where it has a place for one: what an enemy would do.
inline void reseal(std::string& file) {
  if (file.size() < kDigitsPosition + kDigits) return;
  if (std::string_view(file).substr(kLengthBytes, kHeaderStart.size()) != kHeaderStart) return;
  file.replace(kDigitsPosition, kDigits, kDigits, '0');
  Checksum checksum;
  checksum.update(file);
  file.replace(kDigitsPosition, kDigits, hex_digits(checksum.value()));
}

/// A sealed file of a header's text, padded, and data.
inline std::string seal(std::string header, std::string_view data) {
  while ((kLengthBytes + header.size()) % kDataAlignment != 0) header += ' ';
  std::string file;
  for (std::uint64_t length = header.size(); file.size() < kLengthBytes; length >>= 8U) file += static_cast<char>(length & 255U);
  file += header;
  file += data;
  reseal(file);
  return file;
}

/// A model file taken apart.
struct Opened {
  nlohmann::ordered_json header;
  std::string data;

  explicit Opened(const std::string& file) {
    std::uint64_t length = 0;
    for (std::size_t byte = kLengthBytes; byte-- > 0;) length = length << 8U | static_cast<unsigned char>(file[byte]);
    header = nlohmann::ordered_json::parse(file.substr(kLengthBytes, length));
    data = file.substr(kLengthBytes + length);
  }
  [[nodiscard]] std::string text() const { return header.dump(); }
  [[nodiscard]] std::string sealed() const { return seal(text(), data); }
  /// Changes a member of one of the metadata's JSON texts.
  void set_metadata(const char* part, const char* member, const nlohmann::json& value) {
    nlohmann::json parsed = nlohmann::json::parse(header["__metadata__"][part].get<std::string>());
    parsed[member] = value;
    header["__metadata__"][part] = parsed.dump();
  }
  /// The bytes of a tensor.
  [[nodiscard]] std::size_t begin(const char* tensor) const { return header[tensor]["data_offsets"][0].get<std::size_t>(); }
};

/// The message by which a file is refused, without its name; "loaded" if it is not. Anything but a ModelFileError goes through.
inline std::string refusal(const std::string& file) {
  constexpr std::string_view kName = "f: ";
  try {
    deserialize_model(file, "f");
  } catch (const ModelFileError& error) {
    const std::string message = error.what();
    return message.starts_with(kName) ? message.substr(kName.size()) : "a message without the file's name: " + message;
  }
  return "loaded";
}

/// The refusal of the model's file after it was changed and sealed again.
inline std::string refusal_after(const Model& model, const std::function<void(Opened&)>& change) {
  Opened opened(serialize_model(model));
  change(opened);
  return refusal(opened.sealed());
}

}  // namespace lowrank::sealing
