#include "tune/trial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

using Json = nlohmann::ordered_json;

/// What is known of a training before it is run.
Json question(const TuneRun& run) {
  Json json;
  json["trial"] = run.trial;
  json["method"] = run.method;
  json["options"] = Json::parse(run.options);
  if (run.epochs != 0) json["epochs"] = run.epochs;
  json["full"] = run.full;
  json["split"] = run.split;
  return json;
}

std::string line_of(const TuneRun& run) {
  Json json = question(run);
  if (run.figure) {
    json["figure"] = *run.figure;
    json["best_epoch"] = run.best_epoch;
    if (run.neighbour_weight) json["neighbour_weight"] = *run.neighbour_weight;
  } else {
    json["problem"] = run.problem;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// `its seed is 2, not 1`: the first difference of two descriptions of searches.
std::string difference(const Json& there, const Json& here) {
  for (const auto& [key, value] : here.items()) {
    if (!there.contains(key)) return "it does not state " + key;
    if (there[key] != value) return "its " + key + " is " + there[key].dump() + ", not " + value.dump();
  }
  return "it states more";
}

}  // namespace

TrialFile::TrialFile(const std::string& path, const std::string& header) : path_(path) {
  const bool there = exists(path);
  const std::string content = there ? read_file(path) : std::string();
  const std::size_t whole = content.rfind('\n') + 1;  // 0 where there is no end of a line
  for (std::size_t begin = 0; begin < whole;) {
    const std::size_t end = content.find('\n', begin);
    lines_.push_back(content.substr(begin, end - begin));
    begin = end + 1;
  }
  if (lines_.empty() ? !header.starts_with(content) : lines_.front() != header) {
    const Json found = lines_.empty() ? Json() : Json::parse(lines_.front(), nullptr, false);
    if (!found.is_object() || !found.contains("lowrank")) throw DataError(path + ": is not a file of trials");
    throw DataError(path + ": is the file of another search: " + difference(found, Json::parse(header)));
  }
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_system_error(path, "cannot write", errno);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) throw FileError(path + ": another search is writing this file");
  // A line without an end is what a killed search was writing.
  if (whole != content.size() && ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0) throw_system_error(path, "cannot write", errno);
  if (lines_.empty()) {
    append(header);
    if (!there) sync_folder(folder_of(path));
  } else {
    lines_.erase(lines_.begin());
  }
}

TrialFile::~TrialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TrialFile::refuse() const {
  // The first line is the header.
  throw DataError(path_, next_ + 2, "is not what this search comes to; it is the file of another version, or was altered");
}

void TrialFile::read(TuneRun& run) {
  const Json line = Json::parse(lines_[next_], nullptr, false);
  const Json asked = question(run);
  if (!line.is_object()) refuse();
  for (const auto& [key, value] : asked.items()) {
    if (!line.contains(key) || line[key] != value) refuse();
  }
  if (line.contains("figure")) {
    if (!line["figure"].is_number() || !line.contains("best_epoch") || !line["best_epoch"].is_number_unsigned()) refuse();
    run.figure = line["figure"].get<double>();
    run.best_epoch = line["best_epoch"].get<std::size_t>();
    if (line.contains("neighbour_weight") && line["neighbour_weight"].is_number()) {
      run.neighbour_weight = line["neighbour_weight"].get<double>();
    }
  } else {
    if (!line.contains("problem") || !line["problem"].is_string()) refuse();
    run.problem = line["problem"].get<std::string>();
  }
  ++next_;
}

void TrialFile::write(const TuneRun& run) { append(line_of(run)); }

void TrialFile::note(const std::string& line) {
  if (!reads()) return append(line);
  if (!next_is(line)) refuse();
  ++next_;
}

void TrialFile::append(const std::string& line) {
  if (descriptor_ < 0) return;
  const std::string whole = line + "\n";
  std::string_view left = whole;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error(path_, "cannot write", errno);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fdatasync(descriptor_) != 0) throw_system_error(path_, "cannot write", errno);
}

}  // namespace lowrank
