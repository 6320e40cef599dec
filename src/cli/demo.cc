#include "cli/demo.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "lowrank/base/error.h"
#include "lowrank/data/feature_table.h"
#include "lowrank/data/split.h"
#include "lowrank/data/titles.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/pipeline/run.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRatingsFile = "ratings.dat.gz";
constexpr const char* kTitlesFile = "movies.dat.gz";
constexpr double kHeldOut = 0.1;
constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kListLength = 6;
// Chosen on parts of the ratings that are not set aside (docs/features.md).
constexpr std::uint32_t kRank = 4;
constexpr std::uint32_t kSamples = 50;
constexpr std::uint32_t kBurnIn = 20;
constexpr std::size_t kShown = 20;
constexpr std::uint32_t kEnough = 20;
constexpr std::uint32_t kEnoughToCompare = 50;
// Three people of different tastes, and a film that most people know.
constexpr std::string_view kPeople[] = {"3286", "7603", "4396"};
constexpr std::string_view kFilm = "1853728";

struct DemoArguments {
  std::string data;
  int threads = 0;
  bool quiet = false;
};

/// The folder of the ratings that come with the project: examples/data next to the program or in a folder above it (a source tree), or
/// share/lowrank of the installation.
fs::path find_data() {
  std::error_code error;
  const fs::path program = fs::canonical("/proc/self/exe", error);
  std::vector<fs::path> places;
  for (fs::path folder = program.parent_path(); !error && !folder.empty(); folder = folder.parent_path()) {
    places.push_back(folder / "examples" / "data");
    if (folder == folder.root_path()) break;
  }
  places.push_back(program.parent_path().parent_path() / "share" / "lowrank");
  for (const fs::path& place : places) {
    if (fs::exists(place / kRatingsFile, error)) return place;
  }
  throw FileError("the ratings of the demo are missing: no " + std::string(kRatingsFile) + " in " + places.back().string() +
                  ", nor in examples/data in the folder of the program or above it; give their folder with --data");
}

/// `text` cut or padded to exactly `width` columns. A UTF-8 character counts as one column.
std::string column(std::string_view text, std::size_t width) {
  const auto starts = [&text](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U; };
  std::size_t columns = 0;
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!starts(at)) continue;
    if (++columns == width) end = at;
  }
  if (columns > width) return std::string(text.substr(0, end)) + "…";
  return std::string(text) + std::string(width - columns, ' ');
}

std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

/// On a terminal, how many of the factorizations are drawn.
class DrawnLine : public TrainingObserver {
 public:
  explicit DrawnLine(Progress& progress) : progress_(progress) {
    progress_.watch([this] { return "factorization " + std::to_string(drawn_) + " of " + std::to_string(kBurnIn + kSamples); });
  }
  ~DrawnLine() override { progress_.watch({}); }
  DrawnLine(const DrawnLine&) = delete;
  DrawnLine& operator=(const DrawnLine&) = delete;

  bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override {
    drawn_ = report.epoch;
    return true;
  }

 private:
  Progress& progress_;
  std::atomic<std::size_t> drawn_ = 0;
};

class Demo {
 public:
  explicit Demo(const DemoArguments& arguments)
      : folder_(arguments.data.empty() ? find_data() : fs::path(arguments.data)), threads_(arguments.threads), progress_(arguments.quiet) {}

  void run() {
    check_files({{"", folder_ / kRatingsFile}, {"", folder_ / kTitlesFile}});
    ReadOptions read;
    read.threads = threads_;
    data_ = read_ratings(folder_ / kRatingsFile, read);
    titles_ = Titles::read(folder_ / kTitlesFile);
    const FeatureReadOptions films{.side = FeatureSide::items, .known = &data_.items};
    features_ = learn_features(read_feature_table(folder_ / kTitlesFile, films), data_.items, films);
    data_.ratings.extend(data_.users.size(), data_.items.size());
    parts_ = hold_out(data_.ratings, kHeldOut, kSeed);
    train_all();
    compare();
    compare_lists();
    for (const std::string_view person : kPeople) recommend_for(person);
    show_similar();
    results_.write("\n6. The article that lowrank started from: its 5 x 4 cells, factorized from many random starts:\n\n");
    show_article_example(results_);
    results_.finish();
  }

