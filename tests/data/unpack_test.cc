#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "data/read_tuned.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank::unpack_test {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

std::string xz(const std::string& text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                    reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  return packed;
}

std::string many_lines(std::size_t count) {
  RandomStream random(3, Purpose::split);
  std::string text;
  for (std::size_t at = 0; at < count; ++at) text += std::to_string(at / 9) + "," + std::to_string(random.below(100000)) + ",4.5\n";
  return text;
}

struct Packer {
  const char* name;
  std::string (*pack)(const std::string&);
};

class UnpackTest : public testing::TestWithParam<Packer> {};

TEST_P(UnpackTest, ReadsPackedFilesAsPlainOnes) {
  const auto pack = GetParam().pack;
  const std::string text = many_lines(60000);
  const ScratchFile plain(text);
  const std::string half = text.substr(0, text.size() / 2);
  const std::string rest = text.substr(text.size() / 2);
  const Dataset expected = read_ratings(plain.path());
  for (const std::string& content : {pack(text), pack(half) + pack(rest), pack(half) + pack("") + pack(rest)}) {
    const ScratchFile packed(content);
    for (const int threads : {1, 3}) {
      ReadOptions options;
      options.threads = threads;
      ReadTuning tuning;
      tuning.chunk_bytes = threads == 1 ? 5000 : 70000;
      tuning.chunks_per_thread = 2;
      const Dataset dataset = read_ratings_tuned(packed.path(), options, tuning);
      EXPECT_EQ(dataset.users, expected.users);
      EXPECT_EQ(dataset.items, expected.items);
      ASSERT_EQ(dataset.ratings.size(), expected.ratings.size());
      EXPECT_TRUE(std::equal(expected.ratings.items().begin(), expected.ratings.items().end(), dataset.ratings.items().begin()));
    }
  }
}

TEST_P(UnpackTest, RefusesWhatWasCutOff) {
  const std::string packed = GetParam().pack(many_lines(300));
  for (std::size_t size = 7; size < packed.size(); size += size < 40 || size + 40 > packed.size() ? 1U : 13U) {
    const ScratchFile file(packed.substr(0, size));
    const std::string message = error_of<DataError>([&] { read_ratings(file.path()); }, file.path());
    ASSERT_EQ(message, std::string("F: the ") + GetParam().name + " data ends early") << size;
  }
}

TEST_P(UnpackTest, RefusesWhatWasAltered) {
  const std::string text = many_lines(300);
  const std::string packed = GetParam().pack(text);
  for (std::size_t at = 6; at < packed.size(); at += 11) {
    std::string altered = packed;
    altered[at] = static_cast<char>(altered[at] ^ 0x24);
    const ScratchFile file(altered);
    try {
      EXPECT_EQ(read_ratings(file.path()).ratings.size(), 300U);
    } catch (const DataError&) {
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Packers, UnpackTest, testing::Values(Packer{"gzip", gzip}, Packer{"zstd", zstd}, Packer{"xz", xz}),
                         [](const testing::TestParamInfo<Packer>& packer) { return packer.param.name; });

TEST(Unpack, ReportsAnErrorBeforeTheDamage) {
  std::string text = many_lines(40000) + "a,b,oops\n" + many_lines(40000);
  std::string packed = gzip(text);
  packed.resize(packed.size() - 40);
  const ScratchFile file(packed);
  ReadTuning tuning;
  tuning.chunk_bytes = 4096;
  EXPECT_EQ(without_context(error_of<DataError>([&] { read_ratings_tuned(file.path(), {}, tuning); }, file.path())),
            "F:40001: expected a number, found \"oops\"");
}

TEST(Unpack, KnowsGzipPaddingAndGarbage) {
  const ScratchFile padded(gzip("1,2,3\n") + std::string(1000, '\0'));
  EXPECT_EQ(read_ratings(padded.path()).ratings.size(), 1U);
  const ScratchFile garbage(gzip("1,2,3\n") + "garbage");
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(garbage.path()); }, garbage.path()), "F: the gzip data is damaged");
}

TEST(Unpack, RefusesArchivesItDoesNotRead) {
  const ScratchFile zip("PK\x03\x04 and more");
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(zip.path()); }, zip.path()), "F: zip archives are not supported; unpack the file first");
  const ScratchFile bzip("BZh91AY&SY");
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(bzip.path()); }, bzip.path()),
            "F: bzip2 files are not supported; unpack the file first");
  const ScratchFile empty(std::string_view("BZh9\x17rE8P\x90\0\0\0\0", 14));
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(empty.path()); }, empty.path()),
            "F: bzip2 files are not supported; unpack the file first");
  const ScratchFile user("BZh1,7,3\n");
  EXPECT_EQ(read_ratings(user.path()).users.id(0), "BZh1");
}

}  // namespace
}  // namespace lowrank::unpack_test
