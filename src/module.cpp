// SPDX-License-Identifier: PostgreSQL
// What PostgreSQL loads: the magic block and the set-up of the library. Under shared_preload_libraries it also reserves
// shared memory, registers the launcher, watches the commands that need a database for themselves, and guards the
// tables against being dropped.
#include "pg/database_commands.hpp"
#include "pg/drop_guard.hpp"
#include "pg/entry.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "worker/schedules.hpp"
#include "worker/start.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

extern "C" void _PG_init(void) {
  using namespace atelier;
  pg::enter([] {
    pg::settings::define_settings(worker::schedule_problem);
    if (!process_shared_preload_libraries_in_progress) return;
    pg::request_shared_memory();
    pg::watch_database_commands();
    pg::guard_drops();
    worker::register_launcher();
  });
}
