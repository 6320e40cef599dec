#include "cli/progress.h"

#include <unistd.h>

#include <string_view>

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

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (passing_) write_stderr("\r\x1b[K");
  passing_ = false;
}

void Progress::passing(const std::string& text) {
  if (quiet_ || !terminal_) return;
  write_stderr("\r\x1b[K" + printable(text));
  passing_ = true;
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear();
  write_stderr(printable(text) + "\n");
}

void Progress::message(const std::string& text) {
  clear();
  write_stderr("lowrank: " + printable(text) + "\n");
}

void EpochLines::on_memory(const MemoryReport& report) {
  if (!verbose_) return;
  const auto megabytes = [](std::size_t bytes) { return fixed(static_cast<double>(bytes) / 1e6, 0) + " MB"; };
  progress_.line("memory: " + megabytes(report.resident) + " now, " + megabytes(report.resident + report.training) +
                 " at the peak of training (estimated), " + megabytes(report.available) + " available");
}

bool EpochLines::on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) {
  if (report.epoch <= last_epoch_) progress_.line("training again, on all ratings");
  last_epoch_ = report.epoch;
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
}

void print_error(const std::string& text) { write_stderr("lowrank: " + printable(text) + "\n"); }

}  // namespace lowrank::cli
