// SPDX-License-Identifier: PostgreSQL
#include "pg/shmem.hpp"

#include "pg/announced.hpp"
#include "pg/compat.hpp"
#include "pg/datum.hpp"
#include "pg/error.hpp"
#include "pg/fault.hpp"
#include "pg/guard.hpp"
#include "pg/shared_area.hpp"
#include "pg/shared_struct.hpp"
#include "pg/token_ring.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/ipc.h"
}

#include <csignal>

namespace atelier::pg {

namespace {

constexpr int kMostDatabases = 64;
constexpr int kNoProc = -1;

struct WorkerPlace {
  int32_t pid;
  int proc_number;
  int64_t started_us;
  WorkerReport report;
};

struct DatabasePlace {
  Oid database;
  bool wanted;
  bool barred;
  uint64_t wish;  // counts announcements
  WorkerPlace dispatcher;
  WorkerPlace keeper;
  pg_atomic_uint64 tokens_version;
};

struct Registry {
  LWLock lock;
  int32_t launcher_pid;
  int launcher_proc;
  DatabasePlace databases[kMostDatabases];
};

Registry* registry = nullptr;
WorkerPlace* my_place = nullptr;

void set_up(Registry& fresh) {
  fresh.launcher_pid = 0;
  fresh.launcher_proc = kNoProc;
  for (DatabasePlace& place : fresh.databases) {
    place.database = InvalidOid;
    place.wanted = place.barred = false;
    place.wish = 0;
    place.dispatcher = place.keeper = WorkerPlace{0, kNoProc, 0, {}};
    pg_atomic_init_u64(&place.tokens_version, 1);
  }
}

Registry& shared() {
  if (registry == nullptr) registry = shared_struct<Registry>("atelier", sizeof(Registry), set_up);
  return *registry;
}

class Locked {
 public:
  explicit Locked(LWLockMode mode) : registry_(shared()) {
    guard([&] { LWLockAcquire(&registry_.lock, mode); });
  }
  ~Locked() { LWLockRelease(&registry_.lock); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  Registry* operator->() { return &registry_; }

  DatabasePlace* find(Oid database) {
    for (DatabasePlace& place : registry_.databases)
      if (place.database == database) return &place;
    return nullptr;
  }
  DatabasePlace& find_or_add(Oid database) {
    if (DatabasePlace* known = find(database)) return *known;
    DatabasePlace* free_place = find(InvalidOid);
    if (free_place == nullptr)
      fail(Code::program_limit_exceeded,
           "atelier serves at most " + std::to_string(kMostDatabases) + " databases of one server");
    free_place->database = database;
    return *free_place;
  }

 private:
  Registry& registry_;
};

// pid 0 asks whether the process exists; a postmaster child that died without cleaning up took the cluster's memory
// along.
bool is_alive(int32_t pid) { return pid != 0 && kill(pid, 0) == 0; }

void set_latch_of(int proc_number) {
  if (proc_number < 0 || proc_number >= compat::proc_count()) return;
  SetLatch(compat::latch_of(proc_number));
}

void leave_worker_place(int, Datum) {
  if (my_place == nullptr) return;
  ATELIER_FAULT(shutdown);
  LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
  if (my_place->pid == MyProcPid) *my_place = WorkerPlace{0, kNoProc, 0, {}};
  LWLockRelease(&registry->lock);
  my_place = nullptr;
}

void leave_launcher_place(int, Datum) {
  LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
  if (registry->launcher_pid == MyProcPid) {
    registry->launcher_pid = 0;
    registry->launcher_proc = kNoProc;
  }
  LWLockRelease(&registry->lock);
}

shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;

void on_shmem_request() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(MAXALIGN(sizeof(Registry)) + MAXALIGN(reserve_announcements()) +
                         MAXALIGN(reserve_token_rings()) + reserve_shared_area());
}

void on_shmem_startup() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  registry = nullptr;
  shared();
}

bool announce = false;
bool wake = false;
bool tokens_changed = false;

void after_transaction(bool committed) {
  const bool announcing = announce && committed;
  const bool waking = wake && committed;
  const bool changed = tokens_changed && committed;
  announce = wake = tokens_changed = false;
  publish_announcements(committed);
  if (changed) {
    Locked locked(LW_SHARED);
    if (DatabasePlace* place = locked.find(MyDatabaseId)) pg_atomic_fetch_add_u64(&place->tokens_version, 1);
  }
  if (waking || changed) wake_dispatcher();
  if (announcing) want_database(MyDatabaseId);
}

}  // namespace

void request_shared_memory() {
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = on_shmem_request;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = on_shmem_startup;
}

void announce_database_at_commit() {
  // A dispatcher that runs already has to look at what has been installed.
  announce = wake = true;
  at_commit(after_transaction);
}

void wake_dispatcher_at_commit() {
  wake = true;
  at_commit(after_transaction);
}

void note_tokens_changed_at_commit() {
  tokens_changed = true;
  at_commit(after_transaction);
}

