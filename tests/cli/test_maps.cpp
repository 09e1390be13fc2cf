#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/temporary_folder.hpp"

import fieldfold;

#include "support/program.hpp"

#include "cli/one_line.hpp"

namespace {

/// Some of the samples of a field.
xt::xarray<double> part(const xt::xarray<double>& field, std::size_t first, std::size_t count) {
  return xt::view(field, xt::range(first, first + count), xt::all());
}

nlohmann::json json_of(const Outcome& outcome) {
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.error);
  return nlohmann::json::parse(outcome.output);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(parts_of_the_snapshots_give_the_map_of_all, Program) {
  save("first.npy", part(ux, 0, 5));
  save("second.npy", part(ux, 5, 3));
  succeed("fit --field ux=ux.npy --center --rank 4 -o all.fold");
  succeed("fit --field ux=first.npy --center --rank 4 -o first.fold");
  succeed("fit --field ux=second.npy --center --rank 2 -o second.fold");
  succeed("append first.fold --field ux=second.npy --rank 4 -o appended.fold");
  succeed("merge first.fold second.fold --rank 4 -o merged.fold");
  for (const char* map : {"appended.fold", "merged.fold"}) {
    const auto angles = json_of(run(std::string("compare --json all.fold ") + map))["angles_in_degrees"];
    BOOST_TEST_REQUIRE(angles.size() == 4);
    for (const double angle : angles) BOOST_TEST(std::abs(angle) < 1e-5);
    BOOST_TEST(info(map)["num_samples"] == 8);
  }
  succeed("truncate all.fold --rank 2 -o small.fold");
  BOOST_TEST(info("small.fold")["rank"] == 2);
  expect_line(run("truncate all.fold --rank 5 -o x.fold"), 1, {"--rank: expected at most that of the map, 4, got 5"});
  expect_line(run("append all.fold --field uy=uy.npy -o x.fold"), 1,
              {"--field: expected the fields of the map, ux, in this order, got uy"});
  expect_line(run("merge all.fold small.fold --rank 9 -o x.fold"), 1, {"--rank: expected at most "});
  BOOST_TEST(!has("x.fold"));
}

BOOST_FIXTURE_TEST_CASE(check_lists_the_worst_snapshots_first, Program) {
  succeed("fit --field ux=ux.npy --rank 2 -o map.fold");
  xt::xarray<double> strange = ux;
  for (std::size_t p = 0; p < 25; ++p) strange(3, p) = p % 2 == 0 ? 1.0 : -1.0;
  strange(6, 4) = std::numeric_limits<double>::quiet_NaN();
  save("strange.npy", strange);
  const auto facts = [&] {
    const Outcome outcome = run("check map.fold --field ux=strange.npy --worst 8 --json -o errors.npy");
    BOOST_TEST(outcome.error.find("1 of 8 snapshots have missing numbers") != std::string::npos);
    return json_of(outcome);
  }();
  BOOST_TEST(facts["worst"][0]["snapshot"] == 3);
  BOOST_TEST(facts["worst"][7]["snapshot"] == 6);
  BOOST_TEST(facts["worst"][7]["error"].is_null());
  // The errors of the other snapshots are those of learning.
  const auto errors = load("errors.npy");
  const auto learned = info("map.fold")["snapshot_errors"];
  for (std::size_t j = 0; j < 8; ++j)
    if (j != 3 && j != 6) BOOST_TEST(std::abs(errors(j, 0) - learned[j].get<double>()) < 1e-9);
  succeed("check map.fold --field ux=ux.npy --tolerance 1");
  expect_line(run("check map.fold --field ux=ux.npy --tolerance 1e-9 --quiet"), 1,
              {"--tolerance: expected errors of at most 1e-09, got "});
}

BOOST_FIXTURE_TEST_CASE(folds_measure_errors_of_snapshots_that_were_not_learned, Program) {
  // Each fold leaves out every fourth snapshot.
  const auto facts = json_of(run("fit --field ux=ux.npy --rank 2 --folds 4 --json -o map.fold"))["folds"];
  double sum = 0.0;
  for (std::size_t fold = 0; fold < 4; ++fold) {
    fieldfold::SVD svd({.fields = {"ux"}}, {});
    auto training = xt::xarray<double>::from_shape({std::size_t{6}, std::size_t{25}});
    auto held_out = xt::xarray<double>::from_shape({std::size_t{2}, std::size_t{25}});
    for (std::size_t j = 0, learned = 0; j < 8; ++j)
      for (std::size_t p = 0; p < 25; ++p) {
        if (j % 4 == fold)
          held_out(j / 4, p) = ux(j, p);
        else
          training(learned, p) = ux(j, p);
        if (p == 24 && j % 4 != fold) ++learned;
      }
    svd.compute_map(fieldfold::Fields{{"ux", training}}, {.rank = 2});
    double squares = 0.0;
    for (const double distance : svd.assess(held_out).relative_distance) squares += distance * distance;
    BOOST_TEST(std::abs(facts["folds"][fold]["error"].get<double>() - std::sqrt(squares / 2.0)) < 1e-9);
    sum += std::sqrt(squares / 2.0);
  }
  BOOST_TEST(std::abs(facts["mean_error"].get<double>() - sum / 4.0) < 1e-9);
  expect_line(run("fit --field ux=ux.npy --folds 9 -o x.fold"), 1,
              {"--folds: expected 2 to the number of snapshots, 8"});
}

BOOST_FIXTURE_TEST_CASE(no_command_writes_to_what_it_reads, Program) {
  succeed(fit_both + "--rank 2 -o map.fold");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy");
  const std::string before = text("latent.npy") + text("ux.npy") + text("map.fold");
  for (const char* arguments :
       {"compress map.fold --field ux=ux.npy --field uy=uy.npy -o ux.npy",
        "reconstruct map.fold latent.npy --states latent.npy", "truncate map.fold --rank 1 -o map.fold",
        "convert ux.npy ./ux.npy", "compress map.fold --field ux=ux.npy --field uy=uy.npy -o d.npy --distances d.npy"})
    BOOST_TEST(run(arguments).error.find("expected another file to write: the command ") != std::string::npos,
               arguments);
  BOOST_TEST((text("latent.npy") + text("ux.npy") + text("map.fold")) == before);
  expect_line(run(fit_both + "-o map.npz"), 1, {"--output: expected a file for a map, such as map.fold, got map.npz"});
}

BOOST_FIXTURE_TEST_CASE(every_command_says_what_it_did_unless_quiet, Program) {
  const std::vector<std::string> commands{fit_both + "--rank 2 -o map.fold",
                                          "compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy",
                                          "reconstruct map.fold latent.npy -o again.csv",
                                          "interpolate again_0003.csv --to xy.npy -o other",
                                          "convert again_0003.csv one.csv",
                                          "export map.fold -o modes",
                                          "check map.fold --field ux=ux.npy --field uy=uy.npy",
                                          "truncate map.fold --rank 1 -o small.fold",
                                          "compare map.fold small.fold",
                                          "sensors map.fold"};
  for (const std::string& command : commands) {
    const Outcome outcome = run(command + " --threads 1");
    BOOST_TEST(outcome.code == 0, command << ": " << outcome.error);
    BOOST_TEST(!outcome.output.empty(), command);
    BOOST_TEST(run(command + " --quiet").output.empty(), command);
    const auto facts = json_of(run(command + " --json"));
    BOOST_TEST(facts["command"] == command.substr(0, command.find(' ')));
    BOOST_TEST(facts["seconds"].get<double>() >= 0.0);
  }
}

BOOST_FIXTURE_TEST_CASE(options_are_read_from_a_file, Program) {
  std::ofstream(folder.path / "run.toml") << "rank = 3\nfield = [\"ux=ux.npy\", \"uy=uy.npy\"]\nsingle = true\n"
                                             "[fit]\ncenter = true\ncoords = \"xy.npy\"\n[compress]\nwhiten = true\n";
  succeed("fit --config run.toml -o map.fold");
  const auto facts = info("map.fold");
  BOOST_TEST(facts["rank"] == 3);
  BOOST_TEST(facts["centered"] == true);
  BOOST_TEST(facts["precision"] == "single");
  BOOST_TEST(facts["dim"] == 2);
  // What is given takes precedence, and what is for other commands is left to them.
  succeed("fit --config=run.toml --rank 2 -o map.fold");
  BOOST_TEST(info("map.fold")["rank"] == 2);
  succeed("compress map.fold --config run.toml -o white.npy");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy --whiten -o given.npy");
  BOOST_TEST(text("white.npy") == text("given.npy"));
  std::ofstream(folder.path / "bad.toml") << "rnak = 3\n";
  expect_line(run(fit_both + "--config bad.toml -o x.fold"), 1,
              {"bad.toml: --rnak is not an option of fit; the nearest is --rank"});
  expect_line(run(fit_both + "--config missing.toml -o x.fold"), 1, {"--config missing.toml: cannot be read"});
}

BOOST_FIXTURE_TEST_CASE(the_manual_and_the_completion_have_every_option_of_the_help, Program) {
  const std::string bash = run("completion bash").output;
  const std::string zsh = run("completion zsh").output;
  std::ofstream(folder.path / "bash") << bash;
  BOOST_TEST(std::system(("bash -n '" + (folder.path / "bash").string() + "'").c_str()) == 0);
  for (const char* command : {"fit", "compress", "check", "merge", "export"}) {
    const std::string help = run(std::string(command) + " --help").output;
    const std::string page = run(std::string("manual ") + command).output;
    BOOST_TEST(page.find(".SH EXIT STATUS") != std::string::npos);
    BOOST_TEST(page.find(std::string("fieldfold ") + command) != std::string::npos);
    std::size_t count = 0;
    for (std::size_t at = help.find("  --"); at != std::string::npos; at = help.find("  --", at + 1)) {
      const std::string name = help.substr(at + 2, help.find_first_of(" ,\n[", at + 2) - at - 2);
      std::string in_page;
      for (const char c : name) in_page += c == '-' ? std::string("\\-") : std::string(1, c);
      BOOST_TEST(page.find(in_page) != std::string::npos, name);
      BOOST_TEST(bash.find(name) != std::string::npos, name);
      BOOST_TEST(zsh.find("'*" + name + "[") != std::string::npos, name);
      ++count;
    }
    BOOST_TEST(count >= 4);
  }
  BOOST_TEST(run("manual").output.find("fieldfold\\-truncate (1)") != std::string::npos);
  BOOST_TEST(run("manual fot").code == 2);
  BOOST_TEST(run("completion fish").code == 2);
}
