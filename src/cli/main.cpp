#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace {

using namespace fieldfold::cli;

constexpr int failure = 1;
constexpr int wrong_usage = 2;
constexpr auto interpolation_group = "Interpolation";

/// CLI11 takes -3 for a large number.
CLI::Validator not_negative() {
  return {[](const std::string& text) {
            return text.starts_with('-') ? "expected a whole number of 0 or more, got " + text : std::string();
          },
          ""};
}

/// `--field NAME=FILE`, any number of times.
CLI::Option* add_field_files(CLI::App& command, std::vector<FieldFile>& files) {
  return command
      .add_option_function<std::vector<std::string>>(
          "--field",
          [&files](const std::vector<std::string>& pairs) {
            for (const std::string& pair : pairs) {
              const std::size_t split = pair.find('=');
              if (split == 0 || split >= pair.size() - 1)
                throw CLI::ValidationError("--field", "expected NAME=FILE.npy, got " + pair);
              const std::string name = pair.substr(0, split);
              if (name.find('/') != std::string::npos)
                throw CLI::ValidationError("--field", "a name of a field has no '/', got " + name);
              if (std::ranges::find(files, name, &FieldFile::name) != files.end())
                throw CLI::ValidationError("--field", name + " is given twice");
              files.push_back({name, pair.substr(split + 1)});
            }
          },
          "A field and its values, (*loop_shape, num_pts); once for each field")
      ->type_name("NAME=FILE")
      ->take_all()
      ->allow_extra_args(false);
}

void add_interpolation(CLI::App& command, InterpolationArguments& arguments) {
  const std::string group = interpolation_group;
  command
      .add_option("--interpolate-method", arguments.interpolate_method,
                  "rbf, nearest, inverse_distance, or linear if built with Qhull")
      ->capture_default_str()
      ->group(group);
  command.add_option("--kernel", arguments.kernel, "Radial basis function")->capture_default_str()->group(group);
  command.add_option("--epsilon", arguments.epsilon, "Factor of coordinates; needed by kernels with a scale")
      ->group(group);
  command.add_option("--degree", arguments.degree, "Degree of the polynomial; -1: none")->group(group);
  command.add_option("--smoothing", arguments.smoothing, "A number, or a file of one a point")
      ->capture_default_str()
      ->group(group);
  command.add_option("--neighbors", arguments.neighbors, "Use only the nearest points of each query")
      ->check(not_negative())
      ->group(group);
  command.add_option("--rbf-method", arguments.rbf_method, "direct, or partition_of_unity for many points")
      ->capture_default_str()
      ->group(group);
  command.add_option("--cluster-size", arguments.cluster_size, "Points in a cluster of a partition of unity")
      ->check(not_negative())
      ->group(group);
  command
      .add_option("--overlap", arguments.overlap, "By which share of its width a cluster is made wider on each side")
      ->group(group);
  command
      .add_flag("--allow-lower-degree", arguments.allow_lower_degree,
                "Lower the degree where points do not determine the polynomial")
      ->group(group);
  command.add_option("--scales", arguments.scales, "Factors of the coordinates, one an axis")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--periods", arguments.periods, "Periods of the axes, 0 for one that has none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--power", arguments.power, "Power of the distance, for inverse_distance")
      ->capture_default_str()
      ->group(group);
}

void add_space(CLI::App& command, FieldArguments& arguments) {
  const std::string group = "Fields as they are";
  command
      .add_option("--normalize", arguments.normalize,
                  "zscore, minmax, log10:OFFSET or linear:SLOPE,OFFSET; of one field as p=zscore")
      ->type_name("[FIELD=]METHOD")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--center", arguments.center, "Take the mean snapshot away, and put it back")->group(group);
  command.add_flag("--standardize", arguments.standardize, "Divide each number by its own deviation; centres too")
      ->group(group);
  command.add_option("--point-weights", arguments.point_weights, "What each point counts, (num_pts,)")->group(group);
  command.add_option("--field-weight", arguments.field_weights, "What a field counts")
      ->type_name("FIELD=WEIGHT")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--sample-weights", arguments.sample_weights, "What each snapshot counts, (num_samples,)")
      ->group(group);
  auto* cells =
      command.add_option("--cells", arguments.cells, "Triangles or tetrahedra of the points, (cells, corners)")
          ->group(group);
  auto* mass = command
                   .add_option("--mass", arguments.mass,
                               "lumped or consistent, of the cells; or a file of triplets (row, column, value)")
                   ->group(group);
  cells->needs(mass);
  command.add_option("--mask", arguments.mask, "auto: points that never have a value leave the map")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--gappy", arguments.gappy,
                  "Snapshots in which numbers are missing: drop or fill; of states compress is asked")
      ->capture_default_str()
      ->group(group);
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description,
                      const std::string& example) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer("Example:\n  " + example);
  return command;
}

