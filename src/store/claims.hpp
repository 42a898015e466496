// SPDX-License-Identifier: PostgreSQL
// Taking rows from atelier.queue: who waits, and the claim itself, which turns queue rows into attempts in state
// `sending`. Whose turn it is decides core/fairness.hpp; within a user the order is priority, then first in first out.
// Its cost depends on the batch, not on the length of the queue. Called by the dispatcher inside a transaction, as
// owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/fairness.hpp"
#include "core/workspaces.hpp"
#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::claims {

// A user with rows that are due, and whether any of them may be claimed: he is active, and his budget of the day is
// not spent.
struct Waiting {
  core::Uuid user;
  bool may_have;
};
// Up to `most` such users with ids behind `after`, in id order.
std::vector<Waiting> waiting_users(const core::Uuid& after, int32_t most, pg::Timestamp now);

// The limits of single users, instead of the setting.
core::Fairness::PerUser own_limits();

// Lets up to `most` rows whose time has come be claimed; returns their users, one for each row. And when the next one
// is due.
std::vector<core::Uuid> release(pg::Timestamp now, int32_t most);
std::optional<pg::Timestamp> next_release();

// Rows that were set aside because as many predictions of their workspace run as may. Where some are; letting the first
// rows of up to `most` users behind `after`, in id order, be claimed; and, without a limit, up to `most` of any. The
// latter return the users of the rows.
std::vector<core::Uuid> parking_workspaces();
std::vector<core::Uuid> unpark(const core::Uuid& workspace, const core::Uuid& after, int32_t most);
std::vector<core::Uuid> unpark_any(int32_t most);

// What the dispatcher needs to send one attempt.
struct Claimed {
  int64_t attempt;
  core::Uuid generation;
  core::Uuid user;
  int16_t number;
  int32_t token;
  std::string model;
  std::string action;
  std::string input;  // JSON text
  int32_t retries;    // predictions of its series that were accepted before
  bool hidden;        // a keyframe segment
  int64_t seq;        // its place in the queue, kept when it goes back unsent
  int16_t series;     // kept until somebody queues the generation anew
  pg::Timestamp sent_at;
  pg::Timestamp deadline;
  std::optional<core::Uuid> workspace;
};

struct Limits {
  pg::Timestamp lease_until;  // when the attempt is looked up if nobody has recorded its answer
  pg::Timestamp image_deadline;
  pg::Timestamp video_deadline;
};

struct Batch {
  std::vector<Claimed> claimed;
  std::vector<core::Uuid> dropped;  // the users of rows whose generation is gone or has ended
  struct Parked {
    core::Uuid user;
    core::Uuid workspace;
  };
  std::vector<Parked> parked;  // rows that were set aside, whose workspace is full
};
// Takes at most tokens.size() rows of the users whose turn it is; each claimed row is sent with the token it says.
Batch claim(const std::vector<core::Fairness::Turn>& turns, const std::vector<int32_t>& tokens, const Limits& limits,
            const core::Workspaces& workspaces, pg::Timestamp now);

// Whether anything waits in the queue, due or not, or a cancel was requested: one probe each, for the safety poll.
bool anything_waits();

}  // namespace atelier::store::claims
