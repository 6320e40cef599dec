#include "model/tensor_check.h"

#include <map>
#include <string_view>

#include "model/checked_json.h"

namespace lowrank {

using nlohmann::json;

void check_place(const json& header, const TensorPlace& place) {
  const std::string what = "the tensor " + in_quotes(place.name);
  // Compared as text: to a JSON value 2.0 equals 2, but as a size it is nonsense.
  const auto found = header.find(place.name);
  if (found == header.end()) refuse(what + " is missing");
  Fields fields(*found, what);
  if (fields.text("dtype") != place.dtype) refuse(what + " is not of type " + std::string(place.dtype));
  if (fields.list("shape").dump() != json(place.shape).dump()) refuse(what + " has a shape that does not fit the others");
  if (fields.list("data_offsets").dump() != json({place.begin, place.end}).dump()) refuse(what + " does not stand where it should");
  fields.end();
}

std::uint64_t check_unknown_tensors(const json& header, const std::vector<TensorPlace>& known, const std::set<std::string>& sections) {
  std::set<std::string_view> names;
  for (const TensorPlace& place : known) names.insert(place.name);
  std::map<std::uint64_t, std::uint64_t> ends;  // by beginning; those of no bytes are not among them
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__" || names.contains(name)) continue;
    if (!sections.contains(name.substr(0, name.find('.'))) || name.find('.') == std::string::npos) {
      refuse("the header names a tensor that does not belong there");
    }
    const std::string what = "a tensor of an unknown section";
    Fields fields(tensor, what);
    const std::string& dtype = fields.text("dtype");
    if (bytes_of(dtype) == 0) refuse(what + " has an unknown type");
    const auto numbers = [&](const char* member) {
      std::vector<std::uint64_t> list;
      for (const json& number : fields.list(member)) {
        if (!number.is_number_unsigned()) refuse(what + ": " + in_quotes(member) + " is not a list of counts");
        list.push_back(number.get<std::uint64_t>());
      }
      return list;
    };
    const std::uint64_t size = size_of(dtype, numbers("shape"));
    const std::vector<std::uint64_t> offsets = numbers("data_offsets");
    fields.end();
    if (offsets.size() != 2 || offsets[1] < offsets[0] || offsets[1] - offsets[0] != size)
      refuse(what + " is not as long as its shape says");
    if (size != 0 && !ends.emplace(offsets[0], offsets[1]).second) refuse(what + " lies over another");
  }
  std::uint64_t end = known.back().end;
  for (const auto& [begin, next] : ends) {
    if (begin != end) refuse("the tensors of unknown sections do not follow one another");
    end = next;
  }
  return end;
}

}  // namespace lowrank
