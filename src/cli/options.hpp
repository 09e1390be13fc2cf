#pragma once

// Options of the library from what is typed.

#include <filesystem>
#include <optional>

#include "commands.hpp"

import fieldfold;

namespace fieldfold::cli {

/// An array from its file, if one is named.
std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path);

/// The options of interpolation.
RBFOptions options_of(const InterpolationArguments& arguments);

/// The options of the field space. \param coords  of the points, for `--mass`
FieldOptions options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords);

}  // namespace fieldfold::cli
