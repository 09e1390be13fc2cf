// Writes fields to a table, and reads them back, by the formats of the library.
#include <fieldfold/xtensor.hpp>
#include <memory>
#include <string>

import fieldfold;
import fieldfold.formats;

int main() {
  const xt::xarray<double> pressure{1.5, -2.0, 1e-300};
  fieldfold::FieldSet set{.fields = {{"p", pressure, "Pa"}}};
  set.grid.coords = xt::xarray<double>{{0.0, 1.0}, {2.0, 3.0}, {4.0, 5.0}};
  fieldfold::write_fields("table.csv", set);
  const auto dataset = fieldfold::open_dataset(fieldfold::address_of("table.csv"));
  const std::shared_ptr<const fieldfold::StoredArray> array = dataset->array("p");
  const xt::xarray<double> read = fieldfold::load_array(*array);
  const auto grid = dataset->grid("p");
  return read == pressure && grid.coords && *grid.coords == *set.grid.coords ? 0 : 1;
}
