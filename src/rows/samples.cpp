module fieldfold.rows.samples;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

/// The most numbers that a rank sends at a time.
constexpr std::size_t most_numbers = std::size_t{1} << 24;

/// The samples of one rank.
struct Samples {
  std::size_t before;  ///< samples of lower ranks
  std::size_t count;
};

template <class T>
xt::xarray<T> exchanged(const Communicator& communicator, MatrixView<const T> states, std::size_t num_qoi) {
  const std::size_t ranks = communicator.size();
  const std::size_t num_pts = states.cols / num_qoi;
  const std::array own{static_cast<double>(states.rows)};
  std::vector<Samples> samples;
  std::size_t total = 0;
  for (const double count : communicator.gather(own)) {
    samples.push_back({total, static_cast<std::size_t>(count)});
    total += samples.back().count;
  }
  const Share mine = equal_share(communicator, num_pts);
  auto result = xt::xarray<T>::from_shape({mine.count * num_qoi, total});
  const std::size_t step = std::max<std::size_t>(1, most_numbers / std::max<std::size_t>(1, states.cols));
  const std::size_t most = std::ranges::max(samples, {}, &Samples::count).count;
  for (std::size_t first = 0; first < most; first += step) {
    const auto part_of = [&](const Samples& all) {
      return first < all.count ? std::min(step, all.count - first) : std::size_t{0};
    };
    std::vector<Message> sent;
    std::vector<Message> received;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const Share theirs = equal_share(communicator, num_pts, rank);
      Message message{rank, {}};
      for (std::size_t j = first; j < first + part_of(samples[communicator.rank()]); ++j) {
        const auto numbers = states.row(j).subspan(theirs.first * num_qoi, theirs.count * num_qoi);
        message.numbers.insert(message.numbers.end(), numbers.begin(), numbers.end());
      }
      sent.push_back(std::move(message));
      received.push_back({rank, std::vector<double>(part_of(samples[rank]) * result.shape(0))});
    }
    communicator.exchange(sent, received);
    for (const Message& message : received) {
      const Samples& theirs = samples[message.rank];
      for (std::size_t j = 0; j < part_of(theirs); ++j)
        for (std::size_t i = 0; i < result.shape(0); ++i)
          result(i, theirs.before + first + j) = static_cast<T>(message.numbers[j * result.shape(0) + i]);
    }
  }
  return result;
}

}  // namespace

template <class T>
xt::xarray<T> distributed_by_points(const Communicator& communicator, const ArrayRef<T>& states, std::size_t num_qoi) {
  xt::xarray<T> result;
  communicator.together([&] {
    if (states.dimension() == 0) throw InvalidArgument("states: expected the shape (*loop_shape, dof), got ()");
    const std::size_t dof = states.shape().back();
    if (const auto [least, most] = range_of(communicator, static_cast<double>(dof)); least != most)
      throw InvalidArgument(message("states: expected the same length on all ranks, got ", least, " to ", most));
    if (num_qoi == 0 || dof % num_qoi != 0)
      throw InvalidArgument(message("states: expected a length that is a multiple of ", num_qoi, " fields, got ", dof));
    result = exchanged(communicator, split_loop(states, {dof}, "states").matrix, num_qoi);
  });
  return result;
}

template xt::xarray<double> distributed_by_points(const Communicator&, const ArrayRef<double>&, std::size_t);
template xt::xarray<float> distributed_by_points(const Communicator&, const ArrayRef<float>&, std::size_t);

}  // namespace fieldfold
