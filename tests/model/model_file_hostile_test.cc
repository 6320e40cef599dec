#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/sealing.h"
#include "model/version_one.h"

namespace lowrank::model_file_hostile_test {
namespace {

using nlohmann::json;
using sealing::Opened;
using sealing::refusal;

/// The refusal of a sound file that was changed and sealed again.
std::string refusal_after(const std::function<void(Opened&)>& change) {
  return sealing::refusal_after(testing_models::version_one_model(), change);
}

template <class T>
void put(Opened& opened, const char* tensor, std::size_t index, T value) {
  std::memcpy(opened.data.data() + opened.begin(tensor) + index * sizeof value, &value, sizeof value);
}

TEST(DamagedModelFile, EveryTruncationIsRefused) {
  const std::string file = serialize_model(testing_models::version_one_model());
  ASSERT_EQ(refusal(file), "loaded");
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_NE(refusal(file.substr(0, size)), "loaded") << size;
  EXPECT_NE(refusal(file + '\0'), "loaded");
  EXPECT_NE(refusal(file + file), "loaded");
}

/// Every byte of a small model with each of `masks` flipped.
void expect_refusals(std::initializer_list<unsigned> masks) {
  const std::string file = serialize_model(testing_models::version_one_model());
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string damaged = file;
    for (const unsigned mask : masks) {
      damaged[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ mask);
      EXPECT_NE(refusal(damaged), "loaded") << at << " ^ " << mask;
    }
  }
}

TEST(DamagedModelFile, EveryFlippedByteIsRefusedLowBits) { expect_refusals({1, 2, 4, 8}); }
TEST(DamagedModelFile, EveryFlippedByteIsRefusedHighBits) { expect_refusals({16, 32, 64, 128, 255}); }

TEST(DamagedModelFile, TheChecksumSpeaksBeforeTheContent) {
  std::string file = serialize_model(testing_models::version_one_model());
  file.back() = static_cast<char>(file.back() ^ 0x7F);
  EXPECT_EQ(refusal(file), "the checksum does not match: the file is damaged or was altered");
}

TEST(HostileModelFile, SealingASoundFileKeepsItSound) {
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
}

TEST(HostileModelFile, HeaderLengths) {
  std::string file = serialize_model(testing_models::version_one_model());
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{56}, std::uint64_t{file.size()},
                                     std::uint64_t{1} << 32U, std::uint64_t{1} << 63U, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    std::memcpy(file.data(), &length, sizeof length);
    sealing::reseal(file);
    EXPECT_NE(refusal(file), "loaded") << length;
  }
  EXPECT_EQ(refusal(sealing::seal(std::string(2U << 20U, ' '), "")), "not a lowrank model: its header is too long");
  std::string unpadded = sealing::Opened(serialize_model(testing_models::version_one_model())).text();
  while (unpadded.size() % 64 != 57) unpadded += ' ';
  EXPECT_EQ(refusal(static_cast<char>(unpadded.size() & 255U) + std::string(1, static_cast<char>(unpadded.size() >> 8U)) +
                    std::string(6, '\0') + unpadded),
            "not a lowrank model: its header is not padded");
}