void add_fit(CLI::App& app, FitArguments& arguments) {
  CLI::App* command =
      add_command(app, "fit", "Learn a map from snapshots",
                  "fieldfold fit --field ux=ux.npy --field uy=uy.npy --coords xy.npy --energy-tol 0.999 -o map.fold");
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* data = command->add_option("--data", arguments.data, "Snapshots as a matrix, (dof, num_samples)");
  command->add_option("--fields", arguments.fields, "Names of the fields in the matrix")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->needs(data);
  command->add_option("--coords", arguments.coords, "Points of the grid, (num_pts, dim)");
  command->add_option("--rank", arguments.rank, "Keep this many modes")->check(not_negative());
  command->add_option("--energy-tol", arguments.energy_tol, "Keep this share of the energy (0.95)");
  command->add_option("--reconstruction-tol", arguments.reconstruction_tol, "Keep the relative error below this");
  command->add_option("--sample-tol", arguments.sample_tol, "Keep the relative error of each snapshot below this");
  command->add_option("--noise", arguments.noise, "Optimal hard threshold for white noise of this deviation");
  command->add_flag("--optimal-threshold", arguments.optimal_threshold,
                    "The same for white noise of unknown deviation");
  command
      ->add_option("--validate", arguments.validate_every,
                   "Leave every k-th snapshot out of learning, and tell its error")
      ->check(not_negative());
  command->add_option("--threads", arguments.threads, "Threads to use (as many as the machine has)")
      ->check(not_negative());
  command->add_flag("--single", arguments.single_precision, "Learn and store in single precision");
  command->add_flag("--keep-training-latents", arguments.keep_training_latents,
                    "Store the coefficients of the snapshots");
  command->add_option("-o,--output", arguments.output, "The map")->required();
  add_space(*command, arguments.space);
  add_interpolation(*command, arguments.interpolation);
  data->excludes(fields);
  command->callback([&arguments] {
    if (arguments.data.empty() && arguments.field_files.empty()) throw CLI::RequiredError("--field or --data");
    fit(arguments);
  });
}

void add_info(CLI::App& app, InfoArguments& arguments) {
  CLI::App* command = add_command(app, "info", "Show what a map is", "fieldfold info map.fold --json");
  command->add_option("map", arguments.map, "The map")->required();
  command->add_flag("--json", arguments.json, "All of it, as JSON");
  command->callback([&arguments] { info(arguments); });
}

void add_compress(CLI::App& app, CompressArguments& arguments) {
  CLI::App* command =
      add_command(app, "compress", "Fold fields into latent coefficients",
                  "fieldfold compress map.fold --field ux=ux.npy --field uy=uy.npy --coords other.npy -o latent.npy");
  command->add_option("map", arguments.map, "The map")->required();
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* coords = command->add_option("--coords", arguments.coords, "Points of the fields, if not those of the map");
  auto* states = command->add_option("--states", arguments.states, "States on the grid of the map, (*loop_shape, dof)");
  command->add_option("--gappy", arguments.gappy, "States in which numbers are missing: nan, fill or error");
  command->add_option("--distances", arguments.distances,
                      "File for the distances of the states to what is unfolded, over their norms, (*loop_shape)");
  command->add_flag("--whiten", arguments.whiten,
                    "Coefficients of mean 0 and covariance 1 over the training snapshots");
  command->add_option("-o,--output", arguments.output, "Latent coefficients, (*loop_shape, rank)")->required();
  states->excludes(fields);
  states->excludes(coords);
  command->callback([&arguments] {
    if (arguments.states.empty() && arguments.field_files.empty()) throw CLI::RequiredError("--field or --states");
    compress(arguments);
  });
}

