#include "cli/progress.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/results.h"
#include "data/text.h"

namespace lowrank::cli {

namespace {

// A run goes on even when nobody can read its progress any more.
void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::string time_left(std::chrono::steady_clock::time_point start, double share) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (seconds < 1 || !(share > 0)) return "";
  const double left = seconds * (1 - share) / share;
  return left < 90 ? ", about " + fixed(std::ceil(left), 0) + " s left" : ", about " + fixed(std::ceil(left / 60), 0) + " min left";
}

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { watch({}); }

void Progress::clear() {
  if (passing_) write_stderr("\r\x1b[K");
  passing_ = false;
}

void Progress::passing(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  write_stderr("\r\x1b[K" + printable(text));
  passing_ = true;
}

void Progress::watch(std::function<std::string()> text) {
  ticker_ = {};  // ends the last one
  {
    const std::scoped_lock lock(mutex_);
    clear();
  }
  if (!text || quiet_ || !terminal_) return;
  passing(text());
  try {
    ticker_ = std::jthread([this, text = std::move(text)](const std::stop_token& stop) {
      constexpr std::chrono::milliseconds kPause(250);
      std::mutex own;
      std::unique_lock lock(own);
      while (!due_.wait_for(lock, stop, kPause, [] { return false; }) && !stop.stop_requested()) passing(text());
    });
  } catch (const std::system_error&) {
    // Without a thread the line is shown once.
  }
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  const std::scoped_lock lock(mutex_);
  clear();
  write_stderr(printable(text) + "\n");
}

void Progress::message(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  clear();
  write_stderr("lowrank: " + printable(text) + "\n");
}

void Progress::skipped(const std::string& file, const SkippedLines& lines) { message("warning: " + description(lines, file)); }

ReadingProgress::ReadingProgress(Progress& progress, const std::vector<std::string>& files, ReadOptions& read)
    : progress_(progress), read_(read) {
  std::uint64_t total = 0;
  bool known = true;
  for (const std::string& file : files) {
    if (file.empty()) continue;
    std::error_code error;
    const bool regular = file != "-" && std::filesystem::is_regular_file(file, error);
    const std::uintmax_t size = regular ? std::filesystem::file_size(file, error) : 0;
    known = known && regular && !error;
    if (known) total += size;
  }
  read.bytes_read = &bytes_;
  const std::string name = files.empty() || files.front() == "-" ? "standard input" : files.front();
  progress.watch([this, name, total, known, start = std::chrono::steady_clock::now()] {
    const std::uint64_t done = bytes_;
    const std::string text = "reading " + name;
    if (!known || total == 0) return text + ": " + fixed(static_cast<double>(done) / 1e6, 1) + " MB";
    if (done >= total) return text + ": 100 %, grouping the ratings";
    const double share = static_cast<double>(done) / static_cast<double>(total);
    return text + ": " + fixed(std::floor(100 * share), 0) + " %" + time_left(start, share);
  });
}

ReadingProgress::~ReadingProgress() {
  progress_.watch({});
  read_.bytes_read = nullptr;
}

FileReading::FileReading(const std::string& file, ReadOptions& read, bool quiet)
    : read_(read), progress_(quiet), reading_(progress_, {file}, read) {
  read.on_layout = [this](const std::string& text) { progress_.line(text); };
  read.on_skipped = [this](const std::string& name, const SkippedLines& skipped) { progress_.skipped(name, skipped); };
}

std::string EpochLines::state() const {
  const std::size_t epochs = epochs_;
  const std::size_t done = done_;
  if (epochs == 0) return "training: epoch 1";
  if (done == epochs) return "training: all epochs done";
  return "training: epoch " + std::to_string(done + 1) + " of " + std::to_string(epochs) +
         time_left(start_, static_cast<double>(done) / static_cast<double>(epochs));
}

void EpochLines::on_memory(const MemoryReport& report) {
  start_ = std::chrono::steady_clock::now();
  progress_.watch([this] { return state(); });
  if (!verbose_) return;
  const auto megabytes = [](std::size_t bytes) { return fixed(static_cast<double>(bytes) / 1e6, 0) + " MB"; };
  progress_.line("memory: " + megabytes(report.resident) + " now, " + megabytes(report.resident + report.training) +
                 " at the peak of training (estimated), " + megabytes(report.available) + " available");
}

bool EpochLines::on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) {
  if (report.epoch <= last_epoch_) progress_.line("training again, on all ratings");
  last_epoch_ = report.epoch;
  epochs_ = report.epochs;
  done_ = report.epoch;
  const std::string most = std::to_string(report.epochs);
  std::string text = "epoch " + padded(std::to_string(report.epoch), most.size()) + "/" + most;
  if (report.train_rmse) text += "  train rmse " + fixed(*report.train_rmse, 4);
  if (report.train_loss) text += "  loss " + rounded(*report.train_loss, 7);
  if (report.root_squared_error) text += "  root of the sum of squared errors " + fixed(*report.root_squared_error, 4);
  if (report.validation) text += "  validation " + std::string(report.validation_name) + " " + fixed(*report.validation, 4);
  text += "  " + fixed(report.seconds, 3) + " s  " + fixed(report.ratings_per_second / 1e6, 1) + " M ratings/s";
  progress_.line(text);
  return true;
}

void EpochLines::on_divergence(const DivergenceReport& report) {
  progress_.message("epoch " + std::to_string(report.epoch) + " diverged with learning rate " + rounded(report.old_learning_rate, 4) +
                    "; repeating it with " + rounded(report.new_learning_rate, 4));
}

void EpochLines::on_warning(std::string_view text) { progress_.message("warning: " + std::string(text)); }

void show_layout(ReadOptions& read, bool quiet) {
  if (!quiet) read.on_layout = [](const std::string& text) { write_stderr(printable(text) + "\n"); };
  read.on_skipped = [](const std::string& file, const SkippedLines& skipped) { print_error("warning: " + description(skipped, file)); };
}

void print_usage_error(const std::string& text, const std::string& help) {
  print_error(text);
  write_stderr(printable(help) + "\n");
}

void print_error(const std::string& text) { write_stderr("lowrank: " + printable(text) + "\n"); }

}  // namespace lowrank::cli
