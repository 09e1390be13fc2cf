/// Parallel loops over blocks of rows, and control of BLAS threads.
export module fieldfold.base.parallel;

import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// How a matrix is traversed.
struct Pass {
  std::size_t threads = 1;
  /// Blocks begin at multiples of this.
  std::size_t alignment = 1;
  /// Progress callback: the share of the rows done, in [0, 1], from one thread at a time; an exception thrown by it
  /// aborts the pass.
  std::function<void(double share)> progress = {};
  /// The rows of this process among those of all: sums over rows are sums over all ranks.
  RowPartition partition = {};
};

/// The number of threads to use: the number asked for, or that of the machine if it is 0, limited so that each has
/// enough `operations` to pay for its start.
std::size_t threads_for(std::size_t asked, double operations);

/// Sets the number of threads that the whole program uses where 0 is asked for, and returns the previous one; 0: that
/// of the machine. BLAS keeps to it, too, if it is OpenBLAS.
std::size_t set_threads(std::size_t threads);

/// Calls `work(part, first, count)` for blocks of `block_rows` out of `rows` rows. Each part is one thread, which
/// visits its rows in order; part 0 has the first ones. BLAS starts no threads meanwhile. An exception in a thread is
/// rethrown here after all threads have finished.
void for_each_block(std::size_t rows, std::size_t block_rows, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work);

/// Keeps BLAS in the calling thread during its lifetime, for code with its own threads. The setting of OpenBLAS is
/// changed for the whole program and then restored; other BLAS libraries are unaffected.
class SingleThreadedBLAS {
 public:
  SingleThreadedBLAS();
  SingleThreadedBLAS(const SingleThreadedBLAS&) = delete;
  SingleThreadedBLAS& operator=(const SingleThreadedBLAS&) = delete;
  ~SingleThreadedBLAS();
};

}  // namespace fieldfold
