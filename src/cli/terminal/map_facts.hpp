#pragma once

// What a map is, as facts.

#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

import fieldfold;

namespace fieldfold::cli {

/// A number, or null for one that JSON cannot represent.
nlohmann::ordered_json finite_or_null(double number);

/// Snapshots by falling error; those of unknown error last.
std::vector<std::size_t> worst_first(const xt::xarray<double>& errors);

/// The facts of a map, by the names of `info --json`. \param as_text  energies as text that is never rounded to 1
nlohmann::ordered_json facts_of(const MapOutline& outline, bool as_text);

}  // namespace fieldfold::cli
