// Random shapes, options, precisions, fields, weights and masks, compared with a plain dense model.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

namespace {

using fieldfold::NormalizationMethod;
using Matrix = std::vector<std::vector<double>>;

/// Random numbers of one case.
class Random {
 public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(generator_);
  }
  bool chance(double share) { return std::bernoulli_distribution(share)(generator_); }
  double normal() { return std::normal_distribution<double>()(generator_); }
  double positive() { return std::exp(normal()); }

 private:
  std::mt19937_64 generator_;
};

/// Eigenvalues of a symmetric matrix, descending, by cyclic Jacobi rotations (Golub and Van Loan, 8.5).
std::vector<double> eigenvalues(Matrix a) {
  const std::size_t n = a.size();
  for (int sweep = 0; sweep < 30; ++sweep)
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p][q] == 0.0) continue;
        const double tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
        const double t = (tau >= 0.0 ? 1.0 : -1.0) / (std::abs(tau) + std::sqrt(1.0 + tau * tau));
        const double c = 1.0 / std::sqrt(1.0 + t * t);
        const double s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          const double kp = a[k][p];
          const double kq = a[k][q];
          a[k][p] = c * kp - s * kq;
          a[k][q] = s * kp + c * kq;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double pk = a[p][k];
          const double qk = a[q][k];
          a[p][k] = c * pk - s * qk;
          a[q][k] = s * pk + c * qk;
        }
      }
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = a[i][i];
  std::ranges::sort(values, std::greater<>{});
  return values;
}

/// A case, and what the definitions of the options make of it.
struct Model {
  std::size_t points;
  std::size_t qoi;
  std::size_t samples;
  std::vector<std::string> fields;
  fieldfold::FieldOptions options;
  Matrix x;                       ///< `(dof, samples)`, with NaN
  std::vector<std::size_t> kept;  ///< snapshots without NaN beside masked numbers
  std::vector<bool> masked;       ///< `(dof,)`
  std::vector<double> shift;      ///< `(dof,)`
  std::vector<double> factor;     ///< `(dof,)`
  std::vector<double> weight;     ///< `(dof,)`

