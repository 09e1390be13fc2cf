#pragma once

// What a map is, as facts.

#include <nlohmann/json.hpp>

import fieldfold;

namespace fieldfold::cli {

/// The facts of a map, by the names of `info --json`. \param as_text  energies as text that is never rounded to 1
nlohmann::ordered_json facts_of(const MapOutline& outline, bool as_text);

}  // namespace fieldfold::cli