TEST(HostileModelFile, TextThatIsNoSoundJson) {
  const Opened sound(serialize_model(testing_models::version_one_model()));
  const auto sealed = [&](const std::string& text) { return refusal(sealing::seal(text, sound.data)); };
  const std::string text = sound.text();
  const std::string no_object = "not a lowrank model: its header is not a JSON object";
  EXPECT_EQ(sealed(text), "loaded");
  EXPECT_EQ(sealed(""), no_object);
  EXPECT_EQ(sealed("[]"), no_object);
  EXPECT_EQ(sealed("7"), no_object);
  EXPECT_EQ(sealed(text + "{}"), no_object);
  EXPECT_EQ(sealed(text.substr(0, text.size() - 1)), no_object);
  EXPECT_EQ(sealed(std::string(R"({"a":1e999})")), no_object);
  EXPECT_EQ(sealed(std::string("{\"a\xFF\":1}")), no_object);
  EXPECT_EQ(sealed(std::string("{\"a\xED\xA0\x80\":1}")), no_object);
  EXPECT_EQ(sealed(" " + text), "the header does not start with the checksum");
  EXPECT_EQ(sealed(R"({"a":1,"a":2})"), "not a lowrank model: its header has the key \"a\" twice");
  EXPECT_EQ(sealed(R"({"a":{"b":1,"b":2}})"), "not a lowrank model: its header has the key \"b\" twice");
  EXPECT_NE(sealed(R"({"a":{"b":1},"c":{"b":2}})").find("safetensors"), std::string::npos) << "the same key in two objects is fine";
  EXPECT_EQ(sealed(text.substr(0, text.size() - 1) + R"(,"user_ids":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
            "not a lowrank model: its header has the key \"user_ids\" twice");
}

TEST(HostileModelFile, NestedBombs) {
  for (const std::size_t depth : {std::size_t{5}, std::size_t{1000}, std::size_t{1000000}}) {
    EXPECT_NE(refusal(sealing::seal(std::string(depth, '['), "")), "loaded");
    EXPECT_NE(refusal(sealing::seal("{\"a\":" + std::string(depth, '[') + std::string(depth / 50, ']') + "}", "")), "loaded");
    std::string objects;
    for (std::size_t level = 0; level < depth / 10; ++level) objects += "{\"a\":";
    EXPECT_NE(refusal(sealing::seal(objects, "")), "loaded");
  }
  EXPECT_EQ(refusal(sealing::seal(R"({"a":[[[[1]]]]})", "")), "not a lowrank model: its header is nested too deeply");
  const std::string bomb = "{\"a\":" + std::string(100000, '[');
  EXPECT_EQ(refusal_after([&](Opened& f) { f.header["__metadata__"]["options"] = bomb; }), "the options are no JSON object");
  EXPECT_EQ(refusal_after([&](Opened& f) { f.header["__metadata__"]["record"] = bomb; }), "the header's record is nested too deeply");
}

TEST(HostileModelFile, Metadata) {
  const auto change = [](const char* key, const json& value) {
    return refusal_after([&](Opened& f) { f.header["__metadata__"][key] = value; });
  };
  EXPECT_EQ(change("method", 7), "the header's metadata: \"method\" is not a string");
  EXPECT_EQ(change("method", ""), "the method's name is empty or no plain text");
  EXPECT_EQ(change("method", "\x1B[31m"), "the method's name is empty or no plain text");
  EXPECT_EQ(change("extra", "x"), "the header's metadata has members that do not belong there");
  EXPECT_EQ(change("checksum", std::string(17, '0')), "the checksum is not a number of 16 hexadecimal digits");
  EXPECT_EQ(change("options", "[1]"), "the options are no JSON object");
  EXPECT_EQ(change("model", "nonsense"), "the header's model is not a JSON object");
  EXPECT_EQ(change("record", R"({"seed":1,"seed":2})"), "the header's record has the key \"seed\" twice");
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["__metadata__"].erase("record"); }), "the header's metadata lacks \"record\"");
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["__metadata__"] = 7; }), "a file in the safetensors format, but not a lowrank model");

  const auto member = [](const char* part, const char* name, const json& value) {
    return refusal_after([&](Opened& f) { f.set_metadata(part, name, value); });
  };
  EXPECT_EQ(member("model", "mean", nullptr), "the header's model: \"mean\" is not a number");
  EXPECT_EQ(member("model", "mean", "3"), "the header's model: \"mean\" is not a number");
  EXPECT_EQ(member("model", "min_rating", 1e300), "the header's model: \"min_rating\" is not a float32 number");
  EXPECT_EQ(member("model", "min_rating", 5), "the range of ratings is empty");
  EXPECT_EQ(member("model", "clips", 1), "the header's model: \"clips\" is not true or false");
  EXPECT_EQ(member("model", "more", 1), "the header's model has members that do not belong there");
  EXPECT_EQ(member("model", "user_ids", "words"), "the header's model: \"user_ids\" is not a kind of ids");
  EXPECT_EQ(member("fold_in", "alpha", -1), "a number of the fold-in is out of range");
  EXPECT_EQ(member("fold_in", "non_negative", 1), "the header's fold-in: \"non_negative\" is not true or false");
  EXPECT_EQ(member("fold_in", "kind", "magic"), "the header's fold-in: \"kind\" is not a kind of fold-in");
  EXPECT_EQ(member("fold_in", "kind", "divergence"), "the header's fold-in lacks \"absent_weight\"");
  EXPECT_EQ(member("fold_in", "more", 1), "the header's fold-in has members that do not belong there");
  EXPECT_EQ(member("fold_in", "users", 1), "the header's fold-in, \"users\" is not a JSON object");
  EXPECT_EQ(member("fold_in", "users", {{"l2", 1}}), "the header's fold-in, \"users\" lacks \"l2_constant\"");
  EXPECT_EQ(member("sections", "history", 1), "the section \"history\" is not a JSON object");
  EXPECT_EQ(change("sections", "{}"), "the header lacks the section \"history\"");
  EXPECT_EQ(change("sections", "[]"), "the header's sections is not a JSON object");
  const json section = {{"version", 1}, {"required", false}, {"needs", "1"}};
  EXPECT_EQ(member("sections", "x", section), "loaded");
  EXPECT_EQ(member("sections", "X\n", section), "a section of the header has no sound name");
  EXPECT_EQ(member("sections", "x", {{"version", 1}, {"required", true}, {"needs", "\x1B["}}),
            "the section \"x\": \"needs\" is not a version of lowrank");
  EXPECT_EQ(member("record", "seed", -1), "the header's record: \"seed\" is not a count");
  EXPECT_EQ(member("record", "epochs", 1.5), "the header's record: \"epochs\" is not a count");
  EXPECT_EQ(member("record", "ratings", 1e30), "the header's record: \"ratings\" is not a count");
  EXPECT_EQ(member("record", "fingerprint", "a\nb"), "the data's fingerprint is no plain text");
  EXPECT_EQ(member("record", "metrics", json::object()), "the header's record: \"metrics\" is not a list");
  EXPECT_EQ(member("record", "metrics", json::array({7})), "a metric is not a JSON object");
  EXPECT_EQ(member("record", "metrics", json::array({{{"name", "a"}}})), "a metric lacks \"value\"");
  EXPECT_EQ(member("record", "metrics", json::array({{{"name", "a\u0007"}, {"value", 1}}})), "a metric's name is no plain text");
}

