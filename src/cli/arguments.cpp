#include "arguments.hpp"

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "terminal/manual.hpp"
#include "terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "commands.hpp"
#include "option_groups.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

void add_fit(CLI::App& app, FitArguments& arguments) {
  CLI::App* command =
      add_command(app, "fit", "Learn a map from snapshots",
                  "fieldfold fit --field ux=ux.npy --field uy=uy.npy --coords xy.npy --energy-tol 0.999 -o map.fold");
  auto* files = add_data_files(*command, arguments.field_files);
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* data = command->add_option("--data", arguments.data, "File of the snapshot matrix, (dof, num_samples)");
  command
      ->add_option("--fields", arguments.fields,
                   "Field names of the snapshot matrix, by default field; or of the fields to take from files, by "
                   "default all")
      ->delimiter(',')
      ->allow_extra_args(false);
  auto* coords =
      command->add_option("--coords", arguments.coords,
                          "File of grid points, (num_pts, dim) or (*grid_shape, dim); default: as the files of the "
                          "fields say, or none");
  command
      ->add_option(
          "--grid-axes", arguments.grid_axes,
          "Number of axes of the grid in field files, after those of the samples; default: as in the coords, or 1")
      ->check(CLI::Range(1, 16))
      ->excludes(data)
      ->excludes(coords);
  add_rank_rule(*command, arguments.rule);
  command->add_option("--sample-tol", arguments.rule.sample_tol, "Largest relative error on each snapshot");
  command->add_option("--noise", arguments.rule.noise,
                      "Standard deviation of white noise in the snapshots, for the optimal hard threshold");
  command->add_flag("--optimal-threshold", arguments.rule.optimal_threshold,
                    "Optimal hard threshold for white noise of unknown standard deviation");
  command
      ->add_option("--validate", arguments.validate_every,
                   "Holdout stride k, at least 2: every k-th snapshot is used for validation only; default: 0, none")
      ->check(not_negative());
  command
      ->add_option("--folds", arguments.folds,
                   "Number k of folds for cross-validation: k maps are learned, each without every k-th snapshot, on "
                   "which its error is measured; default: 0, none")
      ->check(not_negative());
  command->add_flag("--single", arguments.single_precision, "Single precision for learning and storage");
  command->add_flag("--keep-training-latents", arguments.keep_training_latents,
                    "Latent coefficients of the snapshots, stored in the map");
  command->add_option("-o,--output", arguments.output, "Map file to write")->required();
  add_space(*command, arguments.space);
  add_interpolation(*command, arguments.interpolation);
  data->excludes(fields);
  data->excludes(files);
  command->callback([command, &arguments] {
    arguments.interpolation.given = given_interpolation(*command);
    if (arguments.data.empty() && arguments.field_files.empty())
      throw CLI::RequiredError("a file of fields, --field or --data");
    if (!arguments.fields.empty() && arguments.data.empty() && arguments.field_files.addresses.empty())
      throw CLI::RequiredError("--data or a file of fields for --fields");
    fit(arguments);
  });
}

void add_info(CLI::App& app, InfoArguments& arguments) {
  CLI::App* command = add_command(app, "info", "Show the properties of a map", "fieldfold info map.fold --json");
  command->add_option("map", arguments.map, "Map file")->required();
  command->add_flag("--verify", arguments.verify,
                    "Also verify the checksum and all numbers, which reads the whole file");
  command->callback([&arguments] { info(arguments); });
}

void add_compress(CLI::App& app, CompressArguments& arguments) {
  CLI::App* command =
      add_command(app, "compress", "Compress fields to latent coefficients",
                  "fieldfold compress map.fold --field ux=ux.npy --field uy=uy.npy --coords other.npy -o latent.npy");
  command->add_option("map", arguments.map, "Map file")->required();
  auto* files = add_data_files(*command, arguments.field_files);
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* coords = command->add_option("--coords", arguments.coords,
                                     "File of the points of the fields, (*coord_shape, dim); default: as the files of "
                                     "the fields say, or those of the map");
  auto* states =
      command->add_option("--states", arguments.states, "File of states on the grid of the map, (*loop_shape, dof)");
  command->add_option("--gappy", arguments.gappy,
                      "Policy for states with missing numbers: nan, fill or error; default: that of the map");
  command->add_option("--distances", arguments.distances,
                      "File of relative distances of the states from the span of the modes to write, (*loop_shape)");
  command->add_flag("--whiten", arguments.whiten, "Whitening: mean 0 and covariance I over the training snapshots");
  command->add_option("-o,--output", arguments.output, "File of latent coefficients to write, (*loop_shape, rank)")
      ->required();
  add_interpolation(*command, arguments.interpolation);
  states->excludes(fields);
  states->excludes(files);
  states->excludes(coords);
  command->callback([command, &arguments] {
    arguments.interpolation.given = given_interpolation(*command);
    if (arguments.states.empty() && arguments.field_files.empty())
      throw CLI::RequiredError("a file of fields, --field or --states");
    compress(arguments);
  });
}

