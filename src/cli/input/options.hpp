#pragma once

// Options of the library from those of the command line.

#include <optional>
#include <string>

#include "../commands.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

/// Loads an array; none if the address is empty.
std::optional<xt::xarray<double>> load_optional(const std::string& address);

/// A text as a number; none if it is not one.
std::optional<double> number_in(const std::string& text);

/// Interpolation options. Warns of those that have no effect on the method.
RBFOptions options_of(const InterpolationArguments& arguments);

/// The options of a grid with the given interpolation options in place of its own.
CompressionOptions with_overrides(CompressionOptions options, const InterpolationArguments& arguments);

/// Field options. \param grid  of the fields, for `--mass` and `--point-weights`
FieldOptions options_of(const FieldArguments& arguments, const Grid& grid);

}  // namespace fieldfold::cli