  explicit Model(Random& random, bool rounds)
      : points(random.between(2, 10)), qoi(random.between(1, 3)), samples(random.between(4, 12)) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::size_t dof = points * qoi;
    for (std::size_t field = 0; field < qoi; ++field) fields.push_back(std::string(1, static_cast<char>('a' + field)));
    x.assign(dof, std::vector<double>(samples));
    std::vector<double> sizes(qoi);
    std::vector<double> means(qoi);
    for (std::size_t field = 0; field < qoi; ++field) {
      sizes[field] = std::pow(10.0, random.normal());
      means[field] = random.chance(0.5) ? 3.0 * random.normal() : 0.0;
    }
    for (std::size_t i = 0; i < dof; ++i)
      for (double& number : x[i]) {
        number = sizes[i % qoi] * (means[i % qoi] + random.normal());
        if (rounds) number = static_cast<double>(static_cast<float>(number));
      }
    masked.assign(dof, false);
    if (random.chance(0.4)) {
      options.mask = fieldfold::Mask::automatic;
      for (std::size_t i = 1; i < dof; ++i)
        if (random.chance(0.15)) {
          masked[i] = true;
          std::ranges::fill(x[i], nan);
        }
    }
    for (std::size_t j = 0; j < samples; ++j) {
      const bool is_dropped = j > 2 && random.chance(0.1);
      if (is_dropped) x[0][j] = nan;
      if (!is_dropped) kept.push_back(j);
    }
    options.center = random.chance(0.5);
    options.standardize = random.chance(0.2);
    if (random.chance(0.5)) options.point_weights = array(random, points);
    if (random.chance(0.4)) options.sample_weights = array(random, samples);
    for (const std::string& field : fields) {
      if (random.chance(0.4)) options.field_weights[field] = random.positive();
      const auto method = random.between(0, 3);
      if (method == 1) options.normalize_field[field] = {.method = NormalizationMethod::zscore};
      if (method == 2) options.normalize_field[field] = {.method = NormalizationMethod::minmax};
      if (method == 3)
        options.normalize_field[field] = {
            .method = NormalizationMethod::linear, .slope = random.positive(), .offset = random.normal()};
    }
    transform();
  }

  double sample_weight(std::size_t j) const { return options.sample_weights ? (*options.sample_weights)(j) : 1.0; }
  double point_weight(std::size_t i) const { return options.point_weights ? (*options.point_weights)(i / qoi) : 1.0; }
  bool is_centered() const { return options.center || options.standardize; }
  double y(std::size_t i, std::size_t j) const { return masked[i] ? 0.0 : (x[i][j] - shift[i]) * factor[i]; }

 private:
  static xt::xarray<double> array(Random& random, std::size_t length) {
    auto numbers = xt::xarray<double>::from_shape({length});
    for (double& number : numbers) number = random.positive();
    return numbers;
  }

  void transform() {
    const std::size_t dof = x.size();
    shift.assign(dof, 0.0);
    factor.assign(dof, 1.0);
    weight.assign(dof, 1.0);
    for (std::size_t field = 0; field < qoi; ++field) {
      double total = 0.0;
      double sum = 0.0;
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for_numbers(field, [&](double number, double own) {
        total += own;
        sum += own * number;
        low = std::min(low, number);
        high = std::max(high, number);
      });
      if (total == 0.0) continue;  // all masked
      const double mean = sum / total;
      double squares = 0.0;
      for_numbers(field, [&](double number, double own) { squares += own * (number - mean) * (number - mean); });
      const auto chosen = options.normalization_of(fields[field]);
      for (std::size_t i = field; i < dof; i += qoi) {
        weight[i] = point_weight(i);
        if (options.field_weights.contains(fields[field])) weight[i] *= options.field_weights.at(fields[field]);
        if (chosen.method == NormalizationMethod::zscore) {
          shift[i] = mean;
          factor[i] = 1.0 / std::sqrt(squares / total);
        } else if (chosen.method == NormalizationMethod::minmax) {
          shift[i] = low;
          factor[i] = 1.0 / (high - low);
        } else if (chosen.method == NormalizationMethod::linear) {
          shift[i] = -chosen.offset / chosen.slope;
          factor[i] = chosen.slope;
        }
      }
    }
    if (!is_centered()) return;
    for (std::size_t i = 0; i < dof; ++i) {
      double total = 0.0;
      double sum = 0.0;
      for (const std::size_t j : kept) {
        total += sample_weight(j);
        sum += sample_weight(j) * x[i][j];
      }
      shift[i] = sum / total;
      double squares = 0.0;
      for (const std::size_t j : kept) squares += sample_weight(j) * (x[i][j] - shift[i]) * (x[i][j] - shift[i]);
      if (options.standardize) factor[i] = 1.0 / std::sqrt(squares / total);
    }
  }

  template <class Work>
  void for_numbers(std::size_t field, const Work& work) const {
    for (std::size_t i = field; i < x.size(); i += qoi)
      for (const std::size_t j : kept)
        if (!masked[i]) work(x[i][j], point_weight(i) * sample_weight(j));
  }
};

