#include "cli/svg.h"

#include <cmath>

#include "cli/results.h"

namespace lowrank::cli {

Picture::Picture(double height) {
  text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + rounded(kWidth, 6) + " " + rounded(height, 6) +
          "\" font-family=\"sans-serif\" font-size=\"12\">\n"
          "<style>text{fill:#333}.grid{stroke:#ddd}.best{stroke:#999;stroke-dasharray:4 3}polyline{fill:none;stroke-width:2}"
          ".train{stroke:#1f77b4}.validation{stroke:#d95f02}circle.train{fill:#1f77b4}circle.validation{fill:#d95f02}"
          "@media(prefers-color-scheme:dark){text{fill:#ccc}.grid{stroke:#444}.train{stroke:#6baed6}.validation{stroke:#fd8d3c}"
          "circle.train{fill:#6baed6}circle.validation{fill:#fd8d3c}}</style>\n";
}

void Picture::line(const char* style, double x1, double y1, double x2, double y2) {
  text_ += std::string("<line class=\"") + style + "\" x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) + "\" x2=\"" + fixed(x2, 1) +
           "\" y2=\"" + fixed(y2, 1) + "\"/>\n";
}

void Picture::label(double x, double y, const char* anchor, const std::string& words) {
  text_ += "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor + "\">";
  for (const char letter : words) {
    if (letter == '&') {
      text_ += "&amp;";
    } else if (letter == '<') {
      text_ += "&lt;";
    } else {
      text_ += letter;
    }
  }
  text_ += "</text>\n";
}

void Picture::curve(const std::string& style, const std::vector<std::pair<double, double>>& points) {
  text_ += "<polyline class=\"" + style + "\" points=\"";
  for (const auto& point : points) {
    if (&point != &points.front()) text_ += ' ';
    text_ += fixed(point.first, 1) + "," + fixed(point.second, 1);
  }
  text_ += "\"/>\n";
}

void Picture::dot(const std::string& style, double x, double y) {
  text_ += "<circle class=\"" + style + "\" cx=\"" + fixed(x, 1) + "\" cy=\"" + fixed(y, 1) + "\" r=\"3\"/>\n";
}

double tick_step(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 4)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (range / (power * times) <= 5) return power * times;
  }
  return power * 10;
}

}  // namespace lowrank::cli