TEST(HostileModelFile, Tensors) {
  const auto change = [](const char* tensor, const char* member, const json& value) {
    return refusal_after([&](Opened& f) { f.header[tensor][member] = value; });
  };
  EXPECT_EQ(change("user_factors", "dtype", "F64"), "the tensor \"user_factors\" is not of type F32");
  EXPECT_EQ(change("user_ids", "dtype", "I8"), "the tensor \"user_ids\" is not of type U8");
  EXPECT_EQ(change("user_ids", "dtype", 8), "the tensor \"user_ids\": \"dtype\" is not a string");
  EXPECT_EQ(change("user_biases", "more", 1), "the tensor \"user_biases\" has members that do not belong there");

  const std::string misfit = " has a shape that does not fit the others";
  EXPECT_EQ(change("user_biases", "shape", {4}), "the tensor \"user_biases\"" + misfit);
  EXPECT_EQ(change("user_biases", "shape", {3.0}), "the tensor \"user_biases\"" + misfit);
  EXPECT_EQ(change("user_biases", "shape", {3, 1}), "the tensor \"user_biases\"" + misfit);
  EXPECT_EQ(change("user_biases", "shape", json::array()), "the tensor \"user_biases\"" + misfit);
  EXPECT_EQ(change("user_biases", "shape", 3), "the tensor \"user_biases\": \"shape\" is not a list");
  EXPECT_EQ(change("item_factors", "shape", {4, 3}), "the tensor \"item_factors\"" + misfit);
  EXPECT_EQ(change("history.offsets", "shape", {5}), "the header claims seen items of other users");

  // Sizes whose product or sum leaves 64 bits, or only the file.
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  for (const json& value : {json(huge), json(huge / 2), json(huge / 4 + 1), json(std::uint64_t{1} << 62U), json(4294967294U), json(-1),
                            json(1e18), json(1U << 24U), json(nullptr), json("3"), json::array({3})}) {
    for (const char* tensor : {"user_factors", "item_factors", "user_ids", "item_ids", "history.offsets", "history.items", "user_biases"}) {
      EXPECT_NE(change(tensor, "shape", json::array({value})), "loaded") << tensor << value;
      EXPECT_NE(change(tensor, "shape", json::array({value, 2})), "loaded") << tensor << value;
      EXPECT_NE(change(tensor, "shape", json::array({3, value})), "loaded") << tensor << value;
    }
  }
  // Claims that agree with each other, but not with the file.
  EXPECT_NE(refusal_after([](Opened& f) {
              const std::uint64_t rank = 1U << 24U;
              f.header["user_factors"]["shape"][1] = rank;
              f.header["item_factors"]["shape"][1] = rank;
              f.header["user_factors"]["data_offsets"] = {0, 12 * rank};
              f.header["item_factors"]["data_offsets"] = {12 * rank, 28 * rank};
              std::uint64_t next = 28 * rank;
              bool after = false;
              for (auto& [name, tensor] : f.header.items()) {
                if (after) {
                  const std::uint64_t size =
                      tensor["data_offsets"][1].get<std::uint64_t>() - tensor["data_offsets"][0].get<std::uint64_t>();
                  tensor["data_offsets"] = {next, next + size};
                  next += size;
                }
                after = after || name == "item_factors";
              }
            }),
            "loaded");

  const std::string misplaced = "the tensor \"item_factors\" does not stand where it should";
  for (const json& value : {json({0, 32}), json({25, 57}), json({24, 60}), json({24, 20}), json({24, 56, 80}), json({24}), json::array(),
                            json({24.0, 56.0}), json({-24, 56}), json({24, huge})}) {
    EXPECT_EQ(change("item_factors", "data_offsets", value), misplaced) << value;
  }
  for (const char* tensor : {"user_factors", "user_biases", "item_ids", "history.items"}) {
    const auto erased = refusal_after([&](Opened& f) { f.header.erase(tensor); });
    EXPECT_EQ(erased, "the tensor \"" + std::string(tensor) + "\" is missing");
    EXPECT_NE(refusal_after([&](Opened& f) { f.header[tensor] = json::array({1, 2}); }), "loaded");
  }
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["zz"] = f.header["user_ids"]; }),
            "the header names a tensor that does not belong there");
  EXPECT_EQ(refusal_after([](Opened& f) { f.data += "12345678"; }), "the file is truncated, or longer than its header says");
}

