#include <algorithm>
#include <charconv>
#include <cstddef>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "terminal/session.hpp"

// This imports fieldfold; g++ includes nothing after it.
#include "option_groups.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// Whole numbers from a least one on. CLI11 would convert -3 and 1e30 to others.
CLI::Validator whole_number(std::size_t least) {
  return {[least](const std::string& text) {
            std::size_t number = 0;
            const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
            const bool is_one = failure == std::errc{} && end == text.data() + text.size() && number >= least;
            return is_one ? std::string()
                          : "expected a whole number " + std::string(least == 0 ? "of 0 or more" : "above 0") +
                                ", got " + text;
          },
          ""};
}

/// Options of every command.
void add_session(CLI::App& command) {
  const std::string group = "Everywhere";
  command.add_flag("--quiet", session().is_quiet, "No line about what was done, and no progress")->group(group);
  command.add_flag("--json", session().is_json, "What was done as JSON")->group(group);
  command
      .add_option_function<std::size_t>(
          "--threads", [](std::size_t threads) { set_threads(threads); },
          "Number of threads; default: 0, as many as the machine has")
      ->check(whole_number(0))
      ->group(group);
  // Read before the others.
  static std::string configuration;
  command
      .add_option(
          "--config", configuration,
          "File of options (TOML), without their dashes and for all commands or in sections of their names; those "
          "that are given take precedence")
      ->group(group);
}

}  // namespace

CLI::Validator not_negative() { return whole_number(0); }

CLI::Validator positive() { return whole_number(1); }

CLI::Option* add_field_files(CLI::App& command, FieldFiles& fields) {
  auto& files = fields.files;
  auto* option = command
                     .add_option_function<std::vector<std::string>>(
                         "--field",
                         [&files](const std::vector<std::string>& pairs) {
                           for (const std::string& pair : pairs) {
                             const std::size_t split = pair.find('=');
                             if (split == 0 || split >= pair.size() - 1)
                               throw CLI::ValidationError("--field", "expected NAME=FILE, got " + pair);
                             const std::string name = pair.substr(0, split);
                             if (name.find('/') != std::string::npos)
                               throw CLI::ValidationError("--field", "expected a name without '/', got " + name);
                             if (std::ranges::find(files, name, &FieldFile::name) != files.end())
                               throw CLI::ValidationError("--field", name + " is given twice");
                             files.push_back({name, pair.substr(split + 1)});
                           }
                         },
                         "Field name and the file of its values, (*loop_shape, *grid_shape); repeatable")
                     ->type_name("NAME=FILE[:NAME]")
                     ->take_all()
                     ->allow_extra_args(false);
  command
      .add_option("--components", fields.components,
                  "Number of components on the last axis of vector fields: U becomes U_x, U_y, U_z; default: as the "
                  "file says, or none")
      ->type_name("[NAME=]COUNT")
      ->take_all()
      ->allow_extra_args(false);
  return option;
}

CLI::Option* add_data_files(CLI::App& command, FieldFiles& fields) {
  return command
      .add_option("files", fields.addresses,
                  "Files of fields, with all of their fields or FILE:NAME with one; 'PATTERN' is a series of files")
      ->type_name("FILE[:NAME]");
}

void add_interpolation(CLI::App& command, InterpolationArguments& arguments) {
  const std::string group = interpolation_group;
  command
      .add_option("--interpolate-method", arguments.interpolate_method,
                  "Interpolation method: rbf, nearest, inverse_distance, or linear (needs Qhull)")
      ->capture_default_str()
      ->group(group);
  command.add_option("--kernel", arguments.kernel, "Radial basis function")->capture_default_str()->group(group);
  command
      .add_option("--epsilon", arguments.epsilon,
                  "Shape parameter, in inverse units of the coordinates; default: 1 for scale-invariant kernels, none "
                  "for others")
      ->group(group);
  command
      .add_option("--degree", arguments.degree,
                  "Degree of the polynomial, -1 for none; default: minimum of the kernel, at least 0")
      ->group(group);
  command
      .add_option("--smoothing", arguments.smoothing,
                  "Smoothing parameter: a number, or a file (num_pts,); 0 interpolates")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--neighbors", arguments.neighbors, "Number of nearest points for each query; default: all points")
      ->check(not_negative())
      ->group(group);
  command.add_option("--rbf-method", arguments.rbf_method, "RBF method: direct, or partition_of_unity for many points")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--cluster-size", arguments.cluster_size, "Points per cluster of a partition of unity; default: 135")
      ->check(not_negative())
      ->group(group);
  command
      .add_option("--overlap", arguments.overlap,
                  "Overlap of clusters on each side, relative to their width, 0.01 to 1; default: 0.35 in 1-D and 2-D, "
                  "else 0.22")
      ->group(group);
  command
      .add_flag("--allow-lower-degree", arguments.allow_lower_degree,
                "Lower degree where points do not determine the polynomial, instead of an error")
      ->group(group);
  command
      .add_flag("--merge-duplicates", arguments.merge_duplicates,
                "Points that coincide count as one, with the mean of their values")
      ->group(group);
  command.add_option("--scales", arguments.scales, "Factors of the coordinates, one per axis; default: 1")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--periods", arguments.periods,
                  "Periods of the axes in their units, 0 for a nonperiodic axis; default: 0")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--power", arguments.power, "Power of the distance in inverse_distance")
      ->capture_default_str()
      ->group(group);
}

