// SPDX-License-Identifier: PostgreSQL
// How many predictions of each workspace run, and which workspaces have rows set aside because as many run as may. A
// row of a full workspace is set aside by the claim that meets it, so that it holds up none of its user's others, and
// comes back when one ends. The dispatcher owns one; it knows no rows and does no I/O.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "core/uuid.hpp"

namespace atelier::core {

class Workspaces {
 public:
  // Most open attempts of a workspace; 0 means no limit.
  void set_limit(int limit) noexcept { limit_ = limit; }
  int limit() const noexcept { return limit_; }

  // An attempt has begun, or has ended. Generations without a workspace have no limit of this kind.
  void opened(const std::optional<Uuid>& workspace);
  void closed(const std::optional<Uuid>& workspace);
  // A row was set aside; there is none any more.
  void parked(const Uuid& workspace);
  void none_parked(const Uuid& workspace);

  // What a claim has to know: the workspaces of which attempts are open or rows are set aside.
  struct State {
    Uuid workspace;
    int room;     // how many more may be sent
    bool parked;  // whoever comes now waits behind the rows that are set aside
  };
  std::vector<State> all() const;
  // Where rows that are set aside may come back, and how many: the limit is gone, or there is room.
  std::vector<State> with_room() const;

 private:
  struct Entry {
    int open = 0;
    bool parked = false;
  };
  int room(const Entry& entry) const;
  void forget_if_idle(const Uuid& workspace);

  std::unordered_map<Uuid, Entry, UuidHash> entries_;
  int limit_ = 0;
};

}  // namespace atelier::core
