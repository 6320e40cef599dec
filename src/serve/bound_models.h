#pragma once

/// \file
/// Models once a context is given.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lowrank/model/contexts.h"
#include "serve/serving.h"

namespace lowrank::serve {

/// Makes models of contexts, and keeps the latest ones for later requests. Safe from many threads.
class BoundModels {
 public:
  /// The most that are kept; each takes as much memory as the model.
  static constexpr std::size_t kMost = 8;

  /// \param catalogue  must outlive this
  explicit BoundModels(Catalogue& catalogue) : catalogue_(catalogue) {}

  struct Bound {
    std::shared_ptr<const Serving> serving;
    std::string warning;  ///< of levels that the model does not know; empty for none
  };
  /// `serving` itself where no context is given. O(size of the model) for a context that is not kept. \throws Problem(422) for one that
  /// the model does not have
  Bound in_context(const std::shared_ptr<const Serving>& serving, std::vector<ContextValue> context);
  /// Forgets them all: the model in service is another one now.
  void clear();

 private:
  struct Kept {
    std::uint64_t generation;  ///< of the model without the context
    std::vector<ContextValue> context;
    Bound bound;
    std::uint64_t used;
  };

  Catalogue& catalogue_;
  std::mutex mutex_;
  std::vector<Kept> kept_;
  std::uint64_t clock_ = 0;
};

}  // namespace lowrank::serve
