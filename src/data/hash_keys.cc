#include <sys/random.h>

#include <chrono>

#include "base/random.h"
#include "data/bytes.h"

namespace lowrank {

namespace {

HashKeys draw_keys() {
  HashKeys keys{};
  if (getrandom(&keys, sizeof keys, GRND_NONBLOCK) == sizeof keys) return keys;
  // Early in the start of a system, or in a sandbox: what others can hardly know.
  const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  keys.first = mix64(now ^ reinterpret_cast<std::uintptr_t>(&keys));
  keys.second = mix64(keys.first ^ reinterpret_cast<std::uintptr_t>(&draw_keys));
  return keys;
}

}  // namespace

const HashKeys kHashKeys = draw_keys();

}  // namespace lowrank
