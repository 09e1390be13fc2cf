#pragma once

// Options of the library from those of the command line.

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// Loads an array; none if the path is empty.
std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path);

/// Interpolation options.
RBFOptions options_of(const InterpolationArguments& arguments);

/// The options of a grid with some interpolation options replaced. \param overrides  their names in the program
CompressionOptions with_overrides(CompressionOptions options, const InterpolationArguments& arguments,
                                  const std::set<std::string>& overrides);

/// Field options. \param coords  of the points, for `--mass`
FieldOptions options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords);

}  // namespace fieldfold::cli
