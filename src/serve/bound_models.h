#pragma once

/// \file
/// Models once a context is given.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/model/contexts.h"
#include "model/context_scores.h"
#include "serve/serving.h"

namespace lowrank::serve {

/// Makes models of contexts, and keeps the latest ones of the model in service for later requests. Safe from many threads.
class BoundModels {
 public:
  /// The most that are kept; each takes about as much memory as the model.
  static constexpr std::size_t kMost = 8;

  /// \param catalogue  must outlive this
  explicit BoundModels(Catalogue& catalogue) : catalogue_(catalogue) {}

  struct Bound {
    std::shared_ptr<const Serving> serving;
    std::string warning;  ///< of levels that the model does not know; empty for none
  };
  /// `serving` itself where no level is given that it knows. O(size of the model) where the model of these levels is not kept; one is made
  /// at a time. \throws Problem(422) for a context that the model does not have, Problem(503) without memory for it
  Bound in_context(const std::shared_ptr<const Serving>& serving, std::span<const ContextValue> context);
  /// Forgets the models that are kept, and keeps those of `serving` from now on.
  void keep_those_of(const Serving& serving);

 private:
  struct Kept {
    std::vector<KnownLevel> levels;
    std::shared_ptr<const Serving> serving;
    std::uint64_t used = 0;
  };
  std::shared_ptr<const Serving> find(const Serving& base, const std::vector<KnownLevel>& levels);
  void keep(const Serving& base, const std::vector<KnownLevel>& levels, const std::shared_ptr<const Serving>& made);

  Catalogue& catalogue_;
  std::mutex making_;  ///< held while a model is made
  std::mutex mutex_;
  std::uint64_t generation_ = 0;  ///< of the model whose models are kept
  std::vector<Kept> kept_;
  std::uint64_t clock_ = 0;
};

}  // namespace lowrank::serve
