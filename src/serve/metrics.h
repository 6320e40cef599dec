#pragma once

/// \file
/// Figures of the service, as Prometheus and the page read them.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/lists.h"
#include "serve/routes.h"

namespace lowrank::serve {

/// Counts of values by buckets. Safe from many threads.
class Histogram {
 public:
  static constexpr std::size_t kMostBounds = 16;
  /// \param bounds  upper ends of the buckets, ascending
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds) {}

  void observe(double value);
  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  /// Values in the bucket `at`; the last one, bounds().size(), is of those above all bounds.
  [[nodiscard]] std::uint64_t in_bucket(std::size_t at) const { return counts_[at].load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }
  /// The value that this share of the values does not exceed, with values spread evenly within a bucket; 0 without any.
  [[nodiscard]] double quantile(double share) const;

 private:
  std::span<const double> bounds_;
  std::array<std::atomic<std::uint64_t>, kMostBounds + 1> counts_{};
  std::atomic<double> sum_{0};
};

/// Upper ends of buckets of seconds.
std::span<const double> second_bounds();

/// An answer that was a problem, for the page.
struct RecentProblem {
  std::int64_t time = 0;  ///< seconds since 1970
  unsigned status = 0;
  std::string route;  ///< template
  std::string detail;
};

/// What the service counts by itself; the rest is asked for when metrics are written. Safe from many threads.
class Metrics {
 public:
  Metrics();

  /// Counts an answer. \param route  null for a request that no route fits
  void count(const Route* route, std::string_view method, const Response& response, double seconds);
  void count_batch(std::size_t size, const ListFigures& figures);
  void count_commit(double seconds, std::size_t ratings);
  void count_training(std::string_view result, double seconds);

  /// Figures of one route.
  struct RouteFigures {
    Histogram seconds{second_bounds()};
    std::array<std::atomic<std::uint64_t>, 600> statuses{};
  };
  [[nodiscard]] const RouteFigures& of(std::size_t route) const { return *routes_[route]; }
  /// Route `at`, or the one behind the last for requests that no route fits.
  [[nodiscard]] std::size_t route_count() const { return routes_.size(); }

  [[nodiscard]] std::vector<RecentProblem> problems() const;

  Histogram fold_in{second_bounds()};
  Histogram rank{second_bounds()};
  Histogram write{second_bounds()};
  Histogram batch;
  Histogram commit{second_bounds()};
  Histogram training;
  std::atomic<std::uint64_t> personal{0};
  std::atomic<std::uint64_t> similar{0};
  std::atomic<std::uint64_t> popular{0};
  std::atomic<std::uint64_t> ratings_written{0};
  std::array<std::atomic<std::uint64_t>, 4> trainings{};  ///< by result: done, rejected, cancelled, failed
  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> refused_connections{0};

 private:
  std::vector<std::unique_ptr<RouteFigures>> routes_;
  mutable std::mutex mutex_;
  std::deque<RecentProblem> problems_;
};

/// Names of the results of trainings, in the order of Metrics::trainings.
inline constexpr std::array<const char*, 4> kTrainingResults{"done", "rejected", "cancelled", "failed"};

/// Text of metrics in the format of Prometheus 0.0.4.
class MetricsText {
 public:
  /// Begins a metric. \param type  counter, gauge or histogram
  MetricsText& metric(std::string_view name, std::string_view type, std::string_view help);
  /// A sample of the metric. \param labels  `route="/v1/popular",method="GET"`, or nothing
  MetricsText& sample(std::string_view labels, double value);
  MetricsText& sample(double value) { return sample("", value); }
  MetricsText& histogram(std::string_view labels, const Histogram& histogram);
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, std::string_view labels, std::string_view more, double value);
  std::string name_;
  std::string text_;
};

/// `text` as the value of a label.
std::string label_text(std::string_view text);

}  // namespace lowrank::serve