void add_reconstruct(CLI::App& app, ReconstructArguments& arguments) {
  CLI::App* command = add_command(app, "reconstruct", "Reconstruct fields or states from latent coefficients",
                                  "fieldfold reconstruct map.fold latent.npy --coords other.npy -o fields");
  command->add_option("map", arguments.map, "Map file")->required();
  command->add_option("latent", arguments.latent, "File of latent coefficients, (*loop_shape, rank)")->required();
  command->add_flag("--whitened", arguments.is_white, "Whitened coefficients, from compress --whiten");
  auto* folder =
      command->add_option("-o,--output", arguments.output,
                          "File of fields to write, in the format of its ending, or folder for one .npy file "
                          "per field");
  command
      ->add_option("--coords", arguments.coords,
                   "File of points to reconstruct at, (*coord_shape, dim); default: those of the map")
      ->needs(folder);
  command->add_option("--states", arguments.states,
                      "File of states on the grid of the map to write, (*loop_shape, dof)");
  add_interpolation(*command, arguments.interpolation);
  command->callback([command, &arguments] {
    arguments.interpolation.given = given_interpolation(*command);
    if (arguments.states.empty() && arguments.output.empty()) throw CLI::RequiredError("--output or --states");
    reconstruct(arguments);
  });
}

void add_sensors(CLI::App& app, SensorsArguments& arguments) {
  CLI::App* command = add_command(app, "sensors", "Choose sensor locations", "fieldfold sensors map.fold --count 12");
  command->add_option("map", arguments.map, "Map file")->required();
  command
      ->add_option("--count", arguments.count,
                   "Number of sensors; default: the rank, the fewest that determine all coefficients")
      ->check(not_negative());
  command->add_option("-o,--output", arguments.output,
                      "File of sensor indices point * num_qoi + field to write, (count,)");
  command->callback([&arguments] { sensors(arguments); });
}

void add_interpolate(CLI::App& app, InterpolateArguments& arguments) {
  CLI::App* command =
      add_command(app, "interpolate", "Interpolate fields from one set of points to another",
                  "fieldfold interpolate --field T=t.npy --coords from.npy --to to.npy --neighbors 32 -o fields");
  auto* files = add_data_files(*command, arguments.field_files);
  auto* fields = add_field_files(*command, arguments.field_files);
  auto* from = command->add_option("--coords", arguments.from,
                                   "File of the points of the fields, (*grid_shape, dim); default: as the files of the "
                                   "fields say");
  auto* to = command->add_option("--to", arguments.to, "File of points to interpolate to, (*coord_shape, dim)");
  auto* kept = command->add_option("--operator", arguments.operator_file,
                                   "File of a saved operator, instead of points and options");
  auto* save = command->add_option("--save-operator", arguments.save_operator_file,
                                   "File of the operator to write, for use with other fields");
  auto* output =
      command->add_option("-o,--output", arguments.output,
                          "File of fields to write, in the format of its ending, or folder for one .npy file "
                          "per field");
  auto* choose = command->add_flag("--leave-one-out", arguments.choose_by_leave_one_out,
                                   "Choice of epsilon by leave-one-out errors of the fields, which are printed");
  kept->excludes(from)->excludes(to)->excludes(save)->excludes(choose);
  fields->needs(output);
  files->needs(output);
  add_interpolation(*command, arguments.interpolation);
  // A saved operator includes the interpolation options.
  for (CLI::Option* option : command->get_options())
    if (option->get_group() == interpolation_group) kept->excludes(option);
  command->callback([=, &arguments] {
    const bool has_any = !arguments.field_files.empty();
    if (kept->count() == 0 && (to->count() == 0 || (from->count() == 0 && !has_any)))
      throw CLI::RequiredError("--coords and --to, or --operator");
    arguments.interpolation.given = given_interpolation(*command);
    if (!has_any && (choose->count() > 0 || output->count() > 0))
      throw CLI::RequiredError("a file of fields or --field");
    if (!has_any && save->count() == 0) throw CLI::RequiredError("a file of fields, --field or --save-operator");
    interpolate(arguments);
  });
}