/// \param unit  rounding unit of T
template <class T>
void check(Random& random, double unit) {
  const Model model(random, sizeof(T) == sizeof(float));
  const std::size_t dof = model.x.size();
  const std::size_t present = dof - static_cast<std::size_t>(std::ranges::count(model.masked, true));
  const std::size_t most = std::min(present, model.kept.size() - (model.is_centered() ? 1 : 0));
  const std::size_t rank = random.between(1, most);
  auto snapshots = xt::xarray<T>::from_shape({dof, model.samples});
  for (std::size_t i = 0; i < dof; ++i)
    for (std::size_t j = 0; j < model.samples; ++j) snapshots(i, j) = static_cast<T>(model.x[i][j]);
  fieldfold::BasicSVD<T> svd({.fields = model.fields}, {.field_opts = model.options, .rule = {.rank = rank}});
  svd.compute_map(snapshots);
  BOOST_TEST(svd.num_samples() == model.kept.size());

  Matrix gram(model.kept.size(), std::vector<double>(model.kept.size(), 0.0));
  double squares = 0.0;
  for (std::size_t a = 0; a < gram.size(); ++a)
    for (std::size_t b = 0; b < gram.size(); ++b) {
      const std::size_t j = model.kept[a];
      const std::size_t k = model.kept[b];
      for (std::size_t i = 0; i < dof; ++i) gram[a][b] += model.weight[i] * model.y(i, j) * model.y(i, k);
      gram[a][b] *= std::sqrt(model.sample_weight(j) * model.sample_weight(k));
      if (a == b) squares += gram[a][a];
    }
  const auto values = eigenvalues(gram);
  // Eigenvalues are accurate to a few hundred units of the largest, for these sizes. In single precision numbers are
  // rounded after they have been shifted, whose share of their size is bounded by that of means and spreads.
  const double rounding = 1000.0 * unit;
  const double largest = std::sqrt(values[0]);
  double tail = squares;
  for (std::size_t mode = 0; mode < rank; ++mode) {
    const double s = std::sqrt(std::max(0.0, values[mode]));
    tail -= values[mode];
    BOOST_TEST(std::abs(static_cast<double>(svd.singular_values()(mode)) - s) <=
               rounding * largest * std::max(1.0, std::min(largest / s, 1e7)));
  }
  BOOST_TEST(std::abs(svd.energy() - (1.0 - tail / squares)) < 10.0 * rounding);

  const auto& u = svd.projection_matrix();
  for (std::size_t a = 0; a < rank; ++a)
    for (std::size_t b = 0; b < rank; ++b) {
      double product = 0.0;
      for (std::size_t i = 0; i < dof; ++i)
        product += model.weight[i] * static_cast<double>(u(i, a)) * static_cast<double>(u(i, b));
      BOOST_TEST(std::abs(product - (a == b ? 1.0 : 0.0)) < rounding);
    }

  double residuals = 0.0;
  for (std::size_t place = 0; place < model.kept.size(); ++place) {
    const std::size_t j = model.kept[place];
    xt::xarray<T> state = xt::view(snapshots, xt::all(), j);
    const auto latent = svd.compress(state);
    std::vector<double> expected(rank, 0.0);
    double norm = 0.0;
    for (std::size_t i = 0; i < dof; ++i) {
      norm += model.weight[i] * model.y(i, j) * model.y(i, j);
      for (std::size_t mode = 0; mode < rank; ++mode)
        expected[mode] += static_cast<double>(u(i, mode)) * model.weight[i] * model.y(i, j);
    }
    for (std::size_t mode = 0; mode < rank; ++mode)
      BOOST_TEST(std::abs(static_cast<double>(latent(mode)) - expected[mode]) <= rounding * std::sqrt(norm));
    double error = 0.0;
    for (std::size_t i = 0; i < dof; ++i) {
      double rest = model.y(i, j);
      for (std::size_t mode = 0; mode < rank; ++mode) rest -= static_cast<double>(u(i, mode)) * expected[mode];
      error += model.weight[i] * rest * rest;
    }
    residuals += model.sample_weight(j) * error;
    BOOST_TEST(std::abs(svd.errors().snapshots(place) - (norm > 0.0 ? std::sqrt(error / norm) : 0.0)) <
               10.0 * std::sqrt(unit) * 1e-2 + rounding);
    // Back in the units of the fields.
    const auto again = svd.reconstruct(latent);
    for (std::size_t i = 0; i < dof; ++i) {
      if (model.masked[i]) {
        BOOST_TEST(std::isnan(static_cast<double>(again(i))));
        continue;
      }
      double back = 0.0;
      for (std::size_t mode = 0; mode < rank; ++mode) back += static_cast<double>(u(i, mode)) * expected[mode];
      const double number = back / model.factor[i] + model.shift[i];
      BOOST_TEST(std::abs(static_cast<double>(again(i)) - number) <=
                 rounding * (std::abs(number) + std::abs(model.shift[i]) +
                             std::sqrt(norm) / model.factor[i] / std::sqrt(model.weight[i])));
    }
  }
  // The error of all snapshots is the tail of the spectrum.
  BOOST_TEST(std::abs(residuals - tail) <= 10.0 * rounding * squares);
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_cases_equal_a_plain_dense_model) {
  // PROPERTY_SEED and PROPERTY_CASES replace these.
  const auto number = [](const char* name, std::uint64_t value) {
    const char* const text = std::getenv(name);
    return text == nullptr ? value : std::strtoull(text, nullptr, 10);
  };
  const std::uint64_t seed = number("PROPERTY_SEED", 1);
  const std::uint64_t cases = number("PROPERTY_CASES", 1000);
  for (std::uint64_t i = 0; i < cases; ++i) BOOST_TEST_CONTEXT("PROPERTY_SEED=" << seed + i << " PROPERTY_CASES=1") {
      Random random(seed + i);
      if (i % 4 == 3)
        check<float>(random, 6e-8);
      else
        check<double>(random, 1.2e-16);
    }
}
