// SPDX-License-Identifier: PostgreSQL
// The launcher: one process per server. At its start, and when atelier.databases has changed, it offers every
// connectable database a dispatcher and a keeper, one database after the other; a worker that finds no extension there
// withdraws the offer. In between it acts on announcements (CREATE EXTENSION, a barred database set free) and on
// workers that have ended. It is connected to no database, so it never stands in the way of DROP DATABASE.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"
#include "worker/start.hpp"

namespace atelier::worker {

namespace {

constexpr int64_t kRestartDelayUs = 1'000'000;
constexpr int64_t kStartPatienceUs = 5'000'000;
constexpr long kStepMs = 5;

class Launcher {
 public:
  [[noreturn]] void run() {
    pg::claim_launcher_place();
    pg::report_activity(false, "atelier launcher: looking for databases");
    for (;;) {
      if (pg::settings::databases() != offered_) sweep();
      const long timeout_ms = serve();
      waits_.wait(timeout_ms);
      pg::take_reload();
    }
  }

 private:
  // One database after the other, so that a server with hundreds of databases is not flooded with processes.
  void sweep() {
    offered_ = pg::settings::databases();
    std::vector<pg::Database> databases;
    const auto error = pg::in_transaction([&] { databases = pg::connectable_databases(); });
    if (error) throw *error;
    for (const pg::Database& database : databases) {
      if (!pg::settings::wants_database(database.name)) continue;
      pg::want_database(database.oid);
      serve();
      await(database.oid);
    }
  }

  // Until a dispatcher has come up there or the offer has been withdrawn.
  void await(Oid database) {
    const int64_t give_up_us = pg::now().us + kStartPatienceUs;
    while (pg::now().us < give_up_us) {
      const std::vector<pg::DatabaseRow> rows = pg::database_rows();
      const bool waiting = std::any_of(rows.begin(), rows.end(), [&](const pg::DatabaseRow& row) {
        return row.database == database && row.wanted && row.dispatcher_pid == 0;
      });
      if (!waiting) return;
      waits_.wait(kStepMs);
    }
  }

  // Starts what is wanted and not there; returns how long to sleep (-1: until woken).
  long serve() {
    long timeout_ms = -1;
    int served = 0;
    for (const pg::DatabaseRow& row : pg::database_rows()) {
      if (row.wanted) ++served;
      const bool complete = row.dispatcher_pid != 0 && row.keeper_pid != 0;
      if (!row.wanted || row.barred || complete) continue;
      int64_t& started_us = started_us_[row.database];
      const int64_t wait_us = started_us + kRestartDelayUs - pg::now().us;
      if (wait_us > 0) {
        const long wait_ms = static_cast<long>(wait_us / 1000 + 1);
        timeout_ms = timeout_ms < 0 ? wait_ms : std::min(timeout_ms, wait_ms);
        continue;
      }
      started_us = pg::now().us;
      if (row.dispatcher_pid == 0) start(pg::WorkerKind::dispatcher, row.database);
      if (row.keeper_pid == 0) start(pg::WorkerKind::keeper, row.database);
      timeout_ms = kRestartDelayUs / 1000;
    }
    pg::report_activity(false, "atelier launcher: " + std::to_string(served) + " databases served");
    return timeout_ms;
  }

  void start(pg::WorkerKind kind, Oid database) {
    if (pg::start_worker(kind, database, false)) return;
    pg::report(pg::Level::warning, "atelier: no free background worker for database " + std::to_string(database), {},
               "Increase max_worker_processes and restart the server.");
  }

  pg::WaitSet waits_;
  std::optional<std::string> offered_;
  std::map<Oid, int64_t> started_us_;
};

}  // namespace

}  // namespace atelier::worker

ATELIER_WORKER(launcher) {
  using namespace atelier;
  pg::start_main();
  if (pg::is_binary_upgrade()) return;
  pg::connect_to_shared_catalogs();
  worker::Launcher().run();
}
