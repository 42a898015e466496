// SPDX-License-Identifier: PostgreSQL
#include "core/fairness.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace atelier::core {

void Fairness::set_limits(int per_user, PerUser own) {
  per_user_ = per_user;
  own_ = std::move(own);
  for (auto& [id, state] : users_)
    if (state.place == Place::limit) line_up(id, state);
}

int Fairness::room(const Uuid& user, const User& state) const {
  const auto own = own_.find(user);
  const int limit = own == own_.end() ? per_user_ : own->second;
  return limit <= 0 ? std::numeric_limits<int>::max() : limit - state.open;
}

void Fairness::line_up(const Uuid& user, User& state) {
  state.place = Place::ring;
  ring_.push_back(user);
}

void Fairness::add(const Uuid& user) {
  User& state = users_[user];
  if (state.place == Place::away) line_up(user, state);
}

void Fairness::opened(const Uuid& user) { ++users_[user].open; }

void Fairness::closed(const Uuid& user) {
  const auto place = users_.find(user);
  if (place == users_.end()) return;
  User& state = place->second;
  if (state.open > 0) --state.open;
  if (state.place == Place::limit) line_up(user, state);
  forget_if_idle(user);
}

void Fairness::forget_if_idle(const Uuid& user) {
  const auto place = users_.find(user);
  if (place != users_.end() && place->second.place == Place::away && place->second.open == 0) users_.erase(place);
}

std::vector<Fairness::Turn> Fairness::next(int most) {
  std::vector<Turn> turns;
  std::vector<int> rooms;
  while (static_cast<int>(turns.size()) < most && !ring_.empty()) {
    const Uuid user = ring_.front();
    ring_.pop_front();
    User& state = users_[user];
    const int free = room(user, state);
    state.place = free > 0 ? Place::away : Place::limit;
    if (free <= 0) continue;
    turns.push_back({user, 0});
    rooms.push_back(free);
  }
  // One for each, then a second one, until the rows are given away or nobody may have more.
  for (bool given = true; given && most > 0;) {
    given = false;
    for (size_t i = 0; i < turns.size() && most > 0; ++i) {
      if (turns[i].most >= rooms[i]) continue;
      ++turns[i].most;
      --most;
      given = true;
    }
  }
  return turns;
}

void Fairness::took(const Turn& turn, int rows) {
  if (rows >= turn.most) {
    add(turn.user);
  } else {
    forget_if_idle(turn.user);
  }
}

int Fairness::open_of(const Uuid& user) const {
  const auto place = users_.find(user);
  return place == users_.end() ? 0 : place->second.open;
}

}  // namespace atelier::core
