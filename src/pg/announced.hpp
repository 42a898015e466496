// SPDX-License-Identifier: PostgreSQL
// Who has queued something: the backends write users into a ring in shared memory when they commit, the dispatcher of
// their database reads it from where it stopped. A reader that was overtaken, one that has just started, and whoever
// queued too many users at once is told to look at all of them instead. Called by triggers and the dispatcher.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pg/postgres.hpp"

namespace atelier::pg {

using AnnouncedUser = std::array<uint8_t, 16>;

// Under preload: how much shared memory it needs, and that the larger ring is meant.
size_t reserve_announcements();

// Wakes the dispatcher of the calling database at commit, and tells it of this user, or to look at all users.
void announce_user_at_commit(const AnnouncedUser& user);
void announce_all_at_commit();
// The end of the transaction; called before the dispatcher is woken.
void publish_announcements(bool committed);

class AnnouncementReader {
 public:
  // The users that were announced since the last time; `all` is set when that is not known.
  std::vector<AnnouncedUser> take(bool& all);

 private:
  uint64_t position_ = 0;
  bool started_ = false;
};

}  // namespace atelier::pg
