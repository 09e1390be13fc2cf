#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "view.hpp"

import fieldfold;
import fieldfold.base.io;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

constexpr auto blue = "#0072b2";

/// A text of gnuplot, in which nothing has a meaning.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) result += letter == '\'' ? "''" : std::string(1, letter == '\n' ? ' ' : letter);
  return result + "'";
}

/// Runs gnuplot. \param script  its commands
void run_gnuplot(const std::string& script) {
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0)
    throw InvalidArgument("plot: expected gnuplot, got none on the PATH; Debian has it in gnuplot-nox");
  // A program that ends before it has read all is an error, and no signal.
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  FILE* const pipe = popen("gnuplot -d > /dev/null 2>&1", "w");
  const bool is_written = pipe != nullptr && std::fwrite(script.data(), 1, script.size(), pipe) == script.size();
  const int status = pipe != nullptr ? pclose(pipe) : -1;
  std::signal(SIGPIPE, before);
  if (!is_written || status != 0) throw FileError(message("gnuplot failed with status ", WEXITSTATUS(status)));
}

/// The commands that begin a plot in the format of a file. \param size  in points
std::string opening(const std::filesystem::path& path, const std::filesystem::path& temporary, std::size_t width,
                    std::size_t height) {
  const bool is_svg = path.extension() == ".svg";
  // Twice as many pixels for print.
  const std::size_t scale = is_svg ? 1 : 2;
  std::ostringstream script;
  script << "set terminal "
         << (is_svg ? "svg enhanced font 'Helvetica,14'" : "pngcairo enhanced fontscale 2 linewidth 2 pointscale 2")
         << " size " << scale * width << "," << scale * height << "\nset output " << quoted(temporary.string()) << "\n";
  script << "set tics nomirror out\nset border 3\nset key off\n";
  return script.str();
}

/// A plot of numbers over modes or ranks, from 1 on. \param chosen  the rank of the map
std::string curve(const std::vector<double>& values, const std::string& horizontal, const std::string& vertical,
                  bool is_logarithmic, std::size_t chosen) {
  std::ostringstream script;
  script.precision(17);
  script << "$values << END\n";
  for (std::size_t k = 0; k < values.size(); ++k)
    if (!is_logarithmic || values[k] > 0.0) script << k + 1 << ' ' << values[k] << '\n';
  script << "END\n";
  if (is_logarithmic) script << "set logscale y\nset format y '10^{%L}'\n";
  script << "set grid lc rgb '#d5dae0'\nset xlabel " << quoted(horizontal) << "\nset ylabel " << quoted(vertical)
         << "\nset xrange [0.5:" << values.size() << ".5]\n"
         << "set arrow from first " << chosen << ", graph 0 to first " << chosen
         << ", graph 1 nohead dashtype 2 lc rgb '#d55e00'\n"
         << "set label 'rank " << chosen << "' at first " << chosen << ", graph 1.03 center tc rgb '#d55e00'\n"
         << "plot $values with linespoints pt 7 ps " << (values.size() > 60 ? 0.3 : 0.7) << " lw 1.5 lc rgb '" << blue
         << "'\n";
  return script.str();
}

/// A round step for the ticks of an axis. \param most  number of steps
double tick_step(const ViewAxis& axis, double most) {
  const double least = (axis.upper - axis.lower) / most;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least) return factor * power;
  return 10.0 * power;
}

/// A picture of a mode.
std::string panel(const View& view, const std::vector<double>& values, const std::string& title) {
  std::ostringstream script;
  script.precision(15);
  script << "$values << END\n";
  for (std::size_t row = 0; row < view.height(); ++row) {
    for (std::size_t column = 0; column < view.width(); ++column) {
      if (view.is_line()) script << view.positions()[column] << ' ';
      const double value = values[row * view.width() + column];
      if (std::isfinite(value))
        script << value;
      else
        script << "NaN";
      script << (view.is_line() ? '\n' : ' ');
    }
    script << '\n';
  }
  script << "END\nset title " << quoted(title) << " noenhanced\nset xlabel " << quoted(view.horizontal().name)
         << " noenhanced\n";
  if (view.is_line()) {
    script << "set ylabel 'entry of the mode'\nset grid lc rgb '#d5dae0'\nplot $values with lines lw 1.5 lc rgb '"
           << blue << "'\n";
    return script.str();
  }
  const auto step = [](const ViewAxis& axis, std::size_t count) {
    return (axis.upper - axis.lower) / static_cast<double>(count);
  };
  const double dx = step(view.horizontal(), view.width());
  const double dy = step(view.vertical(), view.height());
  const double largest = symmetric_range_of(values).upper;
  script << "set ylabel " << quoted(view.vertical().name) << " noenhanced\n";
  script << "set xtics " << tick_step(view.horizontal(), 6) << "\nset ytics " << tick_step(view.vertical(), 4) << "\n";
  if (largest > 0.0)
    script << "set cbrange [" << -largest << ":" << largest << "]\nset cbtics (" << -largest << ", 0, " << largest
           << ")\nset format cb '%.2g'\n";
  script << (view.horizontal().name.empty() ? "unset xtics\nunset ytics\n" : "") << "set xrange ["
         << view.horizontal().lower << ":" << view.horizontal().upper << "]\nset yrange [" << view.vertical().lower
         << ":" << view.vertical().upper << "]\nset size ratio "
         << static_cast<double>(view.height()) / static_cast<double>(view.width()) << "\n"
         << "plot $values matrix using (" << view.horizontal().lower + dx / 2 << "+$1*" << dx << "):("
         << view.vertical().lower + dy / 2 << "+$2*" << dy << "):3 with image\n";
  return script.str();
}

