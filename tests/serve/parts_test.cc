#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serve/catalogue.h"
#include "serve/digest.h"
#include "serve/json.h"
#include "serve/keys.h"
#include "serve/metrics.h"
#include "serve/routes.h"
#include "serve/shared_slot.h"

namespace lowrank::serve::parts_test {
namespace {

std::string hexadecimal(const Digest& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", unsigned{byte});
    text += digits;
  }
  return text;
}

TEST(Digest, IsThatOfTheStandard) {
  // The examples of FIPS 180-4.
  EXPECT_EQ(hexadecimal(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hexadecimal(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hexadecimal(sha256(std::string(1'000'000, 'a'))), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_TRUE(equal_digests(sha256("a"), sha256("a")));
  EXPECT_FALSE(equal_digests(sha256("a"), sha256("b")));
}

TEST(JsonText, ReadsBackAsItWas) {
  for (const std::string& text :
       {std::string("plain"), std::string("\"\\/\b\n\x01\x1f"), std::string("é\u2028\U0001F600"), std::string(1, '\0')}) {
    std::string written;
    append_string(written, text);
    EXPECT_EQ(Json::parse(written).get<std::string>(), text);
  }
  std::string broken;
  append_string(broken, "a\xff");
  EXPECT_FALSE(Json::parse(broken, nullptr, false).is_discarded());
  std::string written;
  JsonWriter json(written);
  json.begin_object().member("a", 0.1).member("b", 0.1F).member("c", std::uint64_t{18446744073709551615U}).key("d").begin_array();
  json.number(std::numeric_limits<double>::quiet_NaN()).boolean(true).begin_object().end_object().end_array().member("e", "x").end_object();
  EXPECT_EQ(written, R"({"a":0.1,"b":0.1,"c":18446744073709551615,"d":[null,true,{}],"e":"x"})");
}

TEST(JsonText, BoundsItsDepth) {
  EXPECT_NO_THROW(parse_json(std::string(32, '[') + std::string(32, ']')));
  EXPECT_THROW(parse_json(std::string(33, '[') + std::string(33, ']')), Problem);
  EXPECT_NO_THROW(parse_json("\"" + std::string(100, '[') + "\""));
  EXPECT_NO_THROW(parse_json(R"(["\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["])"));
  EXPECT_THROW(parse_json(std::string(1'000'000, '[')), Problem);
  EXPECT_THROW(parse_json("{\"a\":1,}"), Problem);
}

TEST(Schema, NamesThePlace) {
  const auto problem = [](const char* json) -> std::string {
    try {
      check_schema(Json::parse(json), schema_of("PredictBody"), "body");
    } catch (const Problem& found) {
      return found.detail;
    }
    return "";
  };
  EXPECT_EQ(problem(R"({"pairs":[{"user":"a","item":"b"}]})"), "");
  EXPECT_EQ(problem(R"({"pairs":[{"user":"a","item":"b"},{"user":7,"item":"b"}]})"), "body.pairs[1].user: expected string, found integer");
  EXPECT_EQ(problem(R"({"pairs":[{"user":"a"}]})"), "body.pairs[0]: the member \"item\" is missing");
  EXPECT_EQ(problem(R"({"pairs":[],"x":1})"), "body.pairs: expected at least 1 entries, found 0");
  EXPECT_EQ(problem(R"({"pairs":[{"user":"a","item":"b"}],"x":1})"), "body: unknown member \"x\"");
  EXPECT_EQ(problem("[]"), "body: expected object, found array");
}

TEST(Percent, EncodesAndDecodes) {
  for (const std::string& text : {std::string("a/b"), std::string("%41"), std::string("é +"), std::string(1, '\0'), std::string()}) {
    EXPECT_EQ(percent_decoded(percent_encoded(text), true), text);
  }
  EXPECT_EQ(percent_decoded("a+b", true), "a b");
  EXPECT_EQ(percent_decoded("a+b", false), "a+b");
  for (const char* wrong : {"%", "%4", "%zz", "a%4"}) EXPECT_FALSE(percent_decoded(wrong, true).has_value()) << wrong;
}

TEST(Folding, ForgetsCaseAndAccents) {
  EXPECT_EQ(folded_text("Amélie ÉCLAIR Ñandú Ærø Łódź Žižek"), "amelie eclair nandu aro lodz zizek");
  EXPECT_EQ(folded_text("東京 ×"), "東京 ×");
}

TEST(Hosts, AreAddressesLocalhostAndNamesThatWereGiven) {
  const std::vector<std::string> names{"shop.example"};
  for (const char* host : {"localhost", "LOCALHOST:8090", "127.0.0.1:80", "[::1]:8090", "10.1.2.3", "Shop.Example:443"}) {
    EXPECT_TRUE(allows_host(host, names)) << host;
  }
  for (const char* host :
       {"", ":80", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xshop.example", "shop.example.", "[::1"}) {
    EXPECT_FALSE(allows_host(host, names)) << host;
  }
}

TEST(Histogram, CountsAndEstimates) {
  Histogram histogram(second_bounds());
  for (int n = 1; n <= 1000; ++n) histogram.observe(n * 1e-5);
  EXPECT_EQ(histogram.count(), 1000U);
  EXPECT_NEAR(histogram.sum(), 5.005, 1e-9);
  EXPECT_NEAR(histogram.quantile(0.5), 0.005, 1e-4);
  EXPECT_NEAR(histogram.quantile(0.99), 0.0099, 1e-4);
  EXPECT_EQ(Histogram(second_bounds()).quantile(0.5), 0);
}

TEST(SharedSlot, IsReadWhileItIsReplaced) {
  SharedSlot<const std::pair<int, int>> slot;
  EXPECT_EQ(slot.load(), nullptr);
  slot.store(std::make_shared<const std::pair<int, int>>(0, 0));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&slot] {
      for (int n = 1; n <= 2000; ++n) {
        slot.store(std::make_shared<const std::pair<int, int>>(n, -n));
        const auto read = slot.load();
        EXPECT_EQ(read->first, -read->second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto last = slot.load();
  EXPECT_EQ(last.use_count(), 2);
  EXPECT_EQ(last->first, 2000);
}

}  // namespace
}  // namespace lowrank::serve::parts_test