 private:
  Model train_with(const Method& options, TrainingObserver& observer = TrainingObserver::silent()) {
    return train_on(parts_.train, options, observer);
  }

  Model train_on(const Ratings& ratings, const Method& options, TrainingObserver& observer = TrainingObserver::silent(),
                 const std::optional<Features>& features = {}) {
    TrainSettings settings;
    settings.threads = threads_;
    TrainInput input{.data = {data_.users, data_.items, ratings, 0}};
    input.item_features = features;
    Model model = train(std::move(input), options, {}, observer, settings).model;
    model.history = History(data_.ratings, HistoryValues::dropped, threads_);
    return model;
  }

  void train_all() {
    const Sgd options;
    results_.write("1. " + grouped(data_.ratings.size()) + " ratings of films, from 0 to 10, tweeted by " + grouped(data_.users.size()) +
                   " people (MovieTweetings). " + grouped(parts_.held.size()) +
                   "\n   are set aside as a test set; from the others lowrank learns " + std::to_string(options.rank) +
                   " factors of every person and film.\n\n");
    results_.flush();
    EpochLines epochs(progress_);
    single_ = train_with(options, epochs);
  }

  void compare() {
    // Damping by this many ratings shrinks a bias to nothing.
    constexpr double kAll = 1e30;
    const Baseline mean{.user_damping = kAll, .item_damping = kAll};
    const Baseline item_means{.user_damping = kAll, .item_damping = 0};
    results_.write("\n2. How far off are predictions of the ratings set aside? (root mean squared error, RMSE)\n\n");
    show_error("the mean of all ratings", train_with(mean));
    show_error("the mean of each film", train_with(item_means));
    show_error("biases of people and films", train_with(Baseline{}));
    show_error("a factorization (sgd)", single_);
    {
      DrawnLine drawn(progress_);
      model_ = train_on(parts_.train, Bayes{.rank = kRank, .samples = kSamples, .burn_in = kBurnIn}, drawn, features_);
    }
    show_error("the mean of " + std::to_string(kSamples) + ", with genres and years (bayes)", model_);
    const std::size_t each = (parts_.train.size() + model_.users.known() / 2) / model_.users.known();
    results_.write("\n   From " + std::to_string(each) +
                   " ratings per person one learns how high they rate, and little of what they like. That\n   shows in what they "
                   "watch:\n");
    results_.flush();
  }

  /// Who rated what in training, whatever the ratings.
  [[nodiscard]] Ratings watched() const {
    RatingsBuilder builder;
    for (std::uint32_t user = 0; user < parts_.train.user_count(); ++user) {
      for (const std::uint32_t item : parts_.train.items_of(user)) builder.add(user, item, 1);
    }
    return builder.build(parts_.train.user_count(), parts_.train.item_count());
  }

  /// The held-out ratings of people with enough others.
  [[nodiscard]] Pairs of_active_people() const {
    Pairs pairs;
    pairs.known_users = parts_.held.known_users;
    pairs.known_items = parts_.held.known_items;
    for (std::size_t at = 0; at < parts_.held.size(); ++at) {
      if (model_.users.counts[parts_.held.users[at]] < kEnough) continue;
      pairs.users.push_back(parts_.held.users[at]);
      pairs.items.push_back(parts_.held.items[at]);
    }
    return pairs;
  }

  void compare_lists() {
    EpochLines epochs(progress_);
    const Ratings ones = watched();
    lists_ = train_on(ones, Bpr{}, epochs);
    const History seen(parts_.train, HistoryValues::dropped, threads_);
    const RankingTest test(of_active_people(), seen);
    const auto show = [&](std::string_view name, const Model& model) {
      const double recall = test.score(model, std::array{kShown}, threads_).front().recall;
      const std::string percent = fixed(100 * recall, 1);
      results_.write("   " + column(name, 44) + std::string(5 - std::min<std::size_t>(percent.size(), 5), ' ') + percent + " %\n");
    };
    results_.write("\n3. Which films did " + grouped(test.user_count()) + " people with at least " + std::to_string(kEnough) +
                   " ratings watch? The share of their films set\n   aside that is among the " + std::to_string(kShown) +
                   " films recommended to each:\n\n");
    show("the highest predictions by biases", train_with(Baseline{}));
    show("the films with the most ratings", train_on(ones, Popular{}));
    show("lowrank's factorization of who rated what", lists_);
    results_.write(
        "\n4. What to watch next? On the left the films that a person liked most, on the right what lowrank\n   recommends (of the films "
        "with at least " +
        std::to_string(kEnough) + " ratings), and the rating that it expects.\n");
    results_.flush();
  }

