// SPDX-License-Identifier: PostgreSQL
#include "worker/start.hpp"

#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "pg/worker_names.hpp"

namespace atelier::worker {

namespace {

constexpr int kLauncherRestartSeconds = 1;

bool is_wanted_here() {
  bool wanted = false;
  const auto error = pg::in_transaction([&] { wanted = is_wanted(); });
  return !error && wanted;
}

// Every statement of the workers is a look-up by key: a plan that scans a table would be a plan made from statistics of
// the moment when the queue was empty.
void prefer_index_plans() {
  const auto error = pg::in_transaction([] {
    pg::Spi spi;
    for (const char* setting : {"enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit"})
      pg::execute_once(std::string("SET ") + setting + " = off");
    pg::execute_once("SET search_path = pg_catalog, pg_temp");
    pg::execute_once("SET lock_timeout = '50ms'");
    pg::execute_once("SET statement_timeout = 0");
    pg::execute_once("SET idle_in_transaction_session_timeout = 0");
    pg::execute_once("SET row_security = on");
    pg::execute_once("SET default_transaction_read_only = off");
    pg::execute_once("SET default_transaction_isolation = 'read committed'");
    pg::execute_once("SET default_transaction_deferrable = off");
  });
  if (error) throw *error;
}

}  // namespace

bool is_wanted() {
  return pg::extension_exists(pg::kExtension) && pg::settings::wants_database(pg::my_database_name());
}

void register_launcher() {
  pg::WorkerSpec spec;
  spec.main = pg::kLauncherMain;
  spec.name = spec.type = pg::kLauncherType;
  spec.restart_seconds = kLauncherRestartSeconds;
  pg::register_static_worker(spec);
}

void run_worker(pg::WorkerKind kind, const std::function<void()>& body) {
  pg::start_main();
  if (pg::is_binary_upgrade()) return;
  const Oid database = pg::worker_argument();
  if (pg::is_barred(database)) return;
  const uint64_t wish = pg::wish_for(database);
  pg::connect_to(database);
  if (!is_wanted_here()) return pg::withdraw_wish(database, wish);
  if (!pg::claim_worker_place(kind)) return;
  prefer_index_plans();
  body();
}

}  // namespace atelier::worker
