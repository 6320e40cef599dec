#include "cli/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "cli/results.h"
#include "cli/svg.h"
#include "lowrank/evaluate/calibration.h"

namespace lowrank::cli {

namespace {

constexpr double kWidth = Picture::kWidth;
constexpr double kPanel = 240;  ///< height of a panel with its labels
constexpr double kLeft = 72;
constexpr double kRight = 16;
constexpr double kTop = 40;
constexpr double kBottom = 28;

struct Point {
  double epoch = 0;
  double value = 0;
};

struct Series {
  std::string name;
  std::string style;  ///< class of the line: train or validation
  std::vector<Point> points;
};

struct Panel {
  std::string title;
  std::vector<Series> series;
};

using Figure = std::optional<double> EpochReport::*;

Series series_of(const TrainSummary& summary, const char* name, const char* style, Figure figure) {
  Series series{.name = name, .style = style, .points = {}};
  for (const EpochReport& report : summary.history) {
    const std::optional<double>& value = report.*figure;
    if (value && std::isfinite(*value)) series.points.push_back({static_cast<double>(report.epoch), *value});
  }
  return series;
}

std::vector<Panel> panels_of(const TrainSummary& summary) {
  std::vector<Panel> panels;
  const auto add = [&panels](std::string title, Series series, bool joins) {
    if (series.points.empty()) return;
    if (!joins || panels.empty()) panels.push_back({.title = std::move(title), .series = {}});
    panels.back().series.push_back(std::move(series));
  };
  add("rmse", series_of(summary, "training", "train", &EpochReport::train_rmse), false);
  add(summary.monitor, series_of(summary, "validation", "validation", &EpochReport::validation), summary.monitor == "rmse");
  add("root of the sum of squared errors", series_of(summary, "training", "train", &EpochReport::root_squared_error), false);
  add("loss", series_of(summary, "training", "train", &EpochReport::train_loss), false);
  return panels;
}

/// The axes of a panel: from data to places on the picture.
struct Axes {
  double first = 1;
  double last = 2;
  double least = 0;
  double most = 1;
  double top = 0;  ///< of the panel

  Axes(const Panel& panel, double panel_top) : top(panel_top) {
    first = least = std::numeric_limits<double>::infinity();
    last = most = -first;
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) {
        first = std::min(first, point.epoch);
        last = std::max(last, point.epoch);
        least = std::min(least, point.value);
        most = std::max(most, point.value);
      }
    }
    if (last == first) last = first + 1;
    // A line that does not move, or moves less than its digits, is drawn in the middle.
    const double size = std::max({std::abs(least), std::abs(most), std::numeric_limits<double>::min() * 1e9});
    const double margin = std::max((most - least) * 0.05, size * 1e-6);
    least -= margin;
    most += margin;
  }
  [[nodiscard]] double x(double epoch) const { return kLeft + (epoch - first) / (last - first) * (kWidth - kLeft - kRight); }
  [[nodiscard]] double y(double value) const {
    return top + kPanel - kBottom - (value - least) / (most - least) * (kPanel - kTop - kBottom);
  }
};

void draw_curve(Picture& picture, const Axes& axes, const Series& series) {
  std::vector<std::pair<double, double>> points;
  points.reserve(series.points.size());
  for (const Point& point : series.points) points.emplace_back(axes.x(point.epoch), axes.y(point.value));
  picture.curve(series.style, points);
  if (points.size() == 1) picture.dot(series.style, points.front().first, points.front().second);
}

void draw(Picture& picture, const Panel& panel, const Axes& axes, double best) {
  const double bottom = axes.top + kPanel - kBottom;
  picture.label(kLeft, axes.top + 20, "start", panel.title);
  const double step = tick_step(axes.most - axes.least);
  for (double value = std::ceil(axes.least / step) * step; value <= axes.most; value += step) {
    picture.line("grid", kLeft, axes.y(value), kWidth - kRight, axes.y(value));
    picture.label(kLeft - 6, axes.y(value) + 4, "end", rounded(value, 6));
    if (value + step == value) break;
  }
  const double epochs = std::max(1.0, tick_step(axes.last - axes.first));
  for (double epoch = std::ceil(axes.first / epochs) * epochs; epoch <= axes.last; epoch += epochs) {
    picture.label(axes.x(epoch), bottom + 18, "middle", rounded(epoch, 12));
  }
  if (best >= axes.first && best <= axes.last) picture.line("best", axes.x(best), axes.top + kTop, axes.x(best), bottom);
  double legend = kWidth - kRight;
  for (const auto& series : std::views::reverse(panel.series)) {
    draw_curve(picture, axes, series);
    picture.label(legend, axes.top + 20, "end", series.name);
    const double start = legend - 7.0 * static_cast<double>(series.name.size()) - 24;
    picture.line(series.style.c_str(), start, axes.top + 16, start + 18, axes.top + 16);
    legend = start - 12;
  }
}

}  // namespace

std::string training_curve(const TrainSummary& summary) {
  const std::vector<Panel> panels = panels_of(summary);
  constexpr double kTitle = 28;
  Picture picture(kTitle + kPanel * static_cast<double>(std::max<std::size_t>(panels.size(), 1)));
  std::string title = summary.method + ": " + std::to_string(summary.epochs) + " epochs";
  if (!summary.monitor.empty()) title += ", the best one is " + std::to_string(summary.best_epoch);
  picture.label(kWidth / 2, 20, "middle", title);
  if (panels.empty()) picture.label(kWidth / 2, kPanel / 2, "middle", "no epoch reported a figure");
  const double best = summary.monitor.empty() ? -1 : static_cast<double>(summary.best_epoch);
  for (std::size_t at = 0; at < panels.size(); ++at) {
    draw(picture, panels[at], Axes(panels[at], kTitle + kPanel * static_cast<double>(at)), best);
  }
  return std::move(picture).take();
}

std::string calibration_curve(const Model& model, const Pairs& pairs, int threads) {
  constexpr double kSide = 420;
  constexpr double kFirst = (kWidth - kSide) / 2;
  std::vector<double> levels;
  for (int percent = 1; percent < 100; ++percent) levels.push_back(percent / 100.0);
  const std::vector<double> shares = coverage_of(model, pairs, levels, threads);
  Picture picture(kTop + kSide + 64);
  const auto x = [](double share) { return kFirst + share * kSide; };
  const auto y = [](double share) { return kTop + (1 - share) * kSide; };
  picture.label(kWidth / 2, 20, "middle", "intervals of " + std::to_string(pairs.size()) + " ratings");
  for (int tenth = 0; tenth <= 10; tenth += 2) {
    const double share = tenth / 10.0;
    picture.line("grid", x(0), y(share), x(1), y(share));
    picture.line("grid", x(share), y(0), x(share), y(1));
    picture.label(x(0) - 6, y(share) + 4, "end", std::to_string(tenth * 10) + " %");
    picture.label(x(share), y(0) + 18, "middle", std::to_string(tenth * 10) + " %");
  }
  picture.line("best", x(0), y(0), x(1), y(1));
  std::vector<std::pair<double, double>> points;
  for (std::size_t n = 0; n < levels.size(); ++n) points.emplace_back(x(levels[n]), y(shares[n]));
  picture.curve("train", points);
  picture.label(kWidth / 2, y(0) + 42, "middle", "probability that the interval is to have; upwards: ratings that lie within it");
  return std::move(picture).take();
}

}  // namespace lowrank::cli