  void show_error(std::string_view name, const Model& model) {
    results_.write("   " + column(name, 47) + fixed(score_ratings(model, parts_.held, threads_).rmse, 4) + "\n");
  }

  [[nodiscard]] std::string title(std::uint32_t item) const {
    const std::string_view id = model_.items.ids.id(item);
    const std::string_view found = titles_.find(id);
    return std::string(found.empty() ? id : found);
  }

  /// The training items of a user, highest rating first; of equal ratings, the film with more ratings first.
  [[nodiscard]] std::vector<Scored> liked(std::uint32_t user) const {
    std::vector<Scored> best;
    const Ratings& ratings = parts_.train;
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      best.push_back({ratings.items()[at], ratings.value(at)});
    }
    const auto key = [this](const Scored& item) { return std::pair(item.score, model_.items.counts[item.index]); };
    std::ranges::stable_sort(best, std::greater<>(), key);
    return best;
  }

  void recommend_for(std::string_view person) {
    const std::uint32_t user = model_.users.ids.find(person);
    if (user == Vocabulary::kUnknown) return;
    const std::vector<Scored> before = liked(user);
    std::vector<Scored> next;
    recommend(lists_, {&user, 1}, {.top = kListLength, .threads = threads_, .min_count = kEnough},
              [&](std::size_t, std::span<const Scored> items) { next.assign(items.begin(), items.end()); });
    results_.write("\n   person " + std::string(person) + ", " + std::to_string(before.size()) + " films rated\n");
    for (std::size_t place = 0; place < kListLength; ++place) {
      std::string line = "   ";
      line += place < before.size() ? column(fixed(static_cast<double>(before[place].score), 0), 3) + column(title(before[place].index), 42)
                                    : std::string(45, ' ');
      if (place < next.size())
        line += "  " + column(fixed(predict(model_, user, next[place].index), 1), 5) + column(title(next[place].index), 42);
      line.erase(line.find_last_not_of(' ') + 1);
      results_.write(line + "\n");
    }
  }

  void show_similar() {
    const std::uint32_t film = model_.items.ids.find(kFilm);
    if (film == Vocabulary::kUnknown) return;
    results_.write("\n5. Films most similar to " + title(film) + " by the cosine of their factors\n   (of those with at least " +
                   std::to_string(kEnoughToCompare) + " ratings):\n\n");
    similar_items(lists_, {&film, 1}, {.top = kListLength, .min_count = kEnoughToCompare, .threads = threads_},
                  [this](std::size_t, std::span<const Scored> items) {
                    for (const Scored& item : items) {
                      results_.write("   " + fixed(static_cast<double>(item.score), 2) + "  " + title(item.index) + "\n");
                    }
                  });
  }

  fs::path folder_;
  int threads_;
  Progress progress_;
  Results results_;
  Dataset data_;
  Titles titles_;
  Holdout parts_;
  std::optional<Features> features_;  ///< genres and years of films
  Model single_;                      ///< one factorization
  Model model_;                       ///< predicts ratings
  Model lists_;                       ///< recommends
};

}  // namespace

Command add_demo(CLI::App& program) {
  auto arguments = std::make_shared<DemoArguments>();
  CLI::App* app = program.add_subcommand("demo", "train on real ratings of films and recommend films");
  add_text(*app, "--data", "FOLDER", arguments->data,
           "folder with ratings.dat.gz and movies.dat.gz (default: the files that come with the project)");
  add_threads(*app, arguments->threads);
  app->add_flag("--quiet", arguments->quiet, "show no progress on standard error");
  set_example(*app, "  lowrank demo");
  return {app, [arguments] {
            Demo(*arguments).run();
            return kExitDone;
          }};
}

}  // namespace lowrank::cli
