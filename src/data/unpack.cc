#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "data/input.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kPackedBytes = std::size_t{1} << 17U;
constexpr std::uint64_t kMaxXzMemory = std::uint64_t{1} << 30U;

/// The bytes that were read ahead, then the rest of the file.
class PlainStream final : public ByteStream {
 public:
  PlainStream(InputFile& file, std::string head) : file_(file), head_(std::move(head)) {}

  std::size_t read(char* to, std::size_t size) override {
    const std::size_t from_head = std::min(size, head_.size() - taken_);
    std::memcpy(to, head_.data() + taken_, from_head);
    taken_ += from_head;
    return from_head == size ? size : from_head + file_.read(to + from_head, size - from_head);
  }

 private:
  InputFile& file_;
  std::string head_;
  std::size_t taken_ = 0;
};

/// Reads compressed bytes, one buffer at a time.
class PackedBytes {
 public:
  PackedBytes(InputFile& file, std::string head) : name_(file.name()), source_(file, std::move(head)), buffer_(kPackedBytes) {}

  /// Refills the buffer if it is empty; false at the end of the file.
  bool fill() {
    if (begin_ < end_) return true;
    begin_ = 0;
    end_ = source_.read(buffer_.data(), buffer_.size());
    return end_ != 0;
  }
  [[nodiscard]] const char* data() const { return buffer_.data() + begin_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  void consume_until(std::size_t left) { begin_ = end_ - left; }

  [[noreturn]] void fail(const char* what) const { throw DataError(name_ + ": " + what); }

 private:
  std::string name_;
  PlainStream source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(PackedBytes packed) : packed_(std::move(packed)) {
    constexpr int kGzipHeader = 16;
    if (inflateInit2(&state_, MAX_WBITS + kGzipHeader) != Z_OK) throw std::bad_alloc();
  }
  ~GzipStream() override { inflateEnd(&state_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    std::size_t done = 0;
    while (done < size && !at_end_) {
      if (!packed_.fill()) {
        if (in_member_) packed_.fail("the gzip data ends early");
        break;
      }
      if (!in_member_ && !next_member()) break;
      done += inflate_some(to + done, size - done);
    }
    return done;
  }

 private:
  /// Between members: whether another one follows. Zero bytes at the end, which tapes and block devices leave, are ignored.
  bool next_member() {
    if (!first_) {
      while (packed_.fill() && *packed_.data() == '\0') packed_.consume_until(packed_.size() - 1);
      if (!packed_.fill()) {
        at_end_ = true;
        return false;
      }
      inflateReset(&state_);
    }
    first_ = false;
    in_member_ = true;
    return true;
  }

  std::size_t inflate_some(char* to, std::size_t size) {
    const std::size_t room = std::min<std::size_t>(size, 1U << 30U);
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed_.data()));
    state_.avail_in = static_cast<uInt>(packed_.size());
    state_.next_out = reinterpret_cast<Bytef*>(to);
    state_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&state_, Z_NO_FLUSH);
    packed_.consume_until(state_.avail_in);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) packed_.fail("the gzip data is damaged");
    if (result == Z_STREAM_END) in_member_ = false;
    return room - state_.avail_out;
  }

  PackedBytes packed_;
  z_stream state_{};
  bool in_member_ = false;
  bool first_ = true;
  bool at_end_ = false;
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(PackedBytes packed) : packed_(std::move(packed)), state_(ZSTD_createDStream()) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~ZstdStream() override { ZSTD_freeDStream(state_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos < out.size) {
      const bool more = packed_.fill();
      if (!more && !in_frame_) break;
      ZSTD_inBuffer in{packed_.data(), packed_.size(), 0};
      const std::size_t before = out.pos;
      const std::size_t result = ZSTD_decompressStream(state_, &out, &in);
      if (ZSTD_isError(result) != 0) {
        const std::string reason = ZSTD_getErrorName(result);
        packed_.fail(("the zstd data is damaged (" + reason + ")").c_str());
      }
      packed_.consume_until(in.size - in.pos);
      in_frame_ = result != 0;
      // At the end of the input an open frame may still yield bytes that had no room before. If it yields none, the file was cut off.
      if (!more && in_frame_ && out.pos == before) packed_.fail("the zstd data ends early");
    }
    return out.pos;
  }

 private:
  PackedBytes packed_;
  ZSTD_DStream* state_;
  bool in_frame_ = false;
};

class XzStream final : public ByteStream {
 public:
  explicit XzStream(PackedBytes packed) : packed_(std::move(packed)) {
    if (lzma_stream_decoder(&state_, kMaxXzMemory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzStream() override { lzma_end(&state_); }
  XzStream(const XzStream&) = delete;
  XzStream& operator=(const XzStream&) = delete;

  std::size_t read(char* to, std::size_t size) override {
    state_.next_out = reinterpret_cast<std::uint8_t*>(to);
    state_.avail_out = size;
    while (state_.avail_out > 0 && !at_end_) {
      const bool more = packed_.fill();
      state_.next_in = reinterpret_cast<const std::uint8_t*>(packed_.data());
      state_.avail_in = packed_.size();
      const lzma_ret result = lzma_code(&state_, more ? LZMA_RUN : LZMA_FINISH);
      packed_.consume_until(state_.avail_in);
      switch (result) {
        case LZMA_OK:
          break;
        case LZMA_STREAM_END:
          at_end_ = true;
          break;
        case LZMA_BUF_ERROR:
          packed_.fail("the xz data ends early");
        case LZMA_MEM_ERROR:
          throw std::bad_alloc();
        case LZMA_MEMLIMIT_ERROR:
          packed_.fail("unpacking the xz data needs more than 1 GiB of memory");
        default:
          packed_.fail("the xz data is damaged");
      }
    }
    return size - state_.avail_out;
  }

 private:
  PackedBytes packed_;
  lzma_stream state_ = LZMA_STREAM_INIT;
  bool at_end_ = false;
};

}  // namespace

Packing packing_of(std::string_view head, const std::string& name) {
  using namespace std::string_view_literals;
  if (head.starts_with("\x1F\x8B"sv)) return Packing::gzip;
  if (head.starts_with("\x28\xB5\x2F\xFD"sv)) return Packing::zstd;
  // A skippable frame, with which parallel compressors start.
  if (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0U) == 0x50 && head.substr(1, 3) == "\x2A\x4D\x18"sv)
    return Packing::zstd;
  if (head.starts_with("\xFD\x37\x7A\x58\x5A\x00"sv)) return Packing::xz;
  if (head.starts_with("PK\x03\x04"sv)) throw DataError(name + ": zip archives are not supported; unpack the file first");
  // The mark of a block, or of an empty file, follows: `BZh` alone may be a user.
  const std::string_view mark = head.size() < 4 ? ""sv : head.substr(4);
  if (head.starts_with("BZh"sv) && (mark == "\x31\x41\x59\x26\x53\x59"sv || mark == "\x17\x72\x45\x38\x50\x90"sv)) {
    throw DataError(name + ": bzip2 files are not supported; unpack the file first");
  }
  return Packing::none;
}

std::unique_ptr<ByteStream> open_stream(InputFile& file, std::string head, Packing packing) {
  if (packing == Packing::none) return std::make_unique<PlainStream>(file, std::move(head));
  PackedBytes packed(file, std::move(head));
  if (packing == Packing::gzip) return std::make_unique<GzipStream>(std::move(packed));
  if (packing == Packing::zstd) return std::make_unique<ZstdStream>(std::move(packed));
  return std::make_unique<XzStream>(std::move(packed));
}

}  // namespace lowrank
