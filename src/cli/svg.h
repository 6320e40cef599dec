#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lowrank::cli {

/// An SVG picture, readable in dark and light. Styles are `grid`, `best`, `train` (blue) and `validation` (orange).
class Picture {
 public:
  static constexpr double kWidth = 640;

  explicit Picture(double height);
  void line(const char* style, double x1, double y1, double x2, double y2);
  /// \param anchor  start, middle or end
  void label(double x, double y, const char* anchor, const std::string& words);
  void curve(const std::string& style, const std::vector<std::pair<double, double>>& points);
  void dot(const std::string& style, double x, double y);
  [[nodiscard]] std::string take() && { return std::move(text_) + "</svg>\n"; }

 private:
  std::string text_;
};

/// A round distance of ticks over `range`, so that there are about four.
double tick_step(double range);

}  // namespace lowrank::cli
