#include "cli/tune_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/results.h"
#include "cli/svg.h"

namespace lowrank::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kPanel = 200;
constexpr double kTitle = 28;
constexpr double kLeft = 72;
constexpr double kRight = 16;
constexpr double kTop = 32;
constexpr double kBottom = 28;

/// The figures that a search reached, one per training of full length on its own split.
struct Reached {
  std::size_t trial = 0;
  std::string method;
  Json options;
  double figure = 0;
};

std::vector<Reached> reached_of(const TuneResult& result) {
  std::vector<Reached> all;
  for (const TuneRun& run : result.history) {
    if (run.full && run.split == 0 && run.figure) all.push_back({run.trial, run.method, Json::parse(run.options), *run.figure});
  }
  return all;
}

/// The scale of figures, the same for all panels. Half of the figures and the best fill most of it: failures would hide all differences.
struct Scale {
  double least = 0;
  double most = 1;

  explicit Scale(const std::vector<Reached>& reached) {
    std::vector<double> figures;
    figures.reserve(reached.size());
    for (const Reached& one : reached) figures.push_back(one.figure);
    std::ranges::sort(figures);
    least = figures.front();
    most = figures.back();
    const double margin = std::max((most - least) * 0.05, std::max(std::abs(least), std::abs(most)) * 1e-6 + 1e-300);
    least -= margin;
    most += margin;
  }
  [[nodiscard]] double y(double top, double figure) const {
    return top + kPanel - kBottom - (figure - least) / (most - least) * (kPanel - kTop - kBottom);
  }
};

void draw_frame(Picture& picture, const Scale& scale, double top, const std::string& title) {
  picture.label(kLeft, top + 20, "start", title);
  const double step = tick_step(scale.most - scale.least);
  for (double value = std::ceil(scale.least / step) * step; value <= scale.most; value += step) {
    picture.line("grid", kLeft, scale.y(top, value), Picture::kWidth - kRight, scale.y(top, value));
    picture.label(kLeft - 6, scale.y(top, value) + 4, "end", rounded(value, 6));
    if (value + step == value) break;
  }
}

/// `share` of the width of a panel, 0 to 1.
double x_of(double share) { return kLeft + 8 + share * (Picture::kWidth - kLeft - kRight - 16); }

void draw_best(Picture& picture, const Scale& scale, double top, const std::vector<Reached>& reached, bool higher) {
  draw_frame(picture, scale, top, "figures by trial, and the best so far");
  const double first = static_cast<double>(reached.front().trial);
  const double last = static_cast<double>(std::ranges::max(reached, {}, &Reached::trial).trial);
  const double width = std::max(last - first, 1.0);
  std::vector<Reached> ordered = reached;
  std::ranges::stable_sort(ordered, {}, &Reached::trial);
  std::vector<std::pair<double, double>> curve;
  double best = ordered.front().figure;
  for (const Reached& one : ordered) {
    const double x = x_of((static_cast<double>(one.trial) - first) / width);
    picture.dot("train", x, scale.y(top, one.figure));
    if (!curve.empty()) curve.emplace_back(x, scale.y(top, best));
    best = higher ? std::max(best, one.figure) : std::min(best, one.figure);
    curve.emplace_back(x, scale.y(top, best));
  }
  picture.curve("validation", curve);
  picture.label(x_of(0), top + kPanel - 8, "middle", std::to_string(ordered.front().trial));
  picture.label(x_of(1), top + kPanel - 8, "middle", std::to_string(ordered.back().trial));
}

/// A panel of one option of one method: numbers on a line, logarithmic where they span more than a power of 10; names side by side.
void draw_option(Picture& picture, const Scale& scale, double top, const std::vector<Reached>& reached, const std::string& option,
                 std::size_t chosen) {
  draw_frame(picture, scale, top, reached.front().method + ": " + option);
  const auto text_of = [&](const Reached& one) {
    const Json& value = one.options.at(option);
    return value.is_string() ? value.get<std::string>() : value.is_null() ? std::string("auto") : value.dump();
  };
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  std::map<std::string, double> names;
  for (const Reached& one : reached) {
    const Json& value = one.options.at(option);
    if (value.is_number()) {
      least = std::min(least, value.get<double>());
      most = std::max(most, value.get<double>());
    } else {
      names.emplace(text_of(one), 0);
    }
  }
  const bool numbers = least <= most;
  // Names have the left fifth, or all where there are no numbers.
  const double room = numbers ? (names.empty() ? 0 : 0.2) : 1;
  double place = 0.5;
  for (auto& [name, share] : names) {
    share = room * place++ / static_cast<double>(names.size());
    picture.label(x_of(share), top + kPanel - 8, "middle", name);
  }
  const bool logarithmic = least > 0 && most > 10 * least;
  const auto position = [&](double value) {
    if (most == least) return room + (1 - room) / 2;
    const double share = logarithmic ? std::log(value / least) / std::log(most / least) : (value - least) / (most - least);
    return room + share * (1 - room);
  };
  if (numbers) {
    picture.label(x_of(position(least)), top + kPanel - 8, "middle", rounded(least, 4));
    if (most > least) picture.label(x_of(position(most)), top + kPanel - 8, "middle", rounded(most, 4));
    const double middle = logarithmic ? std::sqrt(least * most) : (least + most) / 2;
    if (most > least) picture.label(x_of(position(middle)), top + kPanel - 8, "middle", rounded(middle, 3));
  }
  for (const Reached& one : reached) {
    const Json& value = one.options.at(option);
    const double share = value.is_number() ? position(value.get<double>()) : names.at(text_of(one));
    picture.dot(one.trial == chosen ? "validation" : "train", x_of(share), scale.y(top, one.figure));
  }
}

}  // namespace

std::string trials_picture(const TuneResult& result) {
  const std::vector<Reached> reached = reached_of(result);
  std::map<std::string, std::vector<Reached>> by_method;
  std::size_t panels = 1;
  for (const Reached& one : reached) {
    std::vector<Reached>& own = by_method[one.method];
    if (own.empty()) panels += one.options.size();
    own.push_back(one);
  }
  Picture picture(kTitle + kPanel * static_cast<double>(panels));
  picture.label(Picture::kWidth / 2, 20, "middle", result.monitor + " of " + std::to_string(result.trials) + " trials");
  if (reached.empty()) {
    picture.label(Picture::kWidth / 2, kPanel / 2, "middle", "no trial was trained in full");
    return std::move(picture).take();
  }
  const Scale scale(reached);
  double top = kTitle;
  draw_best(picture, scale, top, reached, result.higher_is_better);
  for (const auto& [method, own] : by_method) {
    for (const auto& [option, value] : own.front().options.items()) draw_option(picture, scale, top += kPanel, own, option, result.trial);
  }
  return std::move(picture).take();
}

}  // namespace lowrank::cli
