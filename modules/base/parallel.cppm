module;

#include <cstddef>
#include <functional>

/// Threads over blocks of rows, and the threads of BLAS.
export module fieldfold.base.parallel;

export namespace fieldfold {

/// How a matrix is traversed.
struct Pass {
  std::size_t threads = 1;
  /// Blocks begin at multiples of this.
  std::size_t alignment = 1;
  /// Progress callback: the share of the rows done, in [0, 1], from one thread at a time; an exception thrown by it
  /// aborts the pass.
  std::function<void(double share)> progress = {};
};

/// The number of threads to use: as many as asked for, or as the machine has if that is 0; and no more than the number
/// of `operations` is worth starting.
std::size_t threads_for(std::size_t asked, double operations);

/// Calls `work(part, first, count)` for blocks of `block_rows` of `rows` rows. Each part is a thread of its own and
/// proceeds in the order of rows; part 0 has the first ones. BLAS starts no threads meanwhile. An exception in a thread
/// is rethrown here when all have ended.
void for_each_block(std::size_t rows, std::size_t block_rows, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work);

/// While one exists, BLAS runs in the calling thread and starts none: for code that has threads of its own. It switches
/// OpenBLAS for the whole program and back; other libraries are left as they are.
class SingleThreadedBLAS {
 public:
  SingleThreadedBLAS();
  SingleThreadedBLAS(const SingleThreadedBLAS&) = delete;
  SingleThreadedBLAS& operator=(const SingleThreadedBLAS&) = delete;
  ~SingleThreadedBLAS();
};

}  // namespace fieldfold
