#include "cli/stream_plot.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cli/results.h"
#include "cli/svg.h"

namespace lowrank::cli {

namespace {

/// Lengths of a panel of moving figures.
struct Frame {
  static constexpr double kHeight = 220;
  static constexpr double kTitle = 28;
  static constexpr double kLeft = 72;
  static constexpr double kRight = 36;
  static constexpr double kTop = 32;
  static constexpr double kBottom = 28;
};

void draw_moving(Picture& picture, const StreamSummary& summary, std::size_t figure, double top) {
  double least = summary.figures[figure];
  double most = least;
  for (const StreamPoint& point : summary.moving) {
    least = std::min(least, point.figures[figure]);
    most = std::max(most, point.figures[figure]);
  }
  const double margin = std::max((most - least) * 0.05, std::abs(most) * 1e-6 + 1e-300);
  least -= margin;
  most += margin;
  const double last = static_cast<double>(summary.moving.back().events);
  const double right = Picture::kWidth - Frame::kRight;
  const auto x = [&](double events) { return Frame::kLeft + events / last * (right - Frame::kLeft); };
  const auto y = [&](double value) {
    return top + Frame::kHeight - Frame::kBottom - (value - least) / (most - least) * (Frame::kHeight - Frame::kTop - Frame::kBottom);
  };
  picture.label(Frame::kLeft, top + 20, "start", summary.names[figure] + " of the last " + std::to_string(summary.window) + " events");
  const double step = tick_step(most - least);
  for (double value = std::ceil(least / step) * step; value <= most; value += step) {
    picture.line("grid", Frame::kLeft, y(value), right, y(value));
    picture.label(Frame::kLeft - 6, y(value) + 4, "end", rounded(value, 6));
    if (value + step == value) break;
  }
  const double distance = std::max(1.0, tick_step(last));
  for (double events = 0; events <= last; events += distance) {
    picture.label(x(events), top + Frame::kHeight - Frame::kBottom + 18, "middle", rounded(events, 12));
  }
  picture.line("best", Frame::kLeft, y(summary.figures[figure]), right, y(summary.figures[figure]));
  std::vector<std::pair<double, double>> points;
  points.reserve(summary.moving.size());
  for (const StreamPoint& point : summary.moving) points.emplace_back(x(static_cast<double>(point.events)), y(point.figures[figure]));
  picture.curve("validation", points);
  if (points.size() == 1) picture.dot("validation", points.front().first, points.front().second);
}

}  // namespace

std::string stream_picture(const StreamSummary& summary) {
  const std::size_t panels = summary.moving.empty() ? 1 : summary.names.size();
  Picture picture(Frame::kTitle + Frame::kHeight * static_cast<double>(panels));
  picture.label(Picture::kWidth / 2, 20, "middle",
                summary.method + ": " + std::to_string(summary.counted) + " events; dashed: the figure over all of them");
  if (summary.moving.empty()) picture.label(Picture::kWidth / 2, Frame::kHeight / 2, "middle", "no event was counted");
  for (std::size_t figure = 0; !summary.moving.empty() && figure < panels; ++figure) {
    draw_moving(picture, summary, figure, Frame::kTitle + Frame::kHeight * static_cast<double>(figure));
  }
  return std::move(picture).take();
}

}  // namespace lowrank::cli
