// The C interface: specifications, options and files of any content, then each use of what they make. Every call
// returns a status; an exception, a signal or an internal error is a finding.

#include <xxhash.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../../interfaces/c/fieldfold.h"
#include "input_file.hpp"

namespace {

constexpr std::size_t num_pts = 6;

void check(fieldfold_status status) {
  if (status == FIELDFOLD_INTERNAL_ERROR) std::abort();
}

void use(fieldfold_svd* svd) {
  const std::size_t dof = fieldfold_svd_dof(svd);
  const std::size_t rank = fieldfold_svd_rank(svd);
  // A sparse mass matrix or a long list of coords may make more of a small file.
  if (dof > std::size_t{1} << 16) return;
  std::vector<double> states(dof + 1, 1.0);
  std::vector<double> latent(rank * rank + 2 * rank + 1);
  std::vector<double> fields(fieldfold_svd_num_qoi(svd) + 1);
  std::vector<double> point(fieldfold_svd_dim(svd) + 1, 0.5);
  std::vector<std::size_t> locations(rank + 2);
  std::array<double, 3> figures{};
  check(fieldfold_svd_compress(svd, states.data(), 1, latent.data()));
  check(fieldfold_svd_reconstruct(svd, latent.data(), 1, states.data()));
  check(fieldfold_svd_assess(svd, states.data(), 1, latent.data(), &figures[0], &figures[1], &figures[2]));
  check(fieldfold_svd_latent_ranges(svd, 0.1, latent.data()));
  check(fieldfold_svd_latent_statistics(svd, nullptr, latent.data()));
  check(fieldfold_svd_whiten(svd, latent.data(), 1, latent.data()));
  check(fieldfold_svd_sensors(svd, rank + 1, locations.data()));
  if (fieldfold_svd_dim(svd) > 0 && fieldfold_svd_num_pts(svd) <= 4096 &&
      dof == fieldfold_svd_num_pts(svd) * fieldfold_svd_num_qoi(svd)) {
    check(fieldfold_svd_interpolate_from_grid(svd, states.data(), 1, point.data(), 1, fields.data()));
    check(fieldfold_svd_reconstruct_at(svd, latent.data(), 1, point.data(), 1, fields.data()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fieldfold_set_warning_handler([](const char*, void*) {}, nullptr);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::array<double, 2 * num_pts> coords{0, 0, 1, 0, 0, 1, 1, 1, 0.5, 0.4, 0.2, 0.7};
  const std::array<double, 4 * num_pts> snapshots{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8,
                                                  9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4};
  std::array<double, 2 * num_pts> results{};

  fieldfold_svd* svd = nullptr;
  check(fieldfold_svd_create(text.c_str(), &svd));
  if (svd != nullptr) {
    check(fieldfold_svd_set_coords(svd, coords.data(), num_pts, 2));
    check(fieldfold_svd_fit(svd, snapshots.data(),
                            num_pts * (fieldfold_svd_num_qoi(svd) < 4 ? fieldfold_svd_num_qoi(svd) : 1), 2, 2, 1));
    use(svd);
  }
  fieldfold_svd_free(svd);
  fieldfold_incremental* incremental = nullptr;
  check(fieldfold_incremental_create(text.c_str(), &incremental));
  if (incremental != nullptr) {
    check(fieldfold_incremental_add_states(incremental, snapshots.data(), 4, num_pts));
    fieldfold_svd* finished = nullptr;
    check(fieldfold_incremental_finish(incremental, &finished));
    fieldfold_svd_free(finished);
  }
  fieldfold_incremental_free(incremental);
  fieldfold_operator* op = nullptr;
  check(fieldfold_operator_create(coords.data(), num_pts, coords.data(), 2, 2, text.c_str(), &op));
  check(fieldfold_operator_apply(op, snapshots.data(), 2, results.data()));
  fieldfold_operator_free(op);
  fieldfold_interpolator* interpolator = nullptr;
  check(fieldfold_interpolator_create(coords.data(), num_pts, 2, snapshots.data(), 1, text.c_str(), &interpolator));
  check(fieldfold_interpolator_gradient(interpolator, coords.data(), 2, results.data()));
  fieldfold_interpolator_free(interpolator);
  return 0;
}