void add_convert(CLI::App& app, ConvertArguments& arguments) {
  CLI::App* command =
      add_command(app, "convert", "Convert files of fields to another format", "fieldfold convert 'run_*.vtu' run.h5");
  command->add_option("source", arguments.source, "File of fields, FILE:NAME, or 'PATTERN' of a series")
      ->type_name("FILE[:NAME]")
      ->required();
  command->add_option("target", arguments.output, "File to write, in the format of its ending")
      ->type_name("FILE[:NAME]")
      ->required();
  command->add_option("--fields", arguments.fields, "Names of the fields to convert; default: all")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->callback([&arguments] { convert(arguments); });
}

void add_export(CLI::App& app, ExportArguments& arguments) {
  CLI::App* command = add_command(app, "export", "Write the mean, the modes and the errors of a map, to look at",
                                  "fieldfold export map.fold 'run_*.vtu' -o modes.vtu");
  command->add_option("map", arguments.map, "Map file")->required();
  add_data_files(*command, arguments.field_files);
  add_field_files(*command, arguments.field_files);
  command->add_option("--modes", arguments.modes, "Number of modes to write; default: all")->check(not_negative());
  command->add_option("--spectrum", arguments.spectrum, "File of the singular values to write");
  command->add_option("--coefficients", arguments.coefficients,
                      "File of the training coefficients to write, (num_samples, rank); needs fit "
                      "--keep-training-latents");
  command->add_option(
      "-o,--output", arguments.output,
      "File of fields to write, in the format of its ending, or folder for .npy files: mean, modes and, "
      "with files of fields, the root mean square of the errors at each point");
  command->callback([&arguments] {
    if (arguments.output.empty() && arguments.spectrum.empty() && arguments.coefficients.empty())
      throw CLI::RequiredError("--output, --spectrum or --coefficients");
    export_map(arguments);
  });
}

