#include "serve/metrics.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace lowrank::serve {

namespace {

constexpr std::array<double, 14> kSeconds{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5};
constexpr std::array<double, 7> kSizes{1, 2, 4, 8, 16, 32, 64};
constexpr std::array<double, 10> kTrainingSeconds{.1, .5, 1, 5, 10, 60, 300, 1800, 7200, 36000};

}  // namespace

std::span<const double> second_bounds() { return kSeconds; }

void Histogram::observe(double value) {
  const auto at = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  counts_[at].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at <= bounds_.size(); ++at) sum += in_bucket(at);
  return sum;
}

double Histogram::quantile(double share) const {
  const double wanted = share * static_cast<double>(count());
  double below = 0;
  double low = 0;
  for (std::size_t at = 0; at < bounds_.size(); ++at) {
    const auto own = static_cast<double>(in_bucket(at));
    if (own > 0 && below + own >= wanted) return low + (bounds_[at] - low) * std::max(0.0, wanted - below) / own;
    below += own;
    low = bounds_[at];
  }
  return below > 0 || in_bucket(bounds_.size()) > 0 ? low : 0;
}

Metrics::Metrics() : batch(kSizes), training(kTrainingSeconds) {
  for (std::size_t n = 0; n <= routes().size(); ++n) routes_.push_back(std::make_unique<RouteFigures>());
}

void Metrics::count(const Route* route, std::string_view method, const Response& response, double seconds) {
  const auto all = routes();
  const std::size_t at = route == nullptr ? all.size() : static_cast<std::size_t>(route - all.data());
  RouteFigures& figures = *routes_[at];
  figures.seconds.observe(seconds);
  figures.statuses[std::min<std::size_t>(response.status, figures.statuses.size() - 1)].fetch_add(1, std::memory_order_relaxed);
  if (response.status < 400) return;
  constexpr std::size_t kMostProblems = 20;
  RecentProblem problem{.status = response.status, .route = route == nullptr ? std::string(method) : route->path, .detail = {}};
  problem.time = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const Json document = Json::parse(response.text(), nullptr, false);
  if (document.is_object() && document.contains("detail")) problem.detail = document["detail"].get<std::string>();
  const std::lock_guard<std::mutex> lock(mutex_);
  problems_.push_front(std::move(problem));
  if (problems_.size() > kMostProblems) problems_.pop_back();
}

void Metrics::count_batch(std::size_t size, const ListFigures& figures) {
  batch.observe(static_cast<double>(size));
  fold_in.observe(figures.fold_in_seconds);
  rank.observe(figures.rank_seconds);
  write.observe(figures.write_seconds);
  personal.fetch_add(figures.personal, std::memory_order_relaxed);
  similar.fetch_add(figures.similar, std::memory_order_relaxed);
  popular.fetch_add(figures.popular, std::memory_order_relaxed);
}

void Metrics::count_commit(double seconds, std::size_t ratings) {
  commit.observe(seconds);
  ratings_written.fetch_add(ratings, std::memory_order_relaxed);
}

void Metrics::count_training(std::string_view result, double seconds) {
  for (std::size_t n = 0; n < kTrainingResults.size(); ++n) {
    if (result == kTrainingResults[n]) trainings[n].fetch_add(1);
  }
  training.observe(seconds);
}

std::vector<RecentProblem> Metrics::problems() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {problems_.begin(), problems_.end()};
}

MetricsText& MetricsText::metric(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(1, ' ').append(help);
  text_.append("\n# TYPE ").append(name).append(1, ' ').append(type) += '\n';
  return *this;
}

MetricsText& MetricsText::sample(std::string_view labels, double value) {
  line("", labels, "", value);
  return *this;
}

MetricsText& MetricsText::histogram(std::string_view labels, const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t at = 0; at < histogram.bounds().size(); ++at) {
    below += histogram.in_bucket(at);
    line("_bucket", labels, "le=\"" + shortest_text(histogram.bounds()[at]) + '"', static_cast<double>(below));
  }
  below += histogram.in_bucket(histogram.bounds().size());
  line("_bucket", labels, "le=\"+Inf\"", static_cast<double>(below));
  line("_sum", labels, "", histogram.sum());
  line("_count", labels, "", static_cast<double>(below));
  return *this;
}

void MetricsText::line(std::string_view suffix, std::string_view labels, std::string_view more, double value) {
  text_.append(name_).append(suffix);
  if (!labels.empty() || !more.empty()) {
    text_.append(1, '{').append(labels).append(labels.empty() || more.empty() ? "" : ",").append(more) += '}';
  }
  text_.append(1, ' ').append(shortest_text(value)) += '\n';
}

std::string label_text(std::string_view text) {
  std::string label;
  for (const char c : text) {
    if (c == '\\' || c == '"') label += '\\';
    label += c == '\n' ? ' ' : c;
  }
  return label;
}

}  // namespace lowrank::serve