/// The commands of a plot of modes, side by side.
template <class T>
std::string panels(const BasicSVD<T>& svd, const View& view, const std::string& field, std::size_t modes) {
  const std::size_t columns = std::min<std::size_t>(2, modes);
  std::ostringstream script;
  script << "set palette defined (0 '#053061', 0.25 '#4393c3', 0.5 '#f7f7f7', 0.75 '#d6604d', 1 '#67001f')\n"
         << "set tmargin 2\nset bmargin 3.5\nset lmargin 12\nset rmargin 10\n"
         << "set multiplot layout " << (modes + columns - 1) / columns << "," << columns << "\n";
  for (std::size_t mode = 0; mode < modes; ++mode)
    script << panel(view, view.of(svd.split_fields(mode_of(svd, mode)).at(field)),
                    message("mode ", mode + 1, " of ", field));
  script << "unset multiplot\n";
  return script.str();
}

/// A plot of modes, and its size.
template <class T>
std::string plot_of_modes(const BasicSVD<T>& svd, const PlotArguments& arguments, std::size_t& width,
                          std::size_t& height) {
  const std::string field = arguments.field.empty() ? svd.fields().front() : arguments.field;
  if (std::ranges::find(svd.fields(), field) == svd.fields().end())
    throw InvalidArgument(unknown_name("--field: " + field, "a field of the map", svd.fields()));
  const View view(grid_of(svd), svd.grid_shape(), arguments.view);
  const std::size_t modes = std::min(arguments.modes, svd.rank());
  const double aspect = view.is_line() ? 0.6 : static_cast<double>(view.height()) / static_cast<double>(view.width());
  width = 480 * std::min<std::size_t>(2, modes);
  height = static_cast<std::size_t>(std::clamp(290.0 * aspect, 80.0, 480.0) + 95.0) * ((modes + 1) / 2);
  return panels(svd, view, field, modes);
}

/// A plot of numbers of each mode or rank.
template <class T>
std::string plot_of_ranks(const BasicSVD<T>& svd, const std::string& kind) {
  constexpr std::size_t most = 2000;
  std::vector<double> values;
  if (kind == "spectrum") {
    values.assign(svd.singular_values().begin(), svd.singular_values().end());
    values.resize(std::min(values.size(), most));
    return curve(values, "mode", "singular value", true, svd.rank());
  }
  const auto tails = tail_shares(svd.singular_values(), svd.map().unresolved_squares);
  for (std::size_t k = 1; k < std::min(tails.size(), most + 1); ++k)
    values.push_back(kind == "energy" ? 1.0 - tails[k] : std::sqrt(tails[k]));
  if (kind == "energy") return curve(values, "rank", "energy of the leading modes", false, svd.rank());
  if (std::ranges::all_of(values, [](double error) { return error == 0.0; }))
    throw InvalidArgument("--of error: expected a map with errors, got one that is exact for each rank");
  return curve(values, "rank", "relative error of all snapshots", true, svd.rank());
}

/// Whether a file of gnuplot has its end: gnuplot does not tell of a disk that is full.
bool is_complete(const std::filesystem::path& path, std::string_view end) {
  std::ifstream in = open_for_reading(path);
  const std::string content(std::istreambuf_iterator<char>(in), {});
  return content.size() > end.size() && content.find(end, content.size() - end.size() - 16) != content.npos;
}

template <class T>
void write_plot(const BasicSVD<T>& svd, const PlotArguments& arguments) {
  std::size_t width = 640;
  std::size_t height = 420;
  const std::string script =
      arguments.kind == "modes" ? plot_of_modes(svd, arguments, width, height) : plot_of_ranks(svd, arguments.kind);
  note_output(arguments.output);
  const NotedSignals noted;
  write_file_at(arguments.output, [&](const std::filesystem::path& temporary) {
    run_gnuplot(opening(arguments.output, temporary, width, height) + script);
    if (!is_complete(temporary, arguments.output.extension() == ".svg" ? "</svg>" : "IEND"))
      throw FileError("gnuplot could not write all of it");
  });
  conclude({{"output", arguments.output.string()}, {"of", arguments.kind}},
           message(arguments.output.string(), ": ", arguments.kind));
}

}  // namespace

void plot(const PlotArguments& arguments) {
  if (arguments.output.string().find('\n') != std::string::npos)
    throw InvalidArgument("--output: expected a name on one line for gnuplot");
  if (arguments.output.extension() != ".svg" && arguments.output.extension() != ".png")
    throw InvalidArgument(
        message("--output: expected a file that ends in .svg or .png, got ", arguments.output.string()));
  with_svd(arguments.map, [&](const auto& svd) { write_plot(svd, arguments); });
}

}  // namespace fieldfold::cli