TEST(HostileModelFile, TensorsOfUnknownSections) {
  const auto with = [](const char* dtype, const json& shape, const json& offsets) {
    return refusal_after([&](Opened& f) {
      f.set_metadata("sections", "x", {{"version", 1}, {"required", false}, {"needs", "1"}});
      f.header["x.t"] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", offsets}};
      f.data += "12345678";
    });
  };
  const std::size_t end = Opened(serialize_model(testing_models::version_one_model())).data.size();
  EXPECT_EQ(with("F32", {2}, {end, end + 8}), "loaded");
  EXPECT_EQ(with("F31", {2}, {end, end + 8}), "a tensor of an unknown section has an unknown type");
  EXPECT_EQ(with("F32", {1}, {end, end + 8}), "a tensor of an unknown section is not as long as its shape says");
  EXPECT_EQ(with("F32", {2}, {end + 8, end}), "a tensor of an unknown section is not as long as its shape says");
  EXPECT_EQ(with("F32", {-2}, {end, end + 8}), "a tensor of an unknown section: \"shape\" is not a list of counts");
  EXPECT_EQ(with("F32", {std::uint64_t{1} << 63U, 4}, {end, end + 8}), "the header claims sizes that no file can have");
  EXPECT_EQ(with("F32", {2}, {0, 8}), "the tensors of unknown sections do not follow one another");
  EXPECT_EQ(with("F32", {1}, {end, end + 4}), "the file is truncated, or longer than its header says");
  EXPECT_EQ(refusal_after([](Opened& f) {
              f.header["y.t"] = {{"dtype", "U8"}, {"shape", {0}}, {"data_offsets", {0, 0}}};
            }),
            "the header names a tensor that does not belong there");
}

TEST(HostileModelFile, Numbers) {
  const auto with = [](const char* tensor, std::size_t index, auto value) {
    return refusal_after([&](Opened& f) { put(f, tensor, index, value); });
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {nan, -nan, infinity, -infinity, std::numeric_limits<float>::signaling_NaN()}) {
    EXPECT_EQ(with("user_factors", 5, value), "a factor is not finite");
    EXPECT_EQ(with("item_factors", 0, value), "a factor is not finite");
    EXPECT_EQ(with("user_biases", 2, value), "a user's bias is not finite");
    EXPECT_EQ(with("item_biases", 3, value), "an item's bias is not finite");
  }
  for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{1} << 32U, std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(with("user_ratings", 2, value), "a number of ratings is out of range");
    EXPECT_EQ(with("item_ratings", 0, value), "a number of ratings is out of range");
  }
  EXPECT_EQ(with("user_ratings", 2, std::int64_t{4294967295}), "loaded");
}

