#pragma once

// Options of the library from those of the command line.

#include <filesystem>
#include <optional>
#include <string>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// Loads an array; none if the path is empty.
std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path);

/// A text as a number; none if it is not one.
std::optional<double> number_in(const std::string& text);

/// Interpolation options. Warns of those that have no effect on the method.
RBFOptions options_of(const InterpolationArguments& arguments);

/// The options of a grid with the given interpolation options in place of its own.
CompressionOptions with_overrides(CompressionOptions options, const InterpolationArguments& arguments);

/// Field options. \param coords  of the points, for `--mass`
FieldOptions options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords);

}  // namespace fieldfold::cli
