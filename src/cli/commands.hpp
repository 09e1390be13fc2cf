#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What the commands of the program do, given their options. Each throws what the library throws.
namespace fieldfold::cli {

/// A field and the file of its values, `(*loop_shape, num_pts)`.
struct FieldFile {
  std::string name;
  std::filesystem::path path;
};

/// How to interpolate, as it is typed.
struct InterpolationArguments {
  std::string interpolate_method = "rbf";
  std::string kernel = "thin_plate_spline";
  std::optional<double> epsilon;
  std::optional<int> degree;
  std::string smoothing = "0";  ///< a number, or a file of one a point
  std::optional<std::size_t> neighbors;
  std::string rbf_method = "direct";
  std::size_t cluster_size = 130;
  std::optional<double> overlap;
  bool allow_lower_degree = false;
  std::vector<double> scales;
  std::vector<double> periods;
  double power = 2.0;
};

struct FitArguments {
  std::vector<FieldFile> field_files;
  std::filesystem::path data;       ///< `(dof, num_samples)`; instead of field files
  std::vector<std::string> fields;  ///< their names, with `data`
  std::filesystem::path coords;
  std::optional<std::size_t> rank;
  std::optional<double> energy_tol;
  std::optional<double> reconstruction_tol;
  std::optional<double> sample_tol;
  std::optional<double> noise;
  bool optimal_threshold = false;
  std::size_t validate_every = 0;
  std::size_t threads = 0;
  bool single_precision = false;
  bool keep_training_latents = false;
  InterpolationArguments interpolation;
  std::filesystem::path output;
};
/// Interrupted by a signal, it leaves no file, and ends as the signal asks.
void fit(const FitArguments& arguments);

struct InfoArguments {
  std::filesystem::path map;
  bool json = false;
};
void info(const InfoArguments& arguments);

struct CompressArguments {
  std::filesystem::path map;
  std::vector<FieldFile> field_files;
  std::filesystem::path coords;
  std::filesystem::path states;  ///< `(*loop_shape, dof)`; instead of field files
  std::filesystem::path output;
};
void compress(const CompressArguments& arguments);

struct ReconstructArguments {
  std::filesystem::path map;
  std::filesystem::path latent;
  std::filesystem::path coords;
  std::filesystem::path output_folder;
  std::filesystem::path states;
};
void reconstruct(const ReconstructArguments& arguments);

struct InterpolateArguments {
  std::vector<FieldFile> field_files;
  std::filesystem::path from;
  std::filesystem::path to;
  InterpolationArguments interpolation;
  std::filesystem::path operator_file;       ///< instead of coordinates and options
  std::filesystem::path save_operator_file;  ///< where to keep the operator
  bool choose_by_leave_one_out = false;      ///< epsilon, for these fields; the curve goes to standard output
  std::size_t threads = 0;
  std::filesystem::path output_folder;
};
void interpolate(const InterpolateArguments& arguments);

}  // namespace fieldfold::cli
