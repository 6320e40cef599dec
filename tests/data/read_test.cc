#include "lowrank/data/read.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"

namespace lowrank::read_test {
namespace {

using Triples = std::vector<std::tuple<std::string, std::string, float>>;

Triples triples_of(const Dataset& dataset) {
  Triples triples;
  for (std::uint32_t user = 0; user < dataset.ratings.user_count(); ++user) {
    for (std::size_t at = dataset.ratings.row_offsets()[user]; at < dataset.ratings.row_offsets()[user + 1]; ++at) {
      triples.emplace_back(dataset.users.id(user), dataset.items.id(dataset.ratings.items()[at]), dataset.ratings.value(at));
    }
  }
  return triples;
}

Triples read_text(std::string_view text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  return triples_of(read_ratings(file.path(), options));
}

Triples lines_of(std::string_view text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  Triples triples;
  for_each_rating(file.path(), options, [&](const RatingLine& line) { triples.emplace_back(line.user, line.item, line.value); });
  return triples;
}

const Triples kThree = {{"1", "10", 4.0F}, {"1", "20", 3.5F}, {"2", "10", 1.0F}};

TEST(ReadRatings, TellsEverySeparatorByTheLines) {
  for (const std::string separator : {",", "\t", "::", ";", " ", "  ", " \t ", " , "}) {
    std::string text;
    for (const auto& line : {std::array{"1", "10", "4"}, std::array{"1", "20", "3.5"}, std::array{"2", "10", "1"}}) {
      text += line[0] + separator + line[1] + separator + line[2] + "\n";
    }
    EXPECT_EQ(read_text(text), kThree) << separator;
    EXPECT_EQ(lines_of(text), kThree) << separator;
  }
}

TEST(ReadRatings, PutsUpWithWhatEditorsLeave) {
  EXPECT_EQ(read_text("1,10,4\r\n1,20,3.5\r\n2,10,1\r\n"), kThree);
  EXPECT_EQ(read_text("\xEF\xBB\xBF"
                      "1,10,4\n1,20,3.5\n2,10,1"),
            kThree);
  EXPECT_EQ(read_text("\n\n1,10,4\n  \n1,20,3.5\n\t\n\r\n2,10,1\n\n"), kThree);
  EXPECT_EQ(read_text("1,10,4,99,x,\n1,20,3.5\n2,10,1,,,,\n"), kThree);
  EXPECT_EQ(read_text(" 1 ,\t10, 4\n1,20 ,3.5 \n2,10,1\r\n"), kThree);
  EXPECT_EQ(read_text("1 10 4\n 1 20 3.5 \n2 10 1 881250949\n"), kThree);
}

TEST(ReadRatings, LeavesAHeaderOut) {
  EXPECT_EQ(read_text("userId,movieId,rating,timestamp\n1,10,4,5\n1,20,3.5,5\n2,10,1,5\n"), kThree);
  EXPECT_EQ(read_text("\n\"userId\",\"movieId\",\"rating\"\n1,10,4\n1,20,3.5\n2,10,1\n"), kThree);
  EXPECT_EQ(read_text("user\titem\trating\n1\t10\t4\n1\t20\t3.5\n2\t10\t1\n"), kThree);
}

TEST(ReadRatings, UnquotesFields) {
  const Triples quoted = read_text("\"a,b\",\"say \"\"hi\"\"\",4\n \"a,b\" , x\"y ,\"5\"\n\" pad \",\"1\",2,\"more, text\"\n");
  EXPECT_EQ(quoted, (Triples{{"a,b", "say \"hi\"", 4.0F}, {"a,b", "x\"y", 5.0F}, {" pad ", "1", 2.0F}}));
  EXPECT_EQ(read_text("\"1\";\"10\";4\n1;\"20\";3.5\n\"2\";10;\"1\"\n"), kThree);
}

TEST(ReadRatings, KeepsIdsAsTheyAreWritten) {
  const Triples triples =
      read_text("7,a b,1\n007,a b,2\n+7,a b,3\n7.0,a b,4\n0,a b,5\n00,a b,6\n4194303,a b,7\n4194304,a b,8\n99999999999,a b,9\n");
  const char* expected[] = {"7", "007", "+7", "7.0", "0", "00", "4194303", "4194304", "99999999999"};
  ASSERT_EQ(triples.size(), std::size(expected));
  for (std::size_t at = 0; at < triples.size(); ++at) EXPECT_EQ(triples[at], std::tuple(expected[at], "a b", static_cast<float>(at + 1)));
}

TEST(ReadRatings, FindsColumnsByNumberAndByName) {
  ReadOptions options;
  options.columns = Columns::parse("user=3,item=1,rating=4");
  EXPECT_EQ(read_text("10,x,1,4\n20,x,1,3.5\n10,x,2,1\n", options), kThree);
  options.columns = Columns::parse("user=who,item=what,rating=how");
  EXPECT_EQ(read_text("what,how,x,who\n10,4,x,1\n20,3.5,x,1\n10,1,x,2\n", options), kThree);
  EXPECT_EQ(read_text("what;how;x;\"who\"\n10;4;x;1\n20;3.5;x;1\n10;1;x;2\n", options), kThree);
  options.columns = Columns::parse("rating=how,user=1,item=2");
  EXPECT_EQ(read_text("a b how\n1 10 4\n1 20 3.5\n2 10 1\n", options), kThree);
}

TEST(ReadRatings, SaysWhichColumnsThereAre) {
  ReadOptions options;
  options.columns = Columns::parse("user=who,item=what");
  const ScratchFile file("who,What,rating\n1,2,3\n");
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(file.path(), options); }, file.path()),
            "columns: F: there is no column \"what\"; the columns are \"who\", \"What\", \"rating\"");
  options.columns = Columns::parse("user=2");
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(file.path(), options); }, file.path()),
            "columns: F: user and item cannot be the same column");
  options.columns = Columns::parse("user=3,item=2");
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(file.path(), options); }, file.path()),
            "columns: F: the rating cannot be in the column of the user or of the item");
}

