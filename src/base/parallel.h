#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace lowrank {

/// A number of threads that share work: the only place where lowrank starts threads. They come from one pool per process, are made when
/// they are needed for the first time, and sleep between calls. Where the system allows no more threads, work is done by those there are,
/// at least the calling one.
///
/// Tasks may be dealt to threads in any way, so a result must depend on the task's number alone. An exception that a task throws ends the
/// remaining tasks and is thrown again in the calling thread. Not to be used from inside its own tasks. Works in a forked process too,
/// which need not call exec().
class Workers {
 public:
  /// The most threads that can be asked for.
  static constexpr int kMostThreads = 1024;

  /// \throws OptionError("threads") unless `threads` is 0 to kMostThreads. For those who check before they start
  static void check(int threads);

  /// \param threads number of threads, 0 for one per processor that this process may run on. \throws as check()
  explicit Workers(int threads = 0);

  /// The greatest number of threads that work at the same time, at least 1.
  [[nodiscard]] int count() const noexcept { return count_; }

  /// Runs body(task, slot) for every task in [0, tasks), each exactly once, claimed in ascending order: when a task runs, each one before
  /// it has been claimed by a thread that is running it or has finished it. So a task may wait for a lower one. `slot` in [0, count()) is
  /// held by no other running task: an index for scratch memory.
  void for_each(std::size_t tasks, const std::function<void(std::size_t task, int slot)>& body);

  /// Cuts [0, size) into pieces of `grain` (the last one shorter) and runs body(begin, end, slot) for each. The pieces depend on size and
  /// grain alone.
  void for_ranges(std::size_t size, std::size_t grain, const std::function<void(std::size_t begin, std::size_t end, int slot)>& body);

  /// Rows per piece of a sum over the rows of a table. Whoever computes the sums of whole pieces elsewhere and adds them in order gets the
  /// same bits.
  static constexpr std::size_t kSumRows = 256;

  /// The sum of body(begin, end, slot) over the pieces of for_ranges, added one after another in ascending order. So its last bits depend
  /// on the body, `size` and `grain` alone. The body returns a number, a type with +=, or a container of one size whose elements are
  /// added. All pieces are kept until the last one is there.
  /// \return a value-initialised sum where `size` is 0
  template <class Body>
  [[nodiscard]] auto sum_ranges(std::size_t size, std::size_t grain, const Body& body) {
    using Sum = std::remove_cvref_t<std::invoke_result_t<const Body&, std::size_t, std::size_t, int>>;
    std::vector<Sum> pieces((size + grain - 1) / grain);
    for_ranges(size, grain, [&](std::size_t begin, std::size_t end, int slot) { pieces[begin / grain] = body(begin, end, slot); });
    if (pieces.empty()) return Sum();
    Sum total = std::move(pieces.front());
    for (std::size_t piece = 1; piece < pieces.size(); ++piece) add(total, pieces[piece]);
    return total;
  }

  /// sum_ranges() over the rows of a table, in pieces of kSumRows.
  template <class Body>
  [[nodiscard]] auto sum_rows(std::size_t rows, const Body& body) {
    return sum_ranges(rows, kSumRows, body);
  }

 private:
  template <class Sum>
  static void add(Sum& total, const Sum& piece) {
    if constexpr (requires { total += piece; }) {
      total += piece;
    } else {
      for (std::size_t n = 0; n < total.size(); ++n) total[n] += piece[n];
    }
  }

  int count_;
};

/// The number of threads that 0 stands for: processors that this process may run on.
int hardware_threads();

}  // namespace lowrank
