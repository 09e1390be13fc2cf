#include "lattice_boltzmann.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

constexpr std::array<int, 9> direction_x{0, 1, 0, -1, 0, 1, -1, -1, 1};
constexpr std::array<int, 9> direction_y{0, 0, 1, 0, -1, 1, 1, -1, -1};
constexpr std::array<std::size_t, 9> opposite{0, 3, 4, 1, 2, 7, 8, 5, 6};
constexpr std::array<double, 9> weight{4.0 / 9,  1.0 / 9,  1.0 / 9,  1.0 / 9, 1.0 / 9,
                                       1.0 / 36, 1.0 / 36, 1.0 / 36, 1.0 / 36};

std::array<double, 9> equilibrium(double density, double ux, double uy) {
  std::array<double, 9> values{};
  const double square = 1.5 * (ux * ux + uy * uy);
  for (std::size_t q = 0; q < 9; ++q) {
    const double along = 3.0 * (direction_x[q] * ux + direction_y[q] * uy);
    values[q] = weight[q] * density * (1.0 + along + 0.5 * along * along - square);
  }
  return values;
}

}  // namespace

LatticeBoltzmann::LatticeBoltzmann(const Settings& settings, Rows rows)
    : speed_(settings.inlet_speed),
      relaxation_(1.0 / (3.0 * settings.inlet_speed * settings.diameter / settings.reynolds + 0.5)) {
  constexpr std::size_t solid = std::numeric_limits<std::size_t>::max();
  const double center_x = static_cast<double>(settings.length) / 5.0;
  const double center_y = static_cast<double>(settings.width) / 2.0;
  std::vector<std::size_t> place_at(settings.length * settings.width, solid);
  const auto add_row = [&](std::size_t y) {
    std::vector<std::size_t> row;
    for (std::size_t x = 0; x < settings.length; ++x) {
      if (std::hypot(static_cast<double>(x) - center_x, static_cast<double>(y) - center_y) <= settings.diameter / 2.0)
        continue;
      row.push_back(places_);
      place_at[y * settings.length + x] = places_++;
    }
    return row;
  };
  for (std::size_t y = rows.first; y < rows.end; ++y) {
    const std::vector<std::size_t> row = add_row(y);
    if (y == rows.first) first_row_ = row;
    last_row_ = row;
    for (std::size_t x = 0; x < settings.length; ++x)
      if (place_at[y * settings.length + x] != solid) nodes_.push_back({x, y});
    inlet_.push_back(row.front());
  }
  if (rows.end - rows.first < settings.width) {
    row_before_ = add_row((rows.first + settings.width - 1) % settings.width);
    row_after_ = add_row(rows.end % settings.width);
  }

  const std::size_t count = nodes_.size();
  sources_.resize(directions * count);
  populations_.resize(directions * places_);
  ux_.resize(count);
  uy_.resize(count);
  for (std::size_t node = 0; node < count; ++node) {
    const auto [x, y] = nodes_[node];
    // A lateral perturbation behind the cylinder, without which the wake stays symmetric for long.
    const double push = 0.2 * speed_ *
                        std::exp(-0.01 * (std::pow(static_cast<double>(x) - center_x - 2.0 * settings.diameter, 2) +
                                          std::pow(static_cast<double>(y) - center_y, 2)));
    const auto start = equilibrium(1.0, speed_, push);
    for (std::size_t q = 0; q < directions; ++q) {
      populations_[q * places_ + node] = start[q];
      const auto from_x = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(x) - direction_x[q], 0,
                                                     static_cast<std::ptrdiff_t>(settings.length) - 1);
      const std::size_t from_y =
          (y + settings.width - static_cast<std::size_t>(direction_y[q] + 1) + 1) % settings.width;
      const std::size_t from = place_at[from_y * settings.length + static_cast<std::size_t>(from_x)];
      sources_[q * count + node] = from == solid ? opposite[q] * places_ + node : q * places_ + from;
    }
  }
  next_ = populations_;
}

std::vector<double> LatticeBoltzmann::populations_of(const std::vector<std::size_t>& places) const {
  std::vector<double> values;
  for (const std::size_t place : places)
    for (std::size_t q = 0; q < directions; ++q) values.push_back(populations_[q * places_ + place]);
  return values;
}

void LatticeBoltzmann::set_neighbors(const std::vector<double>& before, const std::vector<double>& after) {
  const auto set = [&](const std::vector<std::size_t>& places, const std::vector<double>& values) {
    for (std::size_t k = 0; k < places.size(); ++k)
      for (std::size_t q = 0; q < directions; ++q) populations_[q * places_ + places[k]] = values[directions * k + q];
  };
  set(row_before_, before);
  set(row_after_, after);
}

void LatticeBoltzmann::step() {
  const std::size_t count = nodes_.size();
  for (std::size_t node = 0; node < count; ++node) {
    std::array<double, 9> f{};
    double density = 0.0;
    double momentum_x = 0.0;
    double momentum_y = 0.0;
    for (std::size_t q = 0; q < directions; ++q) {
      f[q] = populations_[sources_[q * count + node]];
      density += f[q];
      momentum_x += direction_x[q] * f[q];
      momentum_y += direction_y[q] * f[q];
    }
    ux_[node] = momentum_x / density;
    uy_[node] = momentum_y / density;
    const auto target = equilibrium(density, ux_[node], uy_[node]);
    for (std::size_t q = 0; q < directions; ++q) next_[q * places_ + node] = f[q] + relaxation_ * (target[q] - f[q]);
  }
  const auto inflow = equilibrium(1.0, speed_, 0.0);
  for (const std::size_t node : inlet_) {
    ux_[node] = speed_;
    uy_[node] = 0.0;
    for (std::size_t q = 0; q < directions; ++q) next_[q * places_ + node] = inflow[q];
  }
  populations_.swap(next_);
}
