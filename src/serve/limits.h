#pragma once

/// \file
/// The limits of the service. Each is a flag of `lowrank serve`.

#include <chrono>
#include <cstddef>

namespace lowrank::serve {

struct Limits {
  std::size_t header_bytes = 8192;                        ///< of a request's header
  std::size_t uri_bytes = 8192;                           ///< of a request's target
  std::size_t header_fields = 64;                         ///< number of fields of a header
  std::size_t body_bytes = std::size_t{1} << 20U;         ///< of a body
  std::size_t bulk_bytes = std::size_t{64} << 20U;        ///< of a bulk body
  std::size_t bulk_bytes_held = std::size_t{256} << 20U;  ///< of all bodies that are being read or answered
  std::chrono::seconds header_time{5};                    ///< from the first byte of a header to its last
  std::chrono::seconds body_time{30};                     ///< for a body, and one second more for each KiB of it
  std::chrono::seconds idle_time{60};                     ///< between requests
  std::chrono::seconds write_time{30};                    ///< for each 64 KiB of an answer
  std::size_t connections = 1024;                         ///< open at once
  std::size_t connections_per_address = 256;              ///< of these, from one address
  std::size_t queue = 1024;                               ///< requests of one lane that wait
  std::chrono::milliseconds request_time{2000};           ///< a request that waited longer is not begun
  std::chrono::seconds drain_time{30};                    ///< for open requests, once the service is told to end
  double requests_per_second = 0;                         ///< of each key; 0 for no limit. Bursts of one second are allowed
};

}  // namespace lowrank::serve
