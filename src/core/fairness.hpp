// SPDX-License-Identifier: PostgreSQL
// Whose turn it is: users in round robin, each with at most so many open attempts. Users at their limit are set aside
// until one of their attempts ends, so that a choice costs what it chooses, however many others wait. The dispatcher
// owns one and tells it what happens; it knows no rows and does no I/O. Whoever claims decides which rows are taken.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>
#include <vector>

#include "core/uuid.hpp"

namespace atelier::core {

class Fairness {
 public:
  using PerUser = std::unordered_map<Uuid, int, UuidHash>;

  // Most open attempts of a user; 0 means no limit. `own` are the limits of single users.
  void set_limits(int per_user, PerUser own);

  // Rows of this user wait, as far as is known. Behind everybody who has waited already.
  void add(const Uuid& user);
  // An attempt of this user has begun, or has ended.
  void opened(const Uuid& user);
  void closed(const Uuid& user);

  // A user whose turn it is and how many rows he may have.
  struct Turn {
    Uuid user;
    int most;
  };
  // The next users, whose rows together are at most `most`, spread evenly. Each has to be told how it went.
  std::vector<Turn> next(int most);
  // So many rows were taken and opened() was called for each. Fewer than he might have had: nothing of his is left.
  void took(const Turn& turn, int rows);

  bool anybody() const noexcept { return !ring_.empty(); }
  int open_of(const Uuid& user) const;

 private:
  enum class Place { away, ring, limit };
  struct User {
    int open = 0;
    Place place = Place::away;
  };

  int room(const Uuid& user, const User& state) const;
  void line_up(const Uuid& user, User& state);
  void forget_if_idle(const Uuid& user);

  std::unordered_map<Uuid, User, UuidHash> users_;
  std::deque<Uuid> ring_;
  PerUser own_;
  int per_user_ = 0;
};

}  // namespace atelier::core
