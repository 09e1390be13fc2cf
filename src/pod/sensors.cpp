module fieldfold.pod.sensors;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;

namespace fieldfold {

template <class T>
std::vector<std::size_t> sensors(const xt::xarray<T>& array, std::size_t count) {
  const auto basis = as_matrix(array);
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < basis.rows; ++i)
    if (std::ranges::any_of(basis.row(i), [](T x) { return x != T{0}; })) candidates.push_back(i);
  if (count < basis.cols || count > candidates.size())
    throw InvalidArgument(message("count: expected at least ", basis.cols,
                                  " sensors, the rank, so that they determine ", "all coefficients, and at most ",
                                  candidates.size(), ", the number of nonzero rows of the basis, got ", count));
  std::vector<std::size_t> chosen_rows;
  while (chosen_rows.size() < count) {
    auto rows = xt::xarray<double>::from_shape({candidates.size(), basis.cols});
    for (std::size_t k = 0; k < candidates.size(); ++k)
      std::ranges::copy(basis.row(candidates[k]), as_matrix(rows).row(k).begin());
    auto chosen = pivot_rows(std::move(rows));
    chosen.resize(std::min(chosen.size(), count - chosen_rows.size()));
    for (std::size_t& k : chosen) k = candidates[k];
    chosen_rows.insert(chosen_rows.end(), chosen.begin(), chosen.end());
    std::ranges::sort(chosen);
    std::erase_if(candidates, [&](std::size_t i) { return std::ranges::binary_search(chosen, i); });
  }
  return chosen_rows;
}

template <class T>
double noise_amplification(const xt::xarray<T>& basis, const std::vector<std::size_t>& sensors) {
  auto rows = xt::xarray<double>::from_shape({sensors.size(), basis.shape(1)});
  for (std::size_t k = 0; k < sensors.size(); ++k) {
    if (sensors[k] >= basis.shape(0))
      throw InvalidArgument(
          message("sensors: expected rows of the basis, below ", basis.shape(0), ", got ", sensors[k]));
    std::ranges::copy(as_matrix(basis).row(sensors[k]), as_matrix(rows).row(k).begin());
  }
  if (sensors.size() < basis.shape(1)) return std::numeric_limits<double>::infinity();
  return 1.0 / thin_svd(std::move(rows)).s(basis.shape(1) - 1);
}

template double noise_amplification(const xt::xarray<double>&, const std::vector<std::size_t>&);
template double noise_amplification(const xt::xarray<float>&, const std::vector<std::size_t>&);
template std::vector<std::size_t> sensors(const xt::xarray<double>&, std::size_t);
template std::vector<std::size_t> sensors(const xt::xarray<float>&, std::size_t);

}  // namespace fieldfold
