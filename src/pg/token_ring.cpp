// SPDX-License-Identifier: PostgreSQL
#include "pg/token_ring.hpp"

#include <algorithm>
#include <tuple>

#include "pg/guard.hpp"
#include "pg/shared_struct.hpp"
#include "pg/shmem.hpp"

extern "C" {
#include "miscadmin.h"
#include "port/atomics.h"
}

namespace atelier::pg {

namespace {

constexpr int kMostDatabases = 64;
constexpr uint32_t kMostTokens = 256;

struct Slot {
  int32_t id;
  int64_t cooling_until_us;
  pg_atomic_uint64 requests;
  pg_atomic_uint64 last_used_us;
};

struct Place {
  Oid database;
  uint64_t version;
  uint32_t count;
  pg_atomic_uint64 turn;
  pg_atomic_uint32 dirty;
  Slot slots[kMostTokens];
};

struct Rings {
  LWLock lock;
  Place places[kMostDatabases];
};

constinit bool reserved = false;
constinit Rings* rings = nullptr;

void set_up(Rings& fresh) {
  for (Place& place : fresh.places) {
    place.database = InvalidOid;
    place.version = 0;
    place.count = 0;
    pg_atomic_init_u64(&place.turn, 0);
    pg_atomic_init_u32(&place.dirty, 0);
    for (Slot& slot : place.slots) {
      slot.id = 0;
      slot.cooling_until_us = 0;
      pg_atomic_init_u64(&slot.requests, 0);
      pg_atomic_init_u64(&slot.last_used_us, 0);
    }
  }
}

Rings& shared() {
  if (rings == nullptr) rings = shared_struct<Rings>("atelier token rings", sizeof(Rings), set_up);
  return *rings;
}

// The place of the calling database, locked; null when it has none.
class Locked {
 public:
  explicit Locked(LWLockMode mode) : rings_(shared()) {
    guard([&] { LWLockAcquire(&rings_.lock, mode); });
    place_ = find(MyDatabaseId);
  }
  ~Locked() { LWLockRelease(&rings_.lock); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  Place* place() { return place_; }
  // The place of a database that is gone may be taken over.
  Place* place_or_free() {
    if (place_ != nullptr) return place_;
    place_ = find(InvalidOid);
    for (Place& one : rings_.places)
      if (place_ == nullptr && one.count == 0) place_ = &one;
    if (place_ != nullptr) place_->database = MyDatabaseId;
    return place_;
  }
  Slot* slot(int32_t id) {
    if (place_ == nullptr) return nullptr;
    for (uint32_t i = 0; i < place_->count; ++i)
      if (place_->slots[i].id == id) return &place_->slots[i];
    return nullptr;
  }

 private:
  Place* find(Oid database) {
    for (Place& one : rings_.places)
      if (one.database == database) return &one;
    return nullptr;
  }

  Rings& rings_;
  Place* place_ = nullptr;
};

}  // namespace

size_t reserve_token_rings() {
  reserved = true;
  return sizeof(Rings);
}

bool has_token_ring() { return reserved && has_keeper(); }

bool is_ring_at(uint64_t version) {
  Locked locked(LW_SHARED);
  return locked.place() != nullptr && locked.place()->version == version;
}

void load_ring(uint64_t version, std::vector<RingToken> tokens) {
  Locked locked(LW_EXCLUSIVE);
  Place* place = locked.place_or_free();
  if (place == nullptr) return;
  std::vector<TokenUse> waiting;
  for (RingToken& token : tokens)
    if (Slot* known = locked.slot(token.id)) {
      const int64_t used_us = static_cast<int64_t>(pg_atomic_read_u64(&known->last_used_us));
      waiting.push_back({token.id, static_cast<int32_t>(pg_atomic_read_u64(&known->requests)), used_us});
      token.last_used_us = std::max(token.last_used_us, used_us);
    }
  std::sort(tokens.begin(), tokens.end(), [](const RingToken& a, const RingToken& b) {
    return std::tie(a.last_used_us, a.requests, a.id) < std::tie(b.last_used_us, b.requests, b.id);
  });
  place->count = tokens.size() > kMostTokens ? 0 : static_cast<uint32_t>(tokens.size());
  for (uint32_t i = 0; i < place->count; ++i) {
    Slot& slot = place->slots[i];
    slot.id = tokens[i].id;
    slot.cooling_until_us = tokens[i].cooling_until_us;
    pg_atomic_write_u64(&slot.requests, 0);
    pg_atomic_write_u64(&slot.last_used_us, static_cast<uint64_t>(tokens[i].last_used_us));
  }
  for (const TokenUse& use : waiting)
    if (Slot* slot = locked.slot(use.id)) pg_atomic_write_u64(&slot->requests, static_cast<uint64_t>(use.requests));
  pg_atomic_write_u64(&place->turn, 0);
  place->version = version;
}

std::optional<int32_t> next_in_ring(int64_t now_us) {
  std::optional<int32_t> id;
  bool first = false;
  {
    Locked locked(LW_SHARED);
    Place* place = locked.place();
    if (place == nullptr) return std::nullopt;
    for (uint32_t tried = 0; tried < place->count && !id; ++tried) {
      Slot& slot = place->slots[pg_atomic_fetch_add_u64(&place->turn, 1) % place->count];
      if (slot.cooling_until_us > now_us) continue;
      pg_atomic_fetch_add_u64(&slot.requests, 1);
      pg_atomic_write_u64(&slot.last_used_us, static_cast<uint64_t>(now_us));
      id = slot.id;
    }
    first = id && pg_atomic_read_u32(&place->dirty) == 0 && pg_atomic_exchange_u32(&place->dirty, 1) == 0;
  }
  if (first) wake_keeper();
  return id;
}

void undo_use(int32_t id) {
  Locked locked(LW_SHARED);
  Slot* slot = locked.slot(id);
  if (slot != nullptr && pg_atomic_read_u64(&slot->requests) > 0) pg_atomic_fetch_sub_u64(&slot->requests, 1);
}

std::vector<TokenUse> take_uses() {
  std::vector<TokenUse> uses;
  if (!reserved) return uses;
  Locked locked(LW_SHARED);
  Place* place = locked.place();
  if (place == nullptr) return uses;
  pg_atomic_exchange_u32(&place->dirty, 0);
  for (uint32_t i = 0; i < place->count; ++i) {
    Slot& slot = place->slots[i];
    const auto requests = static_cast<int32_t>(pg_atomic_exchange_u64(&slot.requests, 0));
    if (requests > 0) uses.push_back({slot.id, requests, static_cast<int64_t>(pg_atomic_read_u64(&slot.last_used_us))});
  }
  return uses;
}

void return_uses(const std::vector<TokenUse>& uses) {
  Locked locked(LW_SHARED);
  for (const TokenUse& use : uses)
    if (Slot* slot = locked.slot(use.id)) {
      pg_atomic_fetch_add_u64(&slot->requests, static_cast<uint64_t>(use.requests));
      pg_atomic_write_u32(&locked.place()->dirty, 1);
    }
}

bool has_uses() {
  if (!reserved) return false;
  Locked locked(LW_SHARED);
  return locked.place() != nullptr && pg_atomic_read_u32(&locked.place()->dirty) != 0;
}

}  // namespace atelier::pg
