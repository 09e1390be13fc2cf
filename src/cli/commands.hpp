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
  std::optional<std::size_t> cluster_size;
  std::optional<double> overlap;
  bool allow_lower_degree = false;
  std::vector<double> scales;
  std::vector<double> periods;
  double power = 2.0;
};

/// How fields are brought into one space, as it is typed.
struct FieldArguments {
  std::vector<std::string> normalize;      ///< `METHOD`, or `FIELD=METHOD`
  std::vector<std::string> field_weights;  ///< `FIELD=WEIGHT`
  bool center = false;
  bool standardize = false;
  std::filesystem::path point_weights;
  std::filesystem::path sample_weights;
  std::string mass;  ///< `lumped`, `consistent`, or a file of triplets `(entries, 3)`
  std::filesystem::path cells;
  std::string mask = "none";
  std::string gappy = "drop";
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
  FieldArguments space;
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
  std::string gappy;             ///< what to do with states with holes; empty: as the map says
  bool whiten = false;
  std::filesystem::path distances;  ///< where to put relative distances to the space; empty: nowhere
  std::filesystem::path output;
};
void compress(const CompressArguments& arguments);

struct ReconstructArguments {
  std::filesystem::path map;
  std::filesystem::path latent;
  bool is_white = false;  ///< as `compress` with `whiten` made them
  std::filesystem::path coords;
  std::filesystem::path output_folder;
  std::filesystem::path states;
};
void reconstruct(const ReconstructArguments& arguments);

struct SensorsArguments {
  std::filesystem::path map;
  std::optional<std::size_t> count;  ///< none: as many as coefficients
  std::filesystem::path output;      ///< for the numbers `(count,)`; empty: nowhere
};
void sensors(const SensorsArguments& arguments);

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
