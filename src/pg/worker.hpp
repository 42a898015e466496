// SPDX-License-Identifier: PostgreSQL
// Background workers as the server knows them: registering, starting, stopping, and the first steps of a worker's main
// function. What the workers do is in worker/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pg/postgres.hpp"
#include "pg/shmem.hpp"

namespace atelier::pg {

// How a worker is registered. `main` is the name of an exported function of atelier's library.
struct WorkerSpec {
  std::string main;
  std::string name;  // as pg_stat_activity shows it, at most 95 bytes
  std::string type;
  int64_t argument = 0;      // what the main function receives
  int restart_seconds = -1;  // -1: never restarted by the postmaster
  bool notify_me = false;    // set the caller's latch when it starts and ends
};

// Only from _PG_init while shared_preload_libraries is being loaded.
void register_static_worker(const WorkerSpec& spec);

// Starts the dispatcher or keeper of a database now; false when the server has no free place (max_worker_processes).
// With `restart` the postmaster restarts it after a failure (there is no launcher to do it).
bool start_worker(WorkerKind kind, Oid database, bool restart);

// First steps of a worker's main function: signal handlers (SIGTERM ends the process at its next interrupt check,
// SIGHUP reloads the configuration at `take_reload`), then the connection: `connect_to` a database as the bootstrap
// superuser, or to none with access to the shared catalogs only.
void start_main();
Oid worker_argument();
void connect_to(Oid database);
void connect_to_shared_catalogs();

// Calls `last` when the process is about to end because it was told to, outside of any transaction; it may run short
// ones. Once per process.
void before_end(void (*last)());

// True once after the configuration has been reloaded.
bool take_reload();

// What pg_stat_activity shows; `busy` for running, otherwise idle.
void report_activity(bool busy, const std::string& text);
// Hands table statistics to the collector, so that autovacuum sees the worker's writes.
void report_statistics();

struct Database {
  Oid oid;
  std::string name;
};
// Databases that allow connections and are no templates, in oid order. Needs a transaction.
std::vector<Database> connectable_databases();
std::string my_database_name();
Oid database_oid(const std::string& name);  // InvalidOid when there is none

bool extension_exists(const char* name);
// As pg_extension has it; empty when there is no such extension.
std::string extension_version(const char* name);
// True during pg_upgrade, when nothing of ours may run.
bool is_binary_upgrade();
// False in a standby.
bool is_primary();

// Sends SIGTERM to the processes and waits until all are gone; false when `timeout_ms` was not enough.
bool terminate_and_wait(const std::vector<int32_t>& pids, int64_t timeout_ms);

}  // namespace atelier::pg
