// SPDX-License-Identifier: PostgreSQL
// Functions about the workers: what they do, starting them, waking them, and which database this is.
#include "pg/announced.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "pg/shmem.hpp"
#include "pg/transaction.hpp"
#include "pg/worker.hpp"
#include "store/dispatch.hpp"

using namespace atelier;

namespace {

constexpr const char* kPreloadHint =
    "Add the line shared_preload_libraries = 'atelier' to postgresql.conf and restart the server.";

}  // namespace

// worker_state(): one row per worker of this database and one for the launcher, whose `running` counts the databases
// with workers. For the owner.
ATELIER_FUNCTION(worker_state) {
  pg::ResultSet result(fcinfo);
  const auto add = [&](const char* kind, int32_t pid, std::optional<pg::Timestamp> since,
                       const pg::WorkerReport& report) {
    result.add({pg::Arg::of(kind), pg::Arg::of(pid), pg::Arg::of(since), pg::Arg::of(std::string(report.state)),
                pg::Arg::of(report.in_flight), pg::Arg::of(report.running), pg::Arg::of(report.accepted),
                pg::Arg::of(report.finished), pg::Arg::of(report.unreached)});
  };
  if (const int32_t pid = pg::launcher_pid(); pid != 0) {
    pg::WorkerReport launcher;
    for (const pg::DatabaseRow& row : pg::database_rows()) launcher.running += row.wanted ? 1 : 0;
    add("launcher", pid, std::nullopt, launcher);
  }
  for (const pg::WorkerRow& row : pg::worker_rows(MyDatabaseId))
    add(row.kind == pg::WorkerKind::dispatcher ? "dispatcher" : "keeper", row.pid, pg::Timestamp{row.started_us},
        row.report);
  return (Datum)0;
}

// start_workers(): asks the launcher, or without preload starts the workers of this database right away. Returns what
// was done. Raises nothing when they run already.
ATELIER_FUNCTION(start_workers) {
  if (pg::launcher_pid() != 0) {
    pg::announce_database_at_commit();
    return pg::to_datum(std::string_view("the launcher starts what is missing when this transaction commits"));
  }
  if (!pg::start_worker(pg::WorkerKind::dispatcher, MyDatabaseId, true) ||
      !pg::start_worker(pg::WorkerKind::keeper, MyDatabaseId, true))
    pg::fail(pg::Code::program_limit_exceeded, "no free background worker",
             "The server has reached max_worker_processes.", "Increase max_worker_processes and restart the server.");
  return pg::to_datum(std::string_view("workers started"));
}

// announce(): the last step of CREATE EXTENSION and install(): tells the launcher, or warns that there is none.
ATELIER_FUNCTION(announce) {
  if (pg::launcher_pid() != 0) {
    pg::announce_database_at_commit();
  } else {
    pg::report(pg::Level::warning, "atelier runs without its workers: queued generations are not dispatched",
               "The library is not in shared_preload_libraries.", kPreloadHint);
  }
  return (Datum)0;
}

// wake(): the dispatcher of this database looks at its queue, its settings and its state when the transaction commits.
ATELIER_FUNCTION(wake) {
  // Rows may have come without the triggers that announce their users.
  pg::announce_all_at_commit();
  return (Datum)0;
}

// database_identity(): where this database runs, as install() records it.
ATELIER_FUNCTION(database_identity) {
  pg::ResultSet result(fcinfo);
  const store::dispatch::Here here = store::dispatch::here();
  pg::Arg oid{ObjectIdGetDatum(here.database), false, 0};
  result.add({pg::Arg::of(static_cast<int64_t>(here.system_identifier)), oid, pg::Arg::of(here.timeline)});
  return (Datum)0;
}

// code_table_version(): the version of the tables that the extension works on. While it has not been updated to this
// library, its own install() gets the answer that it always got; its health(), which alone runs as the owner, gets none
// that can be well, and says so. For the owner.
ATELIER_FUNCTION(code_table_version) {
  if (store::dispatch::code_is_current()) return pg::to_datum(store::dispatch::kTableVersion);
  pg::report(pg::Level::warning, "extension atelier is older than its library, and dispatches nothing", {},
             "Run ALTER EXTENSION atelier UPDATE;");
  return pg::to_datum(GetUserId() == pg::owner_role() ? int32_t{0} : store::dispatch::released_table_version());
}
