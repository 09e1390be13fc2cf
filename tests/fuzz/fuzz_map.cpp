// Files of maps, operators and progress. The input is the content of a file between its magic and its trailer, which
// are added, so that damage is not found by the checksum.

#include <xxhash.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input_file.hpp"

import fieldfold;

namespace {

std::string little_endian(std::uint64_t number) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

/// Errors that a file may cause; others, and crashes, are findings.
template <class Action>
void attempt(const Action& action) try {
  action();
} catch (const fieldfold::FileError&) {
} catch (const fieldfold::InvalidArgument&) {
} catch (const fieldfold::NumericalError&) {
} catch (const fieldfold::NotReady&) {
}

template <class T>
void use(const fieldfold::BasicSVD<T>& svd) {
  if (!svd.map_exists()) return;
  const xt::xarray<T> state = xt::ones<T>({svd.dof()});
  svd.reconstruct(svd.compress(state));
  svd.assess(state);
  svd.estimate_latent_ranges();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fieldfold::set_warning_handler({});
  std::string file = "FIELDFLD" + std::string(reinterpret_cast<const char*>(data), size);
  file += little_endian(file.size());
  file += little_endian(XXH64(file.data(), file.size(), 0));
  const InputFile input(file);
  attempt([&] {
    const auto loaded = fieldfold::load(input.path());
    if (const auto* svd = loaded.target<fieldfold::SVD>()) use(*svd);
    if (const auto* svd = loaded.target<fieldfold::BasicSVD<float>>()) use(*svd);
  });
  attempt([&] { fieldfold::load_outline(input.path()); });
  attempt([&] {
    const fieldfold::BasisRows<double> rows(input.path());
    std::vector<double> buffer;
    rows.read(0, 1, buffer);
  });
  attempt([&] {
    const auto loaded = fieldfold::load_operator(input.path());
    // A sparse matrix may have many columns without entries.
    if (loaded.num_points() > std::size_t{1} << 16) return;
    const xt::xarray<double> values = xt::ones<double>({loaded.num_points(), std::size_t{1}});
    loaded(values, 1);
  });
  attempt([&] {
    auto loaded = fieldfold::load_incremental<double>(input.path());
    loaded.finish();
  });
  return 0;
}
