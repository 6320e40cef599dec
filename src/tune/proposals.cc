#include "tune/proposals.h"

#include "tune/method_search.h"
#include "tune/sobol.h"

namespace lowrank {

std::vector<Method> propose(const Space& space, std::span<const Candidate> /*candidates*/, std::size_t /*rungs*/, std::size_t count,
                            const RoundKey& key, const std::set<std::string>& tried) {
  std::set<std::string> known = tried;
  std::vector<Method> methods;
  Sobol points(space.axes().size(), key.seed, key.major());
  for (std::size_t repeats = 0; methods.size() < count && repeats < 512; ++repeats) {
    const Method method = space.at(points.next());
    if (known.insert(options_json(method)).second) methods.push_back(method);
  }
  return methods;
}

}  // namespace lowrank
