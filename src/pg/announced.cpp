// SPDX-License-Identifier: PostgreSQL
#include "pg/announced.hpp"

#include <algorithm>

#include "pg/guard.hpp"
#include "pg/shared_struct.hpp"
#include "pg/shmem.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace atelier::pg {

namespace {

// Without preload the server's spare space has to do.
constexpr uint32_t kReservedEntries = 8192;
constexpr uint32_t kSpareEntries = 256;
constexpr int kMostOfTransaction = 32;

struct Entry {
  Oid database;
  bool all;
  AnnouncedUser user;
};

struct Ring {
  LWLock lock;
  uint32_t size;
  uint64_t head;  // how many have ever been written
  Entry entries[1];
};

constinit bool reserved = false;
constinit Ring* ring = nullptr;

// What this transaction has announced so far.
constinit AnnouncedUser pending[kMostOfTransaction] = {};
constinit int pending_count = 0;
constinit bool pending_all = false;

uint32_t ring_entries() { return reserved ? kReservedEntries : kSpareEntries; }
size_t ring_bytes() { return offsetof(Ring, entries) + ring_entries() * sizeof(Entry); }

void set_up(Ring& fresh) {
  fresh.size = ring_entries();
  fresh.head = 0;
}

Ring& shared() {
  if (ring == nullptr) ring = shared_struct<Ring>("atelier announcements", ring_bytes(), set_up);
  return *ring;
}

}  // namespace

size_t reserve_announcements() {
  reserved = true;
  return ring_bytes();
}

void announce_user_at_commit(const AnnouncedUser& user) {
  wake_dispatcher_at_commit();
  if (pending_all) return;
  for (int i = pending_count; i-- > 0;)
    if (pending[i] == user) return;
  if (pending_count == kMostOfTransaction) {
    pending_all = true;
  } else {
    pending[pending_count++] = user;
  }
}

void announce_all_at_commit() {
  wake_dispatcher_at_commit();
  pending_all = true;
}

void publish_announcements(bool committed) {
  const int count = pending_all ? 1 : pending_count;
  const bool all = pending_all;
  pending_count = 0;
  pending_all = false;
  if (!committed || count == 0) return;
  Ring& place = shared();
  guard([&] { LWLockAcquire(&place.lock, LW_EXCLUSIVE); });
  for (int i = 0; i < count; ++i) place.entries[place.head++ % place.size] = {MyDatabaseId, all, pending[i]};
  LWLockRelease(&place.lock);
}

std::vector<AnnouncedUser> AnnouncementReader::take(bool& all) {
  std::vector<AnnouncedUser> users;
  Ring& place = shared();
  guard([&] { LWLockAcquire(&place.lock, LW_SHARED); });
  all = !started_ || place.head - position_ > place.size;
  if (!all)
    for (; position_ < place.head; ++position_) {
      const Entry& entry = place.entries[position_ % place.size];
      if (entry.database != MyDatabaseId) continue;
      all = all || entry.all;
      if (!entry.all) users.push_back(entry.user);
    }
  position_ = place.head;
  started_ = true;
  LWLockRelease(&place.lock);
  return users;
}

}  // namespace atelier::pg