std::set<std::string> given_interpolation(const CLI::App& command) {
  std::set<std::string> names;
  for (const CLI::Option* option : command.get_options())
    if (option->get_group() == interpolation_group && option->count() > 0) names.insert(option->get_lnames().front());
  return names;
}

void add_space(CLI::App& command, FieldArguments& arguments) {
  const std::string group = "Fields";
  command
      .add_option("--normalize", arguments.normalize,
                  "Normalization of all fields or of one: none, zscore, minmax, log10[:OFFSET] or linear:SLOPE,OFFSET; "
                  "default: none")
      ->type_name("[FIELD=]METHOD")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--center", arguments.center, "Subtraction of the mean snapshot, which reconstruct adds again")
      ->group(group);
  command
      .add_flag("--standardize", arguments.standardize,
                "Division of each number by its standard deviation over the snapshots; implies --center")
      ->group(group);
  command
      .add_option("--point-weights", arguments.point_weights,
                  "File of point weights such as cell volumes, (num_pts,), or latlon for the cell areas of a "
                  "latitude-longitude grid; default: 1")
      ->group(group);
  command.add_option("--field-weight", arguments.field_weights, "Weight of a field; default: 1")
      ->type_name("FIELD=WEIGHT")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--sample-weights", arguments.sample_weights, "File of snapshot weights, (num_samples,); default: 1")
      ->group(group);
  auto* cells = command
                    .add_option("--cells", arguments.cells,
                                "File of triangles or tetrahedra for --mass, as point indices (cells, corners)")
                    ->group(group);
  auto* mass =
      command
          .add_option(
              "--mass", arguments.mass,
              "Mass matrix: lumped or consistent, of the cells in the file of the fields or of --cells, or a file of "
              "triplets (row, column, value), (entries, 3)")
          ->group(group);
  cells->needs(mass);
  command
      .add_option("--mask", arguments.mask,
                  "Mask: none, or auto to exclude numbers that are missing in all snapshots; auto:SHARE also excludes "
                  "those present in a smaller share")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--missing-value", arguments.missing_values,
                  "Number that stands for a missing value, such as -9999; repeatable")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--gappy", arguments.gappy, "Policy for snapshots with missing numbers: drop or fill")
      ->capture_default_str()
      ->group(group);
}

void add_rank_rule(CLI::App& command, RankRule& rule) {
  command.add_option("--rank", rule.rank, "Number of modes")->check(not_negative());
  command.add_option("--energy-tol", rule.energy_tol,
                     "Smallest share of the energy, in (0, 1]; default: 0.95, without another rule for the rank");
  command.add_option("--reconstruction-tol", rule.reconstruction_tol,
                     "Largest relative Frobenius error on the snapshots");
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description,
                      const std::string& example) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer("Example:\n  " + example);
  add_session(*command);
  return command;
}

void add_view(CLI::App& command, ViewArguments& view) {
  command
      .add_option("--slice", view.slice,
                  "Axis and place of the slice of a volume, such as z=0.5; default: the middle of its shortest axis")
      ->type_name("AXIS=VALUE");
  command
      .add_option(
          "--from", view.from,
          "Direction from which a surface in space is seen, X,Y,Z; default: 1,-2,1, from the front, right and above")
      ->delimiter(',')
      ->allow_extra_args(false);
}

}  // namespace fieldfold::cli
