#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "data/input.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16U;

/// A converter to UTF-8.
class Converter {
 public:
  explicit Converter(const std::string& encoding) : state_(iconv_open("UTF-8", encoding.c_str())) {}
  ~Converter() {
    if (valid()) iconv_close(state_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // iconv_open returns -1 for an error.
  [[nodiscard]] bool valid() const noexcept { return reinterpret_cast<std::intptr_t>(state_) != -1; }
  [[nodiscard]] iconv_t state() const noexcept { return state_; }

 private:
  iconv_t state_;
};

class RecodedStream final : public ByteStream {
 public:
  RecodedStream(std::unique_ptr<ByteStream> stream, const std::string& encoding, std::string name)
      : stream_(std::move(stream)),
        converter_(encoding),
        encoding_(encoding),
        name_(std::move(name)),
        in_(kBufferBytes),
        out_(kBufferBytes) {}

  std::size_t read(char* to, std::size_t size) override {
    std::size_t done = 0;
    while (done < size && (out_begin_ < out_end_ || convert())) {
      const std::size_t part = std::min(size - done, out_end_ - out_begin_);
      std::memcpy(to + done, out_.data() + out_begin_, part);
      out_begin_ += part;
      done += part;
    }
    return done;
  }

 private:
  /// Fills the empty buffer of text; false at the end of the input.
  bool convert() {
    out_begin_ = 0;
    out_end_ = 0;
    while (out_end_ == 0 && !at_end_) {
      char* from = in_.data();
      char* to = out_.data();
      std::size_t room = out_.size();
      if (!ended_) {
        const std::size_t got = stream_->read(in_.data() + in_size_, in_.size() - in_size_);
        ended_ = got < in_.size() - in_size_;
        in_size_ += got;
      }
      std::size_t left = in_size_;
      const bool stopped = iconv(converter_.state(), &from, &left, &to, &room) == static_cast<std::size_t>(-1);
      const int reason = stopped ? errno : 0;
      const auto fail = [&](const char* problem) {
        throw DataError(name_, lines_ + static_cast<std::size_t>(std::count(out_.data(), to, '\n')) + 1, problem + encoding_);
      };
      if (reason == EILSEQ) fail("bytes that are not text in ");
      std::memmove(in_.data(), from, left);
      in_size_ = left;
      if (ended_ && reason == EINVAL) fail("the text ends within a character of ");
      if (ended_ && left == 0) {
        // The end of an encoding with shifts.
        iconv(converter_.state(), nullptr, nullptr, &to, &room);
        at_end_ = true;
      }
      out_end_ = static_cast<std::size_t>(to - out_.data());
      lines_ += static_cast<std::size_t>(std::count(out_.data(), to, '\n'));
    }
    return out_end_ != 0;
  }

  std::unique_ptr<ByteStream> stream_;
  Converter converter_;
  std::string encoding_;
  std::string name_;
  std::vector<char> in_;
  std::size_t in_size_ = 0;
  std::vector<char> out_;
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  std::size_t lines_ = 0;  ///< number of line ends before the buffer
  bool ended_ = false;     ///< whether the input has no more bytes
  bool at_end_ = false;
};

/// A name in the form in which names are compared: upper case, `-` for what separates words.
std::string plain_name(std::string_view name) {
  std::string plain(name);
  std::transform(plain.begin(), plain.end(), plain.begin(), [](char c) {
    if (c == '_' || c == ' ') return '-';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return plain;
}

}  // namespace

std::optional<std::string> foreign_encoding(std::string_view encoding) {
  if (encoding.empty()) return std::nullopt;
  std::string name = plain_name(encoding);
  // Names that Python has and iconv has not.
  constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
      {"LATIN-1", "ISO-8859-1"},  {"LATIN1", "ISO-8859-1"}, {"L1", "ISO-8859-1"},       {"UTF8", "UTF-8"},
      {"UTF-8-SIG", "UTF-8"},     {"ASCII", "US-ASCII"},    {"UTF16", "UTF-16"},        {"UTF32", "UTF-32"},
      {"MAC-ROMAN", "MACINTOSH"}, {"ANSI", "CP1252"},       {"SHIFT-JIS", "SHIFT_JIS"}, {"EUC-JP", "EUC-JP"}};
  for (const auto& [alias, known] : kAliases) {
    if (name == alias) name = known;
  }
  if (name == "UTF-8") return std::nullopt;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("-_.:()", c) != nullptr;
  });
  if (plain && Converter(name).valid()) return name;
  if (plain && Converter(std::string(encoding)).valid()) return std::string(encoding);
  throw OptionError("encoding", "must be an encoding that iconv knows, such as latin-1, windows-1252 or utf-16, got " + quoted(encoding));
}

std::unique_ptr<ByteStream> recoded(std::unique_ptr<ByteStream> stream, const std::string& encoding, const std::string& name) {
  return std::make_unique<RecodedStream>(std::move(stream), encoding, name);
}

}  // namespace lowrank
