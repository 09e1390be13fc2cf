#pragma once

// Runs of the program. Include after the imports of fieldfold.base.arrays and fieldfold.base.npy, and after the headers
// that `test_program` includes.

struct Outcome {
  int code;
  std::string output;
  std::string error;
};

/// Runs the program in a folder of its own, with the files of a grid and two fields on it.
struct Program {
  TemporaryFolder folder;
  xt::xarray<double> coords = xt::xarray<double>::from_shape({25, 2});
  xt::xarray<double> ux = xt::xarray<double>::from_shape({8, 25});
  xt::xarray<double> uy = xt::xarray<double>::from_shape({8, 25});

  Program() {
    for (std::size_t p = 0; p < 25; ++p) {
      coords(p, 0) = static_cast<double>(p / 5) + 0.05 * static_cast<double>(p % 3);
      coords(p, 1) = static_cast<double>(p % 5);
      for (std::size_t s = 0; s < 8; ++s) {
        ux(s, p) = std::sin(0.3 * static_cast<double>(s + 1) * coords(p, 0)) + coords(p, 1);
        uy(s, p) = std::cos(0.2 * static_cast<double>(s) + coords(p, 1)) * coords(p, 0);
      }
    }
    save("xy.npy", coords);
    save("ux.npy", ux);
    save("uy.npy", uy);
  }

  void save(const std::string& name, const xt::xarray<double>& array) const {
    fieldfold::save_npy(folder.path / name, array);
  }
  xt::xarray<double> load(const std::string& name) const { return fieldfold::load_npy(folder.path / name); }
  bool has(const std::string& name) const { return std::filesystem::exists(folder.path / name); }

  std::string text(const std::string& name) const {
    std::ifstream in(folder.path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Outcome run(const std::string& arguments) const {
    const std::string command =
        "cd '" + folder.path.string() + "' && '" PROGRAM "' " + arguments + " > .out 2> .err < /dev/null";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), text(".out"), text(".err")};
  }

  void succeed(const std::string& arguments) const {
    const Outcome outcome = run(arguments);
    BOOST_TEST_REQUIRE(outcome.code == 0, arguments << ": " << outcome.error);
    BOOST_TEST(outcome.error.empty());
  }

  nlohmann::json info(const std::string& map) const {
    const Outcome outcome = run("info " + map + " --json");
    BOOST_TEST_REQUIRE(outcome.code == 0);
    return nlohmann::json::parse(outcome.output);
  }
};

inline const std::string fit_both = "fit --field ux=ux.npy --field uy=uy.npy --coords xy.npy ";
