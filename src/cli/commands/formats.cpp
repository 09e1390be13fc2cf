#include <algorithm>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

void formats(const FormatsArguments&) {
  auto list = nlohmann::ordered_json::array();
  for (const Format& format : fieldfold::formats())
    list.push_back({{"name", format.name},
                    {"endings", format.endings},
                    {"reads", format.is_built && format.reads},
                    {"writes", format.is_built && format.writes},
                    {"library", format.library},
                    {"feature", format.feature},
                    {"package", format.package}});
  if (session().is_json) return print(list);
  std::cout << std::left << std::setw(16) << "format" << std::setw(32) << "endings" << std::setw(14) << "this build"
            << "by\n";
  for (const Format& format : fieldfold::formats()) {
    std::string endings;
    for (const std::string_view ending : format.endings) endings += (endings.empty() ? "" : " ") + std::string(ending);
    const std::string ability = !format.is_built                ? "no"
                                : format.reads && format.writes ? "reads, writes"
                                : format.reads                  ? "reads"
                                                                : "writes";
    std::cout << std::setw(16) << format.name << std::setw(32) << (endings.empty() ? "a folder" : endings)
              << std::setw(14) << ability << (format.library.empty() ? "fieldfold" : format.library);
    if (!format.is_built)
      std::cout << ": build with -D" << format.feature << "=enabled, which needs " << format.package;
    std::cout << '\n';
  }
}

}  // namespace fieldfold::cli
