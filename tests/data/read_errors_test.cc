#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "data/chunks.h"
#include "data/read_tuned.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/data/read.h"

namespace lowrank::read_errors_test {
namespace {

/// The message for a file of `text`, which must be the same through every way of reading and for every cut into chunks.
std::string whole_message(std::string_view text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  const std::string whole = error_of<Error>([&] { read_ratings(file.path(), options); }, file.path());
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
    for (const int threads : {1, 3}) {
      ReadTuning tuning;
      tuning.chunk_bytes = chunk_bytes;
      tuning.chunks_per_thread = 3;
      ReadOptions cut = options;
      cut.threads = threads;
      EXPECT_EQ(error_of<Error>([&] { read_ratings_tuned(file.path(), cut, tuning); }, file.path()), whole) << chunk_bytes;
      EXPECT_EQ(error_of<Error>([&] { read_pairs_tuned(file.path(), {}, {}, cut, tuning); }, file.path()), whole) << chunk_bytes;
      EXPECT_EQ(error_of<Error>([&] { for_each_line(file.path(), cut, tuning, [](const RatingLine&, std::size_t) {}); }, file.path()),
                whole);
    }
  }
  return whole;
}

/// The message without what follows it: the line, and what the file was taken for.
std::string message(std::string_view text, const ReadOptions& options = {}) { return without_context(whole_message(text, options)); }

TEST(ReadErrors, NameTheLine) {
  using namespace std::string_view_literals;
  EXPECT_EQ(message("1,2,3\n1,3,abc\n"), "F:2: expected a number, found \"abc\"");
  EXPECT_EQ(message("u,i,r\n1,2,3\n\n1,3,\n"), "F:4: expected a number, found \"\"");
  EXPECT_EQ(message("1,2,3\r\n\r\n1,3,4 5\r\n"), "F:3: expected a number, found \"4 5\"");
  EXPECT_EQ(message("1,2,3\n1,3,nan\n"), "F:2: expected a rating that is finite as a 32-bit float, found \"nan\"");
  EXPECT_EQ(message("1,2,3\n1,3,-inf\n"), "F:2: expected a rating that is finite as a 32-bit float, found \"-inf\"");
  EXPECT_EQ(message("1,2,3\n1,3,1e39\n"), "F:2: expected a rating that is finite as a 32-bit float, found \"1e39\"");
  EXPECT_EQ(message("1,2,3\n1\n"), "F:2: too few columns: expected at least 2, found 1");
  EXPECT_EQ(message("1,2,3\n,3,4\n"), "F:2: an empty id");
  EXPECT_EQ(message("1,2,3\n1,\"\",4\n"), "F:2: an empty id");
  EXPECT_EQ(message("1,2,3\n1, ,4\n"), "F:2: an empty id");
  EXPECT_EQ(message("1::2::3\n1::::4\n"), "F:2: an empty id");
  EXPECT_EQ(message("1,2,3\n1,a\x02z,4\n"), "F:2: a control character in an id: \"a\\x02z\"");
  EXPECT_EQ(message("1,2,3\n1,a\0,4\n"sv), "F:2: a control character in an id: \"a\\x00\"");
  EXPECT_EQ(message("1,2,3\n1,a\tb,4\n"), "F:2: a control character in an id: \"a\\tb\"");
  EXPECT_EQ(message("1,2,3\n1,\xC3,4\n"),
            "F:2: an id that is not valid UTF-8: \"\\xc3\"; use encoding to state the encoding, such as latin-1 or windows-1252");
  EXPECT_EQ(message("1,2,3\n\"1,3,4\n5\",6,7\n"), "F:2: a quoted field does not end on its line");
  EXPECT_EQ(message("1,2,3,\"a \nb\"\n"), "F:1: a quoted field does not end on its line");
  EXPECT_EQ(message("1,2,3\n\"1,3,4"), "F:2: a quoted field does not end on its line");
  EXPECT_EQ(message("1,2,3\n\"1\"x,3,4\n"), "F:2: text after a closing quote");
}

TEST(ReadErrors, TellAboutLinesWithoutARating) {
  EXPECT_EQ(message("1,2\n1,3\n"),
            "F:1: too few columns: expected at least 3, found 2; use implicit_values to read a line without a rating as a rating of 1");
  ReadOptions options;
  options.columns = Columns::parse("rating=5");
  EXPECT_EQ(message("1,2,3\n", options),
            "F:1: too few columns: expected at least 5, found 3; use implicit_values to read a line without a rating as a rating of 1");
}

TEST(ReadErrors, ShortenWhatTheyQuote) {
  EXPECT_EQ(message("1,2,3\n1,3," + std::string(1000, 'x') + "\n"), "F:2: expected a number, found \"" + std::string(40, 'x') + "\"...");
  std::string accents;
  for (int at = 0; at < 30; ++at) accents += "é";
  EXPECT_EQ(message("1,2,3\n1,3,x" + accents + "\n"), "F:2: expected a number, found \"x" + accents.substr(0, 38) + "\"...");
}

TEST(ReadErrors, AreForFilesWithoutRatings) {
  for (const char* text : {"", "\n", " \n\r\n", "\xEF\xBB\xBF", "user,item,rating\n", "user,item,rating"}) {
    EXPECT_EQ(message(text), "F: no ratings") << text;
  }
  EXPECT_EQ(message("1,2,abc\n"), "F:1: expected a number, found \"abc\"");
  ReadOptions options;
  options.format = Format::adjacency;
  EXPECT_EQ(message("1\n2\n", options), "F: no ratings");
}

TEST(ReadErrors, OfSeveralTheFirstIsReported) {
  std::string text;
  for (int line = 0; line < 1000; ++line) text += std::to_string(line) + "," + std::to_string(line % 7) + ",3\n";
  EXPECT_EQ(message(text + "a,b,bad\n" + text + "c\n" + text + ",x,1\n"), "F:1001: expected a number, found \"bad\"");
  EXPECT_EQ(message(text + "\n\nc\n" + text + "a,b,bad\n"), "F:1003: too few columns: expected at least 2, found 1");
}

TEST(ReadErrors, CountTheIds) {
  const ScratchFile file("a,x,1\nb,x,1\na,y,1\nb,z,1\nc,x,oops\n");
  for (const std::size_t chunk_bytes : {1U, 8U, 1000U}) {
    ReadTuning tuning;
    tuning.chunk_bytes = chunk_bytes;
    tuning.max_ids = 2;
    const auto read = [&] { read_ratings_tuned(file.path(), {}, tuning); };
    EXPECT_EQ(error_of<DataError>(read, file.path()), "F:4: more than 2 distinct items");
    tuning.max_ids = 3;
    EXPECT_EQ(without_context(error_of<DataError>(read, file.path())), "F:5: expected a number, found \"oops\"");
    tuning.max_ids = 1;
    EXPECT_EQ(error_of<DataError>(read, file.path()), "F:2: more than 1 distinct users");
  }
}

TEST(ReadErrors, OfTimesOnlyWhereTheyAreAskedFor) {
  const ScratchFile file("user,item,rating,time,mood\na,x,1,soon,glad\nb,y,2,later,sad\n");
  for (const bool contexts : {false, true}) {
    for (const bool keep_times : {false, true}) {
      for (const bool pairs_only : {false, true}) {
        ReadOptions options;
        if (contexts) options.contexts = {"mood"};
        options.keep_times = keep_times;
        options.pairs_only = pairs_only;
        const std::string expected = keep_times ? "F:2: expected a timestamp, found \"soon\"" : "";
        const auto problem = [&](const auto& read) { return without_context(error_of<DataError>(read, file.path())); };
        EXPECT_EQ(problem([&] { read_ratings(file.path(), options); }), expected);
        EXPECT_EQ(problem([&] { read_pairs(file.path(), {}, {}, options); }), expected);
        EXPECT_EQ(problem([&] { read_lines(file.path(), options); }), expected);
        EXPECT_EQ(problem([&] { for_each_rating(file.path(), options, [](const RatingLine&) {}); }), expected);
      }
    }
  }
}

TEST(ReadErrors, OfMatrixMarketFiles) {
  const std::string banner = "%%MatrixMarket matrix coordinate real general\n";
  EXPECT_EQ(message(banner + "2 2 1\n3 1 5\n"), "F:3: expected a row from 1 to 2, found \"3\"");
  EXPECT_EQ(message(banner + "2 2 1\n1 0 5\n"), "F:3: expected a column from 1 to 2, found \"0\"");
  EXPECT_EQ(message(banner + "2 2 1\n1 x 5\n"), "F:3: expected a column from 1 to 2, found \"x\"");
  EXPECT_EQ(message(banner + "2 2 1\n1 1 x\n"), "F:3: expected a number, found \"x\"");
  EXPECT_EQ(message(banner + "2 2 3\n1 1 5\n2 2 5\n"), "F: expected 3 entries, found 2");
  EXPECT_EQ(message(banner + "2 2 1\n1 1 5\n2 2 5\n"), "F: expected 1 entries by the size line, found more");
  EXPECT_EQ(message(banner + "2 2 1\n1 1 5\n2 2 x\n"), "F:4: expected a number, found \"x\"");
  EXPECT_EQ(message(banner + "2 2\n1 1 5\n"), "F:2: expected rows, columns and entries of the matrix, found 2 words");
  EXPECT_EQ(message(banner + "2 -2 1\n1 1 5\n"), "F:2: expected a whole number, found \"-2\"");
  EXPECT_EQ(message(banner + "% only comments\n"), "F:2: the size line of the matrix is missing");
  EXPECT_EQ(message(banner + "2 2 0\n"), "F: no ratings");
  EXPECT_EQ(message("%%MatrixMarket matrix array real general\n2 2\n"),
            "F:1: expected the coordinate layout of Matrix Market files, found \"array\"");
  EXPECT_EQ(message("%%MatrixMarket matrix coordinate real hermitian\n2 2 1\n"),
            "F:1: expected a Matrix Market matrix that is general, symmetric or skew-symmetric, found \"hermitian\"");
  EXPECT_EQ(message("%%MatrixMarket matrix coordinate complex general\n2 2 1\n"),
            "F:1: expected Matrix Market values that are real, integer or pattern, found \"complex\"");
  EXPECT_EQ(message("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 1\n"),
            "F:1: a pattern matrix has no ratings; use implicit_values to read its entries as ratings of 1");
  ReadOptions options;
  options.format = Format::matrix_market;
  EXPECT_EQ(message("1 2 3\n", options), "F:1: expected the banner %%MatrixMarket of a Matrix Market file");
}

TEST(ReadErrors, OfTheSystemNameTheFile) {
  const std::string missing = testing::TempDir() + "lowrank_no_such_file";
  EXPECT_NE(error_of<FileError>([&] { read_ratings(missing); }).find(missing), std::string::npos);
  const std::string folder = testing::TempDir();
  EXPECT_NE(error_of<FileError>([&] { read_ratings(folder); }).find("irectory"), std::string::npos);
}

TEST(ReadErrors, OfAFileThatBecomesShorter) {
  std::string text;
  for (int line = 0; line < 300000; ++line) text += std::to_string(line) + ",1,2\n";
  for (const off_t size : {off_t{0}, off_t{1000}, static_cast<off_t>(ChunkSource::kHeadBytes), static_cast<off_t>(text.size() - 1)}) {
    const ScratchFile file(text);
    ChunkSource source(file.path(), std::size_t{1} << 16U, 1);
    ASSERT_EQ(truncate(file.path().c_str(), size), 0);
    const auto read = [&] {
      while (const std::size_t chunks = source.next_batch(4)) {
        for (std::size_t chunk = 0; chunk < chunks; ++chunk) source.load(chunk, 0);
      }
    };
    EXPECT_EQ(error_of<FileError>(read, file.path()), "F: the file became shorter while it was read");
  }
}

}  // namespace
}  // namespace lowrank::read_errors_test
