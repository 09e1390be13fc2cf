module;

extern "C" {
// Null unless BLAS is OpenBLAS.
__attribute__((weak)) int openblas_get_num_threads();
__attribute__((weak)) void openblas_set_num_threads(int);
}

module fieldfold.base.parallel;

namespace fieldfold {
namespace {

std::atomic<std::size_t> threads_of_program = 0;

struct BLASThreads {
  std::mutex guard;
  int users = 0;
  int before = 0;
};

BLASThreads& blas_threads() {
  static BLASThreads only;
  return only;
}

}  // namespace

std::size_t set_threads(std::size_t threads) {
  if (threads > 0 && openblas_set_num_threads != nullptr) openblas_set_num_threads(static_cast<int>(threads));
  return threads_of_program.exchange(threads);
}

SingleThreadedBLAS::SingleThreadedBLAS() {
  const std::scoped_lock lock(blas_threads().guard);
  if (blas_threads().users++ > 0 || openblas_set_num_threads == nullptr) return;
  blas_threads().before = openblas_get_num_threads();
  openblas_set_num_threads(1);
}

SingleThreadedBLAS::~SingleThreadedBLAS() {
  const std::scoped_lock lock(blas_threads().guard);
  if (--blas_threads().users == 0 && openblas_set_num_threads != nullptr)
    openblas_set_num_threads(blas_threads().before);
}

std::size_t threads_for(std::size_t asked, double operations) {
  // Starting a thread takes some ten microseconds.
  constexpr double least = 1e6;
  const std::size_t wanted = asked > 0 ? asked : threads_of_program.load();
  const std::size_t available = wanted > 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::min(operations / least, 1e6)), 1, available);
}

void for_each_block(std::size_t rows, std::size_t block_rows, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work) {
  const auto aligned = [&](std::size_t row) { return row / pass.alignment * pass.alignment; };
  const std::size_t block = std::max(pass.alignment, aligned(block_rows));
  const auto begin_of = [&](std::size_t part) {
    return part == pass.threads ? rows : aligned(rows / pass.threads * part);
  };
  std::mutex guard;
  std::size_t done = 0;
  std::atomic<bool> failed = false;
  const auto run = [&](std::size_t part) {
    const std::size_t end = begin_of(part + 1);
    for (std::size_t first = begin_of(part); first < end && !failed; first += block) {
      const std::size_t count = std::min(block, end - first);
      work(part, first, count);
      if (!pass.progress) continue;
      const std::scoped_lock lock(guard);
      done += count;
      pass.progress(static_cast<double>(done) / static_cast<double>(rows));
    }
  };
  const SingleThreadedBLAS own_threads_only;
  if (pass.threads == 1) return run(0);
  std::vector<std::exception_ptr> failures(pass.threads);
  std::vector<std::jthread> workers;  // joined even if an exception is thrown
  workers.reserve(pass.threads);
  for (std::size_t part = 0; part < pass.threads; ++part)
    workers.emplace_back([&, part] {
      try {
        run(part);
      } catch (...) {
        failures[part] = std::current_exception();
        failed = true;
      }
    });
  workers.clear();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace fieldfold