TEST(ReadRatings, HonoursAStatedFormat) {
  ReadOptions options;
  options.format = Format::movielens;
  EXPECT_EQ(read_text("1::10::4::97\n1::20::3.5::97\n2::10::1::97\n", options), kThree);
  options.format = Format::tsv;
  EXPECT_EQ(read_text("1,5\tb\t4\n", options), (Triples{{"1,5", "b", 4.0F}}));
  options.format = Format::csv;
  EXPECT_EQ(read_text("a b,c::d,4\n", options), (Triples{{"a b", "c::d", 4.0F}}));
  EXPECT_EQ(read_text("a,b;c;4\n", options), (Triples{{"a,b", "c", 4.0F}}));
}

TEST(ReadRatings, ReadsAdjacencyOnlyWhenTold) {
  ReadOptions options;
  options.format = Format::adjacency;
  EXPECT_EQ(read_text("0 5 6\n1\n2 6  5 7 \n\n3 5", options),
            (Triples{{"0", "5", 1}, {"0", "6", 1}, {"2", "5", 1}, {"2", "6", 1}, {"2", "7", 1}, {"3", "5", 1}}));
  EXPECT_EQ(lines_of("0 5 6\n1\n2 6\n", options), (Triples{{"0", "5", 1}, {"0", "6", 1}, {"2", "6", 1}}));
}

TEST(ReadRatings, ReadsMatrixMarket) {
  const std::string text = "%%MatrixMarket matrix coordinate real general\n% comment\n\n2 20 3\n1 10 4\n1 20 3.5\n2 10 1e0\n";
  EXPECT_EQ(read_text(text), kThree);
  EXPECT_EQ(lines_of(text), kThree);
  ReadOptions options;
  options.format = Format::matrix_market;
  EXPECT_EQ(read_text("%%MatrixMarket MATRIX Coordinate Integer General\r\n2 2 1\r\n2 1 5\r\n", options), (Triples{{"2", "1", 5.0F}}));
  options.implicit_values = true;
  EXPECT_EQ(read_text("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n2 1\n1 2\n", options),
            (Triples{{"2", "1", 1.0F}, {"1", "2", 1.0F}}));
}

