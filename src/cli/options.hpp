#pragma once

// Options of the library from those of the command line.

#include <filesystem>
#include <optional>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// Loads an array; none if the path is empty.
std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path);

/// Interpolation options.
RBFOptions options_of(const InterpolationArguments& arguments);

/// Field options. \param coords  of the points, for `--mass`
FieldOptions options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords);

}  // namespace fieldfold::cli