void add_completion(CLI::App& app, std::string& shell) {
  CLI::App* command = add_command(app, "completion", "Print the completion of commands and options for a shell",
                                  "fieldfold completion bash > ~/.local/share/bash-completion/completions/fieldfold");
  command->add_option("shell", shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([&app, &shell] { std::cout << completion(app, shell); });
}

void add_manual(CLI::App& app, std::string& name) {
  CLI::App* command =
      add_command(app, "manual", "Print a page of the manual for man", "fieldfold manual fit | man -l -");
  command->add_option("command", name, "Command; default: the program");
  command->callback([&app, &name] { std::cout << manual_page(app, name); });
}

void add_formats(CLI::App& app, FormatsArguments& arguments) {
  CLI::App* command = add_command(app, "formats", "List the file formats of this build", "fieldfold formats --json");
  command->callback([&arguments] { formats(arguments); });
}

void add_truncate(CLI::App& app, TruncateArguments& arguments) {
  CLI::App* command =
      add_command(app, "truncate", "Keep fewer modes of a map", "fieldfold truncate map.fold --rank 4 -o small.fold");
  command->add_option("map", arguments.map, "Map file")->required();
  add_rank_rule(*command, arguments.rule);
  command->add_option("-o,--output", arguments.output, "Map file to write")->required();
  command->callback([&arguments] {
    if (arguments.rule.is_empty()) throw CLI::RequiredError("--rank, --energy-tol or --reconstruction-tol");
    truncate(arguments);
  });
}

void add_append(CLI::App& app, AppendArguments& arguments) {
  CLI::App* command = add_command(app, "append", "Add snapshots to a map",
                                  "fieldfold append map.fold 'new_*.vtu' --energy-tol 0.999 -o longer.fold");
  command->add_option("map", arguments.map, "Map file")->required();
  add_data_files(*command, arguments.field_files);
  add_field_files(*command, arguments.field_files);
  add_rank_rule(*command, arguments.rule);
  command->add_option("-o,--output", arguments.output, "Map file to write")->required();
  command->callback([&arguments] {
    if (arguments.field_files.empty()) throw CLI::RequiredError("a file of fields or --field");
    append(arguments);
  });
}

void add_merge(CLI::App& app, MergeArguments& arguments) {
  CLI::App* command = add_command(app, "merge", "Merge maps of parts of the snapshots",
                                  "fieldfold merge first.fold second.fold third.fold --rank 8 -o all.fold");
  command->add_option("maps", arguments.maps, "Map files, two or more")->required()->expected(2, 1000000);
  add_rank_rule(*command, arguments.rule);
  command->add_option("-o,--output", arguments.output, "Map file to write")->required();
  command->callback([&arguments] { merge(arguments); });
}

void add_compare(CLI::App& app, CompareArguments& arguments) {
  CLI::App* command =
      add_command(app, "compare", "Angles between the modes of two maps", "fieldfold compare map.fold other.fold");
  command->add_option("first", arguments.first, "Map file")->required();
  command->add_option("second", arguments.second, "Map file")->required();
  command->callback([&arguments] { compare(arguments); });
}

void add_check(CLI::App& app, CheckArguments& arguments) {
  CLI::App* command = add_command(app, "check", "Errors of a map on data that it has not seen",
                                  "fieldfold check map.fold 'new_*.vtu' --worst 3");
  command->add_option("map", arguments.map, "Map file")->required();
  add_data_files(*command, arguments.field_files);
  add_field_files(*command, arguments.field_files);
  command->add_option("--worst", arguments.worst, "Number of snapshots to list, those of the largest errors first")
      ->capture_default_str()
      ->check(not_negative());
  command->add_option("--tolerance", arguments.tolerance,
                      "Largest relative error of a snapshot; a larger one is an error of the program, with status 1");
  command->add_option("-o,--output", arguments.output, "File of the errors to write, (num_samples, 1 + fields)");
  command->callback([&arguments] {
    if (arguments.field_files.empty()) throw CLI::RequiredError("a file of fields or --field");
    check(arguments);
  });
}

void add_report(CLI::App& app, ReportArguments& arguments) {
  CLI::App* command = add_command(app, "report", "Write a page that shows a map, for a browser",
                                  "fieldfold report map.fold 'run_*.vtu' -o report.html");
  command->add_option("map", arguments.map, "Map file")->required();
  add_data_files(*command, arguments.field_files);
  add_field_files(*command, arguments.field_files);
  command->add_option("--modes", arguments.modes, "Number of modes in pictures; default: at most 20")
      ->check(positive());
  command
      ->add_option("--snapshots", arguments.snapshots,
                   "Number of snapshots in pictures, those of the largest errors among them; default: as many as fit "
                   "into a page of some ten megabytes")
      ->check(positive());
  add_view(*command, arguments.view);
  command->add_option("-o,--output", arguments.output, "File of the page to write, such as report.html")->required();
  command->callback([&arguments] {
    if (arguments.snapshots && arguments.field_files.empty())
      throw CLI::RequiredError("a file of fields or --field, for --snapshots,");
    report(arguments);
  });
}

void add_plot(CLI::App& app, PlotArguments& arguments) {
  CLI::App* command = add_command(app, "plot", "Plot the spectrum or the modes of a map, for a paper (needs gnuplot)",
                                  "fieldfold plot map.fold --of modes --modes 4 -o modes.svg");
  command->add_option("map", arguments.map, "Map file")->required();
  command
      ->add_option("--of", arguments.kind,
                   "What to plot: spectrum (singular values), energy or error (of each rank), or modes (on the grid)")
      ->capture_default_str()
      ->check(CLI::IsMember({"spectrum", "energy", "error", "modes"}));
  command->add_option("--field", arguments.field, "Field of the modes; default: the first one");
  command->add_option("--modes", arguments.modes, "Number of modes")->capture_default_str()->check(positive());
  add_view(*command, arguments.view);
  command->add_option("-o,--output", arguments.output, "File to write, .svg or .png")->required();
  command->callback([command, &arguments] {
    for (const char* option : {"--field", "--modes", "--slice", "--from"})
      if (arguments.kind != "modes" && command->count(option) > 0)
        throw CLI::RequiredError(std::string("--of modes, for ") + option + ",");
    plot(arguments);
  });
}

}  // namespace

struct Commands::Arguments {
  FitArguments fit;
  InfoArguments info;
  CompressArguments compress;
  ReconstructArguments reconstruct;
  SensorsArguments sensors;
  InterpolateArguments interpolate;
  ConvertArguments convert;
  ExportArguments export_map;
  CheckArguments check;
  TruncateArguments truncate;
  AppendArguments append;
  MergeArguments merge;
  CompareArguments compare;
  ReportArguments report;
  PlotArguments plot;
  FormatsArguments formats;
  std::string shell;  ///< of `completion`
  std::string page;   ///< of `manual`
};

Commands::Commands(CLI::App& app) : arguments_(std::make_unique<Arguments>()) {
  add_fit(app, arguments_->fit);
  add_info(app, arguments_->info);
  add_compress(app, arguments_->compress);
  add_reconstruct(app, arguments_->reconstruct);
  add_sensors(app, arguments_->sensors);
  add_interpolate(app, arguments_->interpolate);
  add_convert(app, arguments_->convert);
  add_export(app, arguments_->export_map);
  add_check(app, arguments_->check);
  add_truncate(app, arguments_->truncate);
  add_append(app, arguments_->append);
  add_merge(app, arguments_->merge);
  add_compare(app, arguments_->compare);
  add_report(app, arguments_->report);
  add_plot(app, arguments_->plot);
  add_formats(app, arguments_->formats);
  add_completion(app, arguments_->shell);
  add_manual(app, arguments_->page);
}

Commands::~Commands() = default;

}  // namespace fieldfold::cli