TEST(ReadRatings, ReadsTwoColumnsAsOneWhenTold) {
  ReadOptions options;
  options.implicit_values = true;
  EXPECT_EQ(read_text("a,b\na,c,4\nd,b\n", options), (Triples{{"a", "b", 1.0F}, {"a", "c", 4.0F}, {"d", "b", 1.0F}}));
  EXPECT_EQ(read_text("a b\na c\n", options), (Triples{{"a", "b", 1.0F}, {"a", "c", 1.0F}}));
}

TEST(ReadRatings, SettlesRepeatsByTheirOrderInTheFile) {
  const std::string text = "u,b,1\nu,a,2\nv,a,3\nu,b,4\nu,b,3.5\n";
  const auto value = [&](Duplicates duplicates) {
    ReadOptions options;
    options.duplicates = duplicates;
    const ScratchFile file(text);
    const Dataset dataset = read_ratings(file.path(), options);
    EXPECT_EQ(dataset.duplicates, 2U);
    EXPECT_EQ(dataset.ratings.size(), 3U);
    return std::get<2>(triples_of(dataset)[0]);
  };
  EXPECT_EQ(value(Duplicates::last), 3.5F);
  EXPECT_EQ(value(Duplicates::first), 1.0F);
  EXPECT_EQ(value(Duplicates::mean), static_cast<float>(8.5 / 3));
  EXPECT_EQ(value(Duplicates::sum), 8.5F);
  EXPECT_EQ(value(Duplicates::count), 3.0F);
  ReadOptions options;
  options.duplicates = Duplicates::error;
  const ScratchFile file(text);
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(file.path(), options); }, file.path()),
            "F:4: user \"u\" rated item \"b\" before, on line 1 (see duplicates)");
}

TEST(ReadRatings, RefusesSumsThatNoFloatHolds) {
  ReadOptions options;
  options.duplicates = Duplicates::sum;
  const ScratchFile file("u,b,3e38\nu,a,2\nv,a,3e38\nu,b,3e38\n");
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(file.path(), options); }, file.path()),
            "F: the ratings with which user \"u\" rated item \"b\" have no finite sum as a 32-bit float");
  options.duplicates = Duplicates::count;
  EXPECT_EQ(std::get<2>(triples_of(read_ratings(file.path(), options))[0]), 2.0F);
}

TEST(ReadRatings, KeepsTimesWhenAsked) {
  ReadOptions options;
  const ScratchFile file("u,b,1,50\nu,a,2,60.7\nv,a,3,-70\n");
  EXPECT_FALSE(read_ratings(file.path(), options).ratings.has_times());
  options.keep_times = true;
  const Dataset dataset = read_ratings(file.path(), options);
  ASSERT_TRUE(dataset.ratings.has_times());
  EXPECT_EQ(dataset.ratings.times()[0], 50);
  EXPECT_EQ(dataset.ratings.times()[1], 60);
  EXPECT_EQ(dataset.ratings.times()[2], -70);
  const ScratchFile missing("u,b,1,50\nu,a,2\n");
  EXPECT_FALSE(read_ratings(missing.path(), options).ratings.has_times());
  const ScratchFile words("u,b,1,Monday\nu,a,2,9\n");
  EXPECT_FALSE(read_ratings(words.path(), options).ratings.has_times());
  options.columns = Columns::parse("time=4");
  EXPECT_EQ(without_context(error_of<DataError>([&] { read_ratings(missing.path(), options); }, missing.path())),
            "F:2: too few columns: expected at least 4, found 3");
  EXPECT_EQ(without_context(error_of<DataError>([&] { read_ratings(words.path(), options); }, words.path())),
            "F:1: expected a timestamp, found \"Monday\"");
  options.keep_times = false;
  EXPECT_EQ(read_ratings(words.path(), options).ratings.size(), 2U);
}

