// SPDX-License-Identifier: PostgreSQL
// Taking rows from atelier.queue: which users are next, and the claim itself, which turns queue rows into attempts in
// state `sending`. Order: users in round robin by id from a cursor, within a user by priority, then first in first out.
// Its cost depends on the batch, not on the length of the queue. Called by the dispatcher inside a transaction, as
// owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::claims {

// A user with rows that are due, and how many of them may run now.
struct NextUser {
  core::Uuid user;
  int32_t room;
};

// Up to `most` such users with from <= id <= up_to, in id order. Users at `concurrency` (0: no limit) open attempts,
// users whose budget of the day is spent, and deactivated users are passed over.
std::vector<NextUser> next_users(const core::Uuid& from, const core::Uuid& up_to, int32_t most, int32_t concurrency,
                                 pg::Timestamp now);

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
};

struct Limits {
  int32_t per_user;           // most rows of one user in this claim
  pg::Timestamp lease_until;  // when the attempt is looked up if nobody has recorded its answer
  pg::Timestamp image_deadline;
  pg::Timestamp video_deadline;
};

// Claims at most tokens.size() rows of `users`; the n-th claimed row is sent with the n-th token. Rows whose generation
// is gone or has ended leave the queue without an attempt.
std::vector<Claimed> claim(const std::vector<NextUser>& users, const std::vector<int32_t>& tokens, const Limits& limits,
                           pg::Timestamp now);

// Whether anything waits in the queue, due or not, or a cancel was requested: one probe each, for the safety poll.
bool anything_waits();

}  // namespace atelier::store::claims
