// SPDX-License-Identifier: PostgreSQL
#include "arrivals.hpp"

#include <algorithm>

namespace stand_in {

bool Arrivals::wanted(size_t limit) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() < limit) return true;
  dropped_++;
  return false;
}

void Arrivals::add(Arrival arrival) {
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(arrival));
}

void Arrivals::write(JsonWriter& json, size_t limit) const {
  std::vector<Arrival> sorted;
  const std::lock_guard lock(mutex_);
  sorted = kept_;
  std::sort(sorted.begin(), sorted.end(), [](const Arrival& a, const Arrival& b) { return a.at_us < b.at_us; });
  if (sorted.size() > limit) sorted.resize(limit);
  json.key("arrivals");
  json.StartArray();
  for (const Arrival& arrival : sorted) {
    json.StartObject();
    json.member("at_us", arrival.at_us);
    json.member("account", std::string_view(arrival.account));
    json.member("token", std::string_view(arrival.token));
    json.member("model", std::string_view(arrival.model));
    json.member("prompt", std::string_view(arrival.prompt));
    json.member("status", int64_t{arrival.status});
    json.EndObject();
  }
  json.EndArray();
  json.member("dropped", dropped_);
}

void Arrivals::reset() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
  dropped_ = 0;
}

}  // namespace stand_in
