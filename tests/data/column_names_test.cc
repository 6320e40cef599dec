#include "data/column_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowrank::column_names_test {
namespace {

/// The columns of user, item, rating and time in a header, `-` for none.
std::string columns_of(const std::vector<std::string>& names) {
  const NamedColumns columns = columns_by_name(names);
  std::string text;
  for (const Role role : {Role::user, Role::item, Role::rating, Role::time}) {
    const std::size_t column = columns.of(role).column;
    text += column == NamedColumns::kNone ? "-" : std::to_string(column);
  }
  return text;
}

TEST(ColumnsByName, KnowNamesWhateverTheirCaseAndSeparators) {
  for (const char* name :
       {"user",          "User",       "USER",      "user_id",   "userId",          "UserID",      "USERID",      "userid",
        "User-ID",       "user id",    "user.id",   "uid",       "customer",        "customer_id", "CustomerKey", "cust_id",
        "client",        "reviewerID", "visitorid", "member_id", "username",        "user_name",   "account_id",  "raw_user_id",
        "user_id:token", "u",          "\"user\"",  "#user",     "customer_number", "userno",      "email",       "customer account id"}) {
    EXPECT_EQ(columns_of({"x0", name}), "1---") << name;
  }
  for (const char* name :
       {"item",        "item_id",         "itemId",   "itemid",      "movieId",     "movie_id",   "MovieID",   "movie",
        "film",        "book_id",         "ISBN",     "sku",         "SKU",         "product_id", "productid", "asin",
        "parent_asin", "artistID",        "track_id", "song",        "business_id", "anime_id",   "game",      "recipe_id",
        "iid",         "item_id:token",   "i",        "movie_title", "title",       "article_id", "beer_name", "Product SKU",
        "itemidx",     "product_sku_code"}) {
    EXPECT_EQ(columns_of({"x0", name}), "-1--") << name;
  }
  for (const char* name :
       {"rating",  "Rating",         "ratings",      "score",     "stars", "star_rating", "Book-Rating", "user_rating", "value",
        "overall", "review_overall", "rating:float", "grade",     "vote",  "plays",       "playcount",   "weight",      "r",
        "y",       "count",          "rating_value", "star_score"}) {
    EXPECT_EQ(columns_of({"x0", name}), "--1-") << name;
  }
  for (const char* name : {"timestamp", "Timestamp", "time", "date", "datetime", "review_time", "unixReviewTime", "review_date",
                           "created_at", "ts", "timestamp:float", "event_time", "t"}) {
    EXPECT_EQ(columns_of({"x0", name}), "---1") << name;
  }
}

TEST(ColumnsByName, DoNotTakeOneThingForAnother) {
  for (const char* name : {"",
                           "x",
                           "age",
                           "user_age",
                           "item_price",
                           "average_rating",
                           "avg_rating",
                           "num_ratings",
                           "predicted_score",
                           "release_date",
                           "birth_date",
                           "rating_count",
                           "category",
                           "review_id",
                           "comment",
                           "date_day",
                           "genres",
                           "1",
                           "Unnamed: 0",
                           "index",
                           "product_category",
                           "user_country",
                           "total_votes",
                           "helpful_votes",
                           "timezone",
                           "lifetime",
                           "overrating"}) {
    EXPECT_EQ(columns_of({name}), "----") << name;
  }
}

TEST(ColumnsByName, PreferTheBetterName) {
  EXPECT_EQ(columns_of({"user_name", "user_id", "movie_title", "movieId", "score", "rating", "date", "timestamp"}), "1357");
  EXPECT_EQ(columns_of({"u", "i", "user_id", "item_id"}), "23--");
  EXPECT_EQ(columns_of({"customer", "user", "book", "item"}), "13--");
  // Two names that are equally good leave the column open.
  EXPECT_EQ(columns_of({"user_id", "movie_id", "book_id", "rating"}), "0-3-");
  EXPECT_EQ(columns_of({"user", "user", "item"}), "-2--");
}

TEST(ColumnsByName, KnowTheHeadersOfPublicFiles) {
  EXPECT_EQ(columns_of({"userId", "movieId", "rating", "timestamp"}), "0123");
  EXPECT_EQ(columns_of({"User-ID", "ISBN", "Book-Rating"}), "012-");
  EXPECT_EQ(columns_of({"reviewerID", "asin", "reviewerName", "helpful", "reviewText", "overall", "summary", "unixReviewTime"}), "0157");
  EXPECT_EQ(columns_of({"marketplace", "customer_id", "review_id", "product_id", "product_parent", "product_title", "product_category",
                        "star_rating", "helpful_votes", "total_votes", "vine", "review_date"}),
            "13711");
  EXPECT_EQ(columns_of({"review_id", "user_id", "business_id", "stars", "useful", "funny", "cool", "text", "date"}), "1238");
  EXPECT_EQ(columns_of({"user_id", "recipe_id", "date", "rating", "review"}), "0132");
  EXPECT_EQ(columns_of({"timestamp", "visitorid", "event", "itemid", "transactionid"}), "13-0");
  EXPECT_EQ(columns_of({"userID", "artistID", "weight"}), "012-");
  EXPECT_EQ(columns_of({"userid", "itemid", "rating", "Time", "Location", "Companion"}), "0123");
  EXPECT_EQ(columns_of({"user_id:token", "item_id:token", "rating:float", "timestamp:float"}), "0123");
}

TEST(ColumnsByName, TellAHeaderByTwoRoles) {
  const auto is_header = [](const std::vector<std::string>& names) { return columns_by_name(names).is_header(); };
  EXPECT_TRUE(is_header({"user_id", "item_id"}));
  EXPECT_TRUE(is_header({"u", "i", "r"}));
  EXPECT_TRUE(is_header({"x", "movie", "stars"}));
  EXPECT_FALSE(is_header({"ann", "film1", "good"}));
  EXPECT_FALSE(is_header({"u", "a"}));
  EXPECT_FALSE(is_header({"book", "ann"}));
  EXPECT_FALSE(is_header({"rating", "time"}));
  EXPECT_FALSE(is_header({}));
}

}  // namespace
}  // namespace lowrank::column_names_test
