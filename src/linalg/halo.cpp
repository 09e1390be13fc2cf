module fieldfold.linalg.halo;

import fieldfold.base.communicator;

namespace fieldfold {

std::vector<std::size_t> ranks_of(const RowPartition& partition, const std::vector<std::uint64_t>& numbers) {
  const std::array own{static_cast<double>(partition.number(0))};
  const std::vector<double> first = partition.communicator()->gather(own);
  std::vector<std::size_t> ranks;
  ranks.reserve(numbers.size());
  // The last rank that begins at or before a row has it: ranks without rows begin where the next one does.
  for (const std::uint64_t number : numbers)
    ranks.push_back(
        static_cast<std::size_t>(std::ranges::upper_bound(first, static_cast<double>(number)) - first.begin()) - 1);
  return ranks;
}

Halo::Halo(const RowPartition& points, const std::vector<std::uint64_t>& needed)
    : communicator_(points.communicator()), size_(needed.size()) {
  const std::vector<std::size_t> owners = ranks_of(points, needed);
  std::vector<Message> wanted;
  for (std::size_t k = 0; k < needed.size(); ++k) {
    if (wanted.empty() || wanted.back().rank != owners[k]) wanted.push_back({owners[k]});
    wanted.back().numbers.push_back(static_cast<double>(needed[k]));
  }
  for (const Message& message : wanted) from_.emplace_back(message.rank, message.numbers.size());
  for (const Message& message : deliver(*communicator_, wanted)) {
    Neighbor neighbor{message.rank, {}};
    neighbor.points.reserve(message.numbers.size());
    for (const double number : message.numbers)
      neighbor.points.push_back(static_cast<std::size_t>(number) - points.number(0));
    to_.push_back(std::move(neighbor));
  }
}

std::vector<double> Halo::values(std::size_t width,
                                 const std::function<void(std::size_t point, std::span<double> values)>& copy) const {
  std::vector<Message> sent;
  sent.reserve(to_.size());
  for (const Neighbor& neighbor : to_) {
    sent.push_back({neighbor.rank, std::vector<double>(neighbor.points.size() * width)});
    for (std::size_t k = 0; k < neighbor.points.size(); ++k)
      copy(neighbor.points[k], std::span(sent.back().numbers).subspan(k * width, width));
  }
  std::vector<Message> received;
  received.reserve(from_.size());
  for (const auto& [rank, count] : from_) received.push_back({rank, std::vector<double>(count * width)});
  communicator_->exchange(sent, received);
  std::vector<double> all;
  all.reserve(size_ * width);
  for (const Message& message : received) all.insert(all.end(), message.numbers.begin(), message.numbers.end());
  return all;
}

void Halo::return_values(std::size_t width, std::span<const double> values,
                         const std::function<void(std::size_t point, std::span<const double> values)>& add) const {
  std::vector<Message> sent;
  sent.reserve(from_.size());
  std::size_t first = 0;
  for (const auto& [rank, count] : from_) {
    const auto part = values.subspan(first * width, count * width);
    sent.push_back({rank, {part.begin(), part.end()}});
    first += count;
  }
  std::vector<Message> received;
  received.reserve(to_.size());
  for (const Neighbor& neighbor : to_)
    received.push_back({neighbor.rank, std::vector<double>(neighbor.points.size() * width)});
  communicator_->exchange(sent, received);
  for (std::size_t i = 0; i < to_.size(); ++i)
    for (std::size_t k = 0; k < to_[i].points.size(); ++k)
      add(to_[i].points[k], std::span(received[i].numbers).subspan(k * width, width));
}

}  // namespace fieldfold