namespace {

void wake_worker(WorkerPlace DatabasePlace::*kind) {
  int proc_number = kNoProc;
  {
    Locked locked(LW_SHARED);
    if (const DatabasePlace* place = locked.find(MyDatabaseId)) proc_number = (place->*kind).proc_number;
  }
  set_latch_of(proc_number);
}

}  // namespace

void wake_dispatcher() { wake_worker(&DatabasePlace::dispatcher); }
void wake_keeper() { wake_worker(&DatabasePlace::keeper); }

bool has_changed_tokens() noexcept { return tokens_changed; }

uint64_t tokens_version() {
  Locked locked(LW_SHARED);
  DatabasePlace* place = locked.find(MyDatabaseId);
  return place == nullptr ? 0 : pg_atomic_read_u64(&place->tokens_version);
}

bool claim_worker_place(WorkerKind kind) {
  {
    Locked locked(LW_EXCLUSIVE);
    DatabasePlace& place = locked.find_or_add(MyDatabaseId);
    if (place.barred) return false;
    WorkerPlace& mine = kind == WorkerKind::dispatcher ? place.dispatcher : place.keeper;
    if (is_alive(mine.pid)) return false;
    mine = WorkerPlace{MyProcPid, compat::my_proc_number(), now().us, {}};
    my_place = &mine;
  }
  guard([] { before_shmem_exit(leave_worker_place, 0); });
  return true;
}

bool has_keeper() {
  Locked locked(LW_SHARED);
  const DatabasePlace* place = locked.find(MyDatabaseId);
  return place != nullptr && place->keeper.pid != 0;
}

bool is_worker() noexcept { return my_place != nullptr; }

void publish(const WorkerReport& report) {
  if (my_place == nullptr) return;
  Locked locked(LW_EXCLUSIVE);
  my_place->report = report;
}

std::vector<WorkerRow> worker_rows(Oid database) {
  std::vector<WorkerRow> rows;
  Locked locked(LW_SHARED);
  const DatabasePlace* place = locked.find(database);
  if (place == nullptr) return rows;
  const auto add = [&](WorkerKind kind, const WorkerPlace& worker) {
    if (worker.pid != 0) rows.push_back({kind, worker.pid, worker.started_us, worker.report});
  };
  add(WorkerKind::dispatcher, place->dispatcher);
  add(WorkerKind::keeper, place->keeper);
  return rows;
}

void claim_launcher_place() {
  {
    Locked locked(LW_EXCLUSIVE);
    locked->launcher_pid = MyProcPid;
    locked->launcher_proc = compat::my_proc_number();
  }
  guard([] { before_shmem_exit(leave_launcher_place, 0); });
}

int32_t launcher_pid() {
  Locked locked(LW_SHARED);
  return locked->launcher_pid;
}

void wake_launcher() {
  int proc_number;
  {
    Locked locked(LW_SHARED);
    proc_number = locked->launcher_proc;
  }
  set_latch_of(proc_number);
}

std::vector<DatabaseRow> database_rows() {
  std::vector<DatabaseRow> rows;
  Locked locked(LW_SHARED);
  for (const DatabasePlace& place : locked->databases)
    if (OidIsValid(place.database))
      rows.push_back({place.database, place.wanted, place.barred, place.dispatcher.pid, place.keeper.pid});
  return rows;
}

void want_database(Oid database) {
  {
    Locked locked(LW_EXCLUSIVE);
    DatabasePlace& place = locked.find_or_add(database);
    place.wanted = true;
    ++place.wish;
  }
  wake_launcher();
}

uint64_t wish_for(Oid database) {
  Locked locked(LW_SHARED);
  const DatabasePlace* place = locked.find(database);
  return place == nullptr ? 0 : place->wish;
}

void withdraw_wish(Oid database, uint64_t wish) {
  {
    Locked locked(LW_EXCLUSIVE);
    DatabasePlace* place = locked.find(database);
    if (place == nullptr || place->wish != wish) return;
    place->wanted = false;
  }
  wake_launcher();
}

void bar_database(Oid database, bool barred) {
  {
    Locked locked(LW_EXCLUSIVE);
    locked.find_or_add(database).barred = barred;
  }
  if (!barred) wake_launcher();
}

bool is_barred(Oid database) {
  Locked locked(LW_SHARED);
  const DatabasePlace* place = locked.find(database);
  return place != nullptr && place->barred;
}

bool knows_database(Oid database) {
  Locked locked(LW_SHARED);
  return locked.find(database) != nullptr;
}

void forget_database(Oid database) {
  Locked locked(LW_EXCLUSIVE);
  DatabasePlace* place = locked.find(database);
  if (place == nullptr) return;
  place->database = InvalidOid;
  place->wanted = place->barred = false;
  place->dispatcher = place->keeper = WorkerPlace{0, kNoProc, 0, {}};
}

}  // namespace atelier::pg
