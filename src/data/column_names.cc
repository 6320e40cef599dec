#include "data/column_names.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace lowrank {

namespace {

/// How well a name fits its role: of several columns, the one with the lowest grade is taken.
enum Grade : std::uint8_t { kPlain, kOfADomain, kVague };

struct Meaning {
  Role role;
  std::uint8_t grade;
  bool certain;
};

struct Words {
  Role role;
  Grade grade;
  bool certain;
  std::span<const std::string_view> words;
};

constexpr std::string_view kUser[] = {"user", "users", "uid", "usr"};
constexpr std::string_view kUserDomain[] = {"customer", "cust",       "client",   "reviewer",    "rater",    "viewer",  "member", "account",
                                            "visitor",  "subscriber", "person",   "people",      "consumer", "shopper", "buyer",  "patron",
                                            "reader",   "listener",   "player",   "student",     "patient",  "guest",   "critic", "profile",
                                            "persona",  "steamid",    "username", "profilename", "userlogin"};
constexpr std::string_view kItem[] = {"item", "items", "iid"};
constexpr std::string_view kItemDomain[] = {
    "movie",  "film",   "book",   "product",  "prod",  "sku",      "isbn",    "asin",    "article", "song",   "track", "artist",
    "album",  "game",   "app",    "anime",    "manga", "show",     "series",  "video",   "joke",    "recipe", "dish",  "restaurant",
    "shop",   "store",  "venue",  "business", "poi",   "hotel",    "course",  "beer",    "wine",    "job",    "news",  "document",
    "doc",    "page",   "site",   "listing",  "goods", "offer",    "content", "ean",     "upc",     "gtin",   "paper", "place",
    "isbn13", "isbn10", "movies", "films",    "books", "products", "songs",   "artists", "merchant"};
constexpr std::string_view kItemVague[] = {"i", "title"};
constexpr std::string_view kRating[] = {"rating", "ratings"};
constexpr std::string_view kRatingDomain[] = {"score", "scores", "star",    "stars",      "rate", "value",
                                              "vote",  "grade",  "overall", "preference", "pref"};
constexpr std::string_view kRatingVague[] = {"r",        "y",      "v",        "weight", "count",     "plays",    "playcount",
                                             "listens",  "clicks", "views",    "qty",    "frequency", "target",   "strength",
                                             "feedback", "label",  "quantity", "val",    "mark",      "relevance"};
constexpr std::string_view kTime[] = {"timestamp", "time", "datetime"};
constexpr std::string_view kTimeDomain[] = {"date", "ts", "unixtime", "unixtimestamp", "created", "createdat"};
constexpr std::string_view kTimeVague[] = {"t"};
constexpr std::string_view kUserVague[] = {"u", "email", "nickname"};

constexpr Words kWords[] = {
    {Role::user, kPlain, true, kUser},     {Role::user, kOfADomain, true, kUserDomain},     {Role::user, kVague, false, kUserVague},
    {Role::item, kPlain, true, kItem},     {Role::item, kOfADomain, true, kItemDomain},     {Role::item, kVague, false, kItemVague},
    {Role::rating, kPlain, true, kRating}, {Role::rating, kOfADomain, true, kRatingDomain}, {Role::rating, kVague, false, kRatingVague},
    {Role::time, kPlain, true, kTime},     {Role::time, kOfADomain, true, kTimeDomain},     {Role::time, kVague, false, kTimeVague},
};

/// Words after the word for a user or item that keep its meaning.
constexpr std::string_view kIdWords[] = {"id",   "ids", "key",   "no",   "nr",   "num",  "number",
                                         "code", "idx", "index", "hash", "uuid", "guid", "pk"};
/// Words after it that give it by its name.
constexpr std::string_view kNameWords[] = {"name", "title", "nickname", "login", "names", "titles"};
/// Words before `rating` or `score` that keep its meaning; `average rating` and `predicted score` are something else.
constexpr std::string_view kRatingKinds[] = {"user", "item", "movie", "film", "book",     "product",  "review", "reviewer", "overall",
                                             "my",   "star", "song",  "play", "customer", "explicit", "game",   "anime",    "recipe"};
/// Words before `time` or `date` that keep its meaning; `release date` and `birth date` are something else.
constexpr std::string_view kTimeKinds[] = {"review",   "rating", "rated", "unix",  "event",    "interaction", "created",
                                           "purchase", "order",  "play",  "click", "view",     "visit",       "added",
                                           "listen",   "utc",    "date",  "watch", "reviewed", "transaction"};
/// Words before a word for a user or item that leave its meaning, such as `raw_user_id`.
constexpr std::string_view kIdKinds[] = {"raw",      "external", "internal", "parent", "encoded", "new",
                                         "original", "reviewed", "unique",   "the",    "amazon"};

template <std::size_t kSize>
bool among(const std::string_view (&words)[kSize], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_letter_or_digit(char c) noexcept {
  // Bytes of other alphabets are letters.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

/// The words of a name in lower case: `UserID` and `user_id` are `user`, `id`. RecBole writes the type of a column after a colon.
std::vector<std::string> words_of(std::string_view name) {
  for (const std::string_view type : {":token", ":float", ":token_seq", ":float_seq"}) {
    if (name.ends_with(type)) name.remove_suffix(type.size());
  }
  std::vector<std::string> words;
  bool inside = false;
  bool after_small = false;
  for (const char c : name) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (!is_letter_or_digit(c)) {
      inside = false;
      continue;
    }
    if (!inside || (capital && after_small)) words.emplace_back();
    words.back() += capital ? static_cast<char>(c - 'A' + 'a') : c;
    inside = true;
    after_small = !capital;
  }
  return words;
}

std::string joined(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += word;
  return text;
}

std::optional<Meaning> look_up(std::string_view word) {
  for (const Words& entry : kWords) {
    if (std::find(entry.words.begin(), entry.words.end(), word) != entry.words.end())
      return Meaning{entry.role, entry.grade, entry.certain};
  }
  return std::nullopt;
}

bool is_id_role(const std::optional<Meaning>& meaning) { return meaning && (meaning->role == Role::user || meaning->role == Role::item); }

/// The meaning of a user or item without the words after it that say `id`.
std::optional<Meaning> id_meaning(std::span<const std::string> words) {
  auto meaning = look_up(joined(words));
  if (is_id_role(meaning)) return meaning;
  if (words.size() < 2) return std::nullopt;
  const auto first = look_up(words.front());
  const auto rest = id_meaning(words.subspan(1));
  if (!rest || !(among(kIdKinds, words.front()) || (first && first->role == rest->role))) return std::nullopt;
  return Meaning{rest->role, kVague, rest->certain};
}

std::optional<Meaning> meaning_of(std::string_view name) {
  const std::vector<std::string> list = words_of(name);
  const std::span<const std::string> words = list;
  // Most first lines are ratings.
  if (words.empty() || (words.size() == 1 && words[0].find_first_not_of("0123456789") == std::string::npos)) return std::nullopt;
  if (const auto meaning = look_up(joined(words))) return meaning;
  const std::string& last = words.back();
  const std::span<const std::string> before = words.first(words.size() - 1);
  if (!before.empty() && among(kIdWords, last)) return id_meaning(before);
  if (!before.empty() && among(kNameWords, last)) {
    auto meaning = id_meaning(before);
    if (meaning) meaning->grade = kVague;
    return meaning;
  }
  if (before.empty()) {
    // `userid`, `movieid`
    for (const std::string_view end : {"ids", "id", "idx", "no", "nr", "key", "code"}) {
      if (!last.ends_with(end)) continue;
      const auto meaning = look_up(std::string_view(last).substr(0, last.size() - end.size()));
      if (is_id_role(meaning) && meaning->certain) return meaning;
    }
    return std::nullopt;
  }
  auto meaning = look_up(last);
  if (!meaning) return std::nullopt;
  // `product sku` and `rating score` say one thing twice.
  const auto all_among = [&](const auto& kinds) {
    return std::all_of(before.begin(), before.end(), [&](const std::string& word) {
      const auto same = look_up(word);
      return among(kinds, word) || (same && same->role == meaning->role && same->certain);
    });
  };
  const bool keeps = meaning->role == Role::rating ? meaning->certain && all_among(kRatingKinds)
                     : meaning->role == Role::time ? meaning->certain && all_among(kTimeKinds)
                                                   : meaning->certain && all_among(kIdKinds);
  if (!keeps) return std::nullopt;
  meaning->grade = is_id_role(meaning) ? kVague : kOfADomain;
  return meaning;
}

}  // namespace

std::string_view name_of(Role role) noexcept {
  constexpr std::string_view kNames[] = {"user", "item", "rating", "time"};
  return kNames[static_cast<std::size_t>(role)];
}

bool NamedColumns::is_header() const noexcept {
  if (!of(Role::user).named && !of(Role::item).named) return false;
  const auto named = std::count_if(roles.begin(), roles.end(), [](const Found& found) { return found.named; });
  const bool certain = std::any_of(roles.begin(), roles.end(), [](const Found& found) { return found.certain; });
  return named >= 2 && (certain || (of(Role::user).named && of(Role::item).named));
}

NamedColumns columns_by_name(std::span<const std::string> names) {
  NamedColumns columns;
  std::array<std::uint8_t, kRoles> best{};
  for (std::size_t column = 0; column < names.size(); ++column) {
    const auto meaning = meaning_of(names[column]);
    if (!meaning) continue;
    const auto role = static_cast<std::size_t>(meaning->role);
    NamedColumns::Found& found = columns.roles[role];
    found.certain = found.certain || meaning->certain;
    if (!found.named || meaning->grade < best[role]) {
      best[role] = meaning->grade;
      found.column = column;
    } else if (meaning->grade == best[role]) {
      found.column = NamedColumns::kNone;
    }
    found.named = true;
  }
  return columns;
}

}  // namespace lowrank