TEST(HostileModelFile, Ids) {
  // The users are ann, 7 and 007: offsets 0, 3, 4, 7.
  const auto with = [](const char* tensor, std::size_t index, auto value) {
    return refusal_after([&](Opened& f) { put(f, tensor, index, value); });
  };
  EXPECT_EQ(with("user_id_offsets", 0, std::int64_t{1}), "the ids of users do not span their characters");
  EXPECT_EQ(with("user_id_offsets", 3, std::int64_t{6}), "the ids of users do not span their characters");
  EXPECT_EQ(with("user_id_offsets", 1, std::int64_t{5}), "the ids of users are not in order");
  EXPECT_EQ(with("user_id_offsets", 1, std::int64_t{-1}), "the ids of users are not in order");
  EXPECT_EQ(with("user_id_offsets", 2, std::int64_t{1} << 40U), "the ids of users are not in order");
  EXPECT_EQ(with("user_id_offsets", 1, std::int64_t{4}), "the ids of users: an empty id");
  EXPECT_EQ(with("item_id_offsets", 1, std::int64_t{1}), "the ids of items: an id that is not valid UTF-8");
  EXPECT_EQ(with("user_ids", 0, '\n'), "the ids of users: a control character in an id");
  EXPECT_EQ(with("user_ids", 0, '\xFF'), "the ids of users: an id that is not valid UTF-8");
  EXPECT_EQ(refusal_after([](Opened& f) {
              put(f, "user_id_offsets", 1, std::int64_t{1});
              put(f, "user_id_offsets", 2, std::int64_t{2});
              put(f, "user_ids", 0, 'x');
              put(f, "user_ids", 1, 'x');
            }),
            "the ids of users are not distinct");
}

TEST(HostileModelFile, History) {
  // User 0 has items 0 and 3, user 1 items 0, 1, 2: bytes 0 2 0 0 0, offsets 0, 2, 5, 5.
  const auto with = [](const char* tensor, std::size_t index, auto value) {
    return refusal_after([&](Opened& f) { put(f, tensor, index, value); });
  };
  EXPECT_EQ(with("history.items", 1, '\x03'), "seen items: an item is out of range");
  EXPECT_EQ(with("history.items", 1, '\x80'), "seen items: a row ends within a number");
  EXPECT_EQ(with("history.offsets", 2, std::int64_t{4}), "loaded") << "another split of the same bytes is another sound model";
  EXPECT_EQ(with("history.offsets", 1, std::int64_t{6}), "seen items: the offsets do not ascend");
  EXPECT_EQ(with("history.offsets", 0, std::int64_t{1}), "seen items: the offsets do not span the bytes");
  EXPECT_EQ(with("history.offsets", 3, std::int64_t{4}), "seen items: the offsets do not span the bytes");
}

// A file of a few bytes whose rank no bytes stand behind, and one that has them but that no method could have trained.
TEST(HostileModelFile, RanksThatNoModelHas) {
  const auto refusal_of = [](std::uint32_t users, std::uint32_t items, std::size_t rank) {
    Opened file(serialize_model(testing_models::random_model(1, 1, 1)));
    const std::uint64_t sizes[] = {users * rank * sizeof(float), items * rank * sizeof(float)};
    // Of one user and one item with rank 1, the tensors but for the factors stay as they are: what the header says of these is looked at
    // first.
    file.header["user_factors"]["shape"] = {users, rank};
    file.header["item_factors"]["shape"] = {items, rank};
    file.data.insert(0, std::string(sizes[0] + sizes[1], '\0'));
    return refusal(file.sealed());
  };
  for (const std::size_t rank : {std::size_t{4097}, std::size_t{20000}, std::size_t{1} << 24U}) {
    const std::string problem = "a rank of " + std::to_string(rank) + ", but no model has one above 4096";
    EXPECT_EQ(refusal_of(0, 0, rank), problem);
    EXPECT_EQ(refusal_of(1, 0, rank), problem);
    EXPECT_EQ(refusal_of(0, 1, rank), problem);
    if (rank < 100000) {
      EXPECT_EQ(refusal_of(1, 1, rank), problem);
    }
  }
  for (const auto& [users, items] : {std::pair(0U, 0U), std::pair(1U, 0U), std::pair(0U, 1U)}) {
    EXPECT_EQ(refusal_of(users, items, 4096), "a rank of 4096 without users or without items");
    EXPECT_EQ(refusal_of(users, items, 1), "a rank of 1 without users or without items");
  }
  EXPECT_THROW(serialize_model(testing_models::random_model(1, 1, 4097)), Error);
  EXPECT_NO_THROW(deserialize_model(serialize_model(testing_models::random_model(1, 1, 4096))));
}

}  // namespace
}  // namespace lowrank::model_file_hostile_test