TEST(ReadPairs, NumbersWhatIsKnownAndWhatIsNot) {
  Vocabulary users;
  users.add("u");
  users.add("7");
  Vocabulary items;
  items.add("a");
  const ScratchFile file("u,a,1\n7,b,2\nx,a,3\nu,b,4\nx,b,5\nu,a,6\n");
  const Pairs pairs = read_pairs(file.path(), users, items);
  EXPECT_EQ(pairs.users, (std::vector<std::uint32_t>{0, 1, 2, 0, 2, 0}));
  EXPECT_EQ(pairs.items, (std::vector<std::uint32_t>{0, 1, 0, 1, 1, 0}));
  EXPECT_EQ(pairs.values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(pairs.known_users, 2U);
  EXPECT_EQ(pairs.known_items, 1U);
  EXPECT_EQ(pairs.user_id(users, 1), "7");
  EXPECT_EQ(pairs.user_id(users, 2), "x");
  EXPECT_EQ(pairs.item_id(items, 1), "b");
}

TEST(ReadPairs, NeedsNoRatingWhereOnlyPairsAreWanted) {
  ReadOptions options;
  options.pairs_only = true;
  const ScratchFile file("u,a\nu,b,not looked at\n");
  const Pairs pairs = read_pairs(file.path(), {}, {}, options);
  EXPECT_EQ(pairs.size(), 2U);
  EXPECT_TRUE(pairs.values.empty());
  const ScratchFile header("user,item,rating\nu,a,3\n");
  EXPECT_EQ(read_pairs(header.path(), {}, {}, options).size(), 1U);
  const ScratchFile empty("");
  EXPECT_EQ(error_of<DataError>([&] { read_pairs(empty.path(), {}, {}, options); }, empty.path()), "F: no pairs");
}

TEST(ReadIds, ReadsOneALine) {
  const ScratchFile file(
      "\xEF\xBB\xBF"
      "7\r\n\n  \n Zoë M \n007");
  EXPECT_EQ(read_ids(file.path()), (std::vector<std::string>{"7", "Zoë M", "007"}));
  const ScratchFile wrong("7\n\nab\x01\n");
  EXPECT_EQ(error_of<DataError>([&] { read_ids(wrong.path()); }, wrong.path()), "F:3: a control character in an id: \"ab\\x01\"");
  const ScratchFile wide(std::string("\xFE\xFF\0u\0\n", 6));
  EXPECT_EQ(error_of<DataError>([&] { read_ids(wide.path()); }, wide.path()),
            "F: this is UTF-16 text, which is not read; convert it to UTF-8");
}

TEST(ReadRatings, KeepsWeights) {
  ReadOptions options;
  options.columns = Columns::parse("user=u,item=i,rating=r,weight=w");
  const ScratchFile file("w,u,i,r\n2.5,ann,x,4\n0,zoe,q,1\n\"1\",bob,x,4\n1e-3,ann,\"y\",3\n");
  for (const int threads : {1, 3}) {
    options.threads = threads;
    const Dataset data = read_ratings(file.path(), options);
    EXPECT_EQ(data.ratings.size(), 3U);
    EXPECT_EQ(data.users.size(), 2U);  // without the line of weight 0
    EXPECT_EQ(data.items.size(), 2U);
    EXPECT_TRUE(std::ranges::equal(data.ratings.weights(), std::vector<float>{2.5F, 1e-3F, 1}));
    EXPECT_FALSE(data.ratings.has_times());
  }
  std::string described;
  options.on_layout = [&described](const std::string& text) { described = text; };
  read_ratings(file.path(), options);
  EXPECT_NE(described.find("user = u, item = i, rating = r, weight = w"), std::string::npos) << described;
  options.on_layout = {};
  EXPECT_FALSE(read_ratings(ScratchFile("1,2,3,4\n").path()).ratings.has_weights());

  options.columns = Columns::parse("user=1,item=2,rating=3,weight=4");
  for (const char* weight : {"-1", "nan", "inf", "1e39", "", "heavy", "-0.001"}) {
    const ScratchFile wrong(std::string("a,x,1,2\nb,y,2,") + weight + "\nc,x,1,1\n");
    EXPECT_EQ(without_context(error_of<DataError>([&] { read_ratings(wrong.path(), options); }, wrong.path())),
              "F:2: expected a weight, a finite number of at least 0, found \"" + std::string(weight) + "\"");
  }
  const ScratchFile few("a,x,1,2\nb,y,2\n");
  EXPECT_EQ(without_context(error_of<DataError>([&] { read_ratings(few.path(), options); }, few.path())),
            "F:2: too few columns: expected at least 4, found 3");
  const ScratchFile left_out("a,x,1,2\nb,y,bad,0\n");
  EXPECT_THROW(read_ratings(left_out.path(), options), DataError);
  const ScratchFile nothing("a,x,1,0\n");
  EXPECT_EQ(error_of<DataError>([&] { read_ratings(nothing.path(), options); }, nothing.path()), "F: no ratings");
}

TEST(ReadRatings, WeightsThatNothingReadsAreRefused) {
  const ScratchFile file("a,x,1,2\na,x,5,6\n");
  ReadOptions options;
  options.columns = Columns::parse("user=1,item=2,rating=3,weight=4");
  EXPECT_THROW(read_pairs(file.path(), Vocabulary(), Vocabulary(), options), OptionError);
  EXPECT_THROW(for_each_rating(file.path(), options, [](const RatingLine&) {}), OptionError);
  for (const Duplicates rule : {Duplicates::sum, Duplicates::count}) {
    ReadOptions summed = options;
    summed.duplicates = rule;
    EXPECT_THROW(read_ratings(file.path(), summed), OptionError);
  }
  options.duplicates = Duplicates::mean;
  const Dataset data = read_ratings(file.path(), options);
  EXPECT_EQ(data.ratings.value(0), 4.0F);
  EXPECT_EQ(data.ratings.weights()[0], 8.0F);
  options.columns = Columns::parse("user=1,item=2,rating=3,weight=3");
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(file.path(), options); }, file.path()),
            "columns: F: the weight cannot be in the column of the user, the item or the rating");
  options.columns = Columns::parse("user=1,item=2,rating=3,weight=4");
  options.keep_times = true;
  EXPECT_THROW(read_ratings(file.path(), options), OptionError);
}