void add_reconstruct(CLI::App& app, ReconstructArguments& arguments) {
  CLI::App* command = add_command(app, "reconstruct", "Unfold latent coefficients",
                                  "fieldfold reconstruct map.fold latent.npy --coords other.npy -o fields");
  command->add_option("map", arguments.map, "The map")->required();
  command->add_option("latent", arguments.latent, "Latent coefficients, (*loop_shape, rank)")->required();
  command->add_flag("--whitened", arguments.is_white, "The coefficients are those of compress --whiten");
  auto* folder = command->add_option("-o,--output", arguments.output_folder, "Folder for one file a field");
  command->add_option("--coords", arguments.coords, "Points to unfold onto, if not those of the map")->needs(folder);
  command->add_option("--states", arguments.states, "File for the states on the grid of the map");
  command->callback([&arguments] {
    if (arguments.states.empty() && arguments.output_folder.empty()) throw CLI::RequiredError("--output or --states");
    reconstruct(arguments);
  });
}

void add_sensors(CLI::App& app, SensorsArguments& arguments) {
  CLI::App* command = add_command(app, "sensors", "Show where to measure, so that little tells the coefficients",
                                  "fieldfold sensors map.fold --count 12");
  command->add_option("map", arguments.map, "The map")->required();
  command->add_option("--count", arguments.count, "How many numbers; at least as many as coefficients (the default)")
      ->check(not_negative());
  command->add_option("-o,--output", arguments.output, "File for these numbers of a state, point * num_qoi + field");
  command->callback([&arguments] { sensors(arguments); });
}

void add_interpolate(CLI::App& app, InterpolateArguments& arguments) {
  CLI::App* command =
      add_command(app, "interpolate", "Interpolate fields from one set of points to another",
                  "fieldfold interpolate --field T=t.npy --coords from.npy --to to.npy --neighbors 32 -o fields");
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* from = command->add_option("--coords", arguments.from, "Points of the fields, (num_pts, dim)");
  auto* to = command->add_option("--to", arguments.to, "Points to interpolate to, (*coord_shape, dim)");
  auto* kept = command->add_option("--operator", arguments.operator_file, "An operator that was saved, for its points");
  auto* save = command->add_option("--save-operator", arguments.save_operator_file,
                                   "Keep the operator between the points, for any number of fields");
  auto* output = command->add_option("-o,--output", arguments.output_folder, "Folder for one file a field");
  command->add_option("--threads", arguments.threads, "Threads to use (as many as the machine has)")
      ->check(not_negative());
  auto* choose = command
                     ->add_flag("--leave-one-out", arguments.choose_by_leave_one_out,
                                "Choose epsilon by the errors of leaving points of the fields out, and show these")
                     ->needs(fields);
  kept->excludes(from)->excludes(to)->excludes(save)->excludes(choose);
  fields->needs(output);
  output->needs(fields);
  add_interpolation(*command, arguments.interpolation);
  // An operator has been made with options already.
  for (CLI::Option* option : command->get_options())
    if (option->get_group() == interpolation_group) kept->excludes(option);
  command->callback([=, &arguments] {
    if (kept->count() == 0 && (from->count() == 0 || to->count() == 0))
      throw CLI::RequiredError("--coords and --to, or --operator");
    if (fields->count() == 0 && save->count() == 0) throw CLI::RequiredError("--field or --save-operator");
    interpolate(arguments);
  });
}

int report(std::string what) {
  std::ranges::replace(what, '\n', ' ');
  std::cerr << "fieldfold: error: " + what + "\n";
  return failure;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app{"Folds field quantities into a few latent coefficients, and unfolds them again."};
  app.set_version_flag("--version", "fieldfold " FIELDFOLD_VERSION);
  app.require_subcommand(1);
  FitArguments fit_arguments;
  InfoArguments info_arguments;
  CompressArguments compress_arguments;
  ReconstructArguments reconstruct_arguments;
  SensorsArguments sensors_arguments;
  InterpolateArguments interpolate_arguments;
  add_fit(app, fit_arguments);
  add_info(app, info_arguments);
  add_compress(app, compress_arguments);
  add_reconstruct(app, reconstruct_arguments);
  add_sensors(app, sensors_arguments);
  add_interpolate(app, interpolate_arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : wrong_usage;
  }
  if (!std::cout.flush()) return report("standard output cannot be written");
  return 0;
} catch (const std::bad_alloc&) {
  return report("out of memory");
} catch (const std::exception& error) {
  return report(error.what());
}
