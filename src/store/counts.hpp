// SPDX-License-Identifier: PostgreSQL
// How many generations a user or a workspace has, by what the app shows on its tabs. Parts of films are never counted.
// Reads as the owner of the tables with the snapshot of the calling query; who may know is the caller's matter. Called
// by rpc/counts.cpp and rpc/poll.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "store/uuid.hpp"

namespace atelier::store::counts {

struct Counts {
  int64_t all = 0;
  int64_t active = 0;  // pending, queued and processing
  int64_t favorites = 0;
  int64_t failed = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

Counts of_user(const core::Uuid& user);

// Of all who have generations in it, or of one user.
Counts of_workspace(const core::Uuid& workspace, const std::optional<core::Uuid>& user);

}  // namespace atelier::store::counts