TEST(ColumnsParse, ReadsRolesInAnyOrder) {
  const Columns columns = Columns::parse("rating=score, user=2");
  EXPECT_TRUE(columns.stated);
  EXPECT_FALSE(columns.time_stated);
  EXPECT_EQ(columns.user.number, 2U);
  EXPECT_EQ(columns.item.number, 2U);
  EXPECT_EQ(columns.rating.name, "score");
  EXPECT_EQ(columns.time.number, 0U);
  EXPECT_TRUE(columns.time.name.empty());
  EXPECT_TRUE(Columns::parse("time=when").time_stated);
  EXPECT_FALSE(columns.weight_stated);
  EXPECT_EQ(Columns::parse("weight=w").weight.name, "w");
  EXPECT_FALSE(Columns().stated);
  for (const char* text : {"", "user", "user=", "=3", "wh?o=1", "user=1,user=2", "user=0", "user=1,"}) {
    EXPECT_THROW(Columns::parse(text), OptionError) << text;
  }
}

TEST(ParseNames, KnowFormatsAndDuplicates) {
  EXPECT_EQ(parse_format("auto"), Format::automatic);
  EXPECT_EQ(parse_format("matrix-market"), Format::matrix_market);
  EXPECT_EQ(parse_format("matrix"), Format::matrix);
  EXPECT_EQ(parse_duplicates("mean"), Duplicates::mean);
  EXPECT_EQ(error_of<OptionError>([] { parse_format("json"); }),
            "format: must be auto, csv, tsv, movielens, matrix-market, adjacency, matrix or tns, got \"json\"");
  EXPECT_EQ(error_of<OptionError>([] { parse_duplicates("all"); }),
            "duplicates: must be last, first, mean, sum, count or error, got \"all\"");
}

}  // namespace
}  // namespace lowrank::read_test
