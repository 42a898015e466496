// SPDX-License-Identifier: PostgreSQL
// The keeper: periodic work in SQL that may take long and must not hold up the dispatcher. Attempts whose lease has
// ended become `unknown`, and the dispatcher, which owns the network, is woken to look them up at the provider. The
// jobs of worker/schedules.hpp run here, too.
#include <algorithm>
#include <optional>

#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "pg/fault.hpp"
#include "pg/shmem.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"
#include "pg/worker_names.hpp"
#include "store/attempts.hpp"
#include "store/dispatch.hpp"
#include "worker/schedules.hpp"
#include "worker/start.hpp"

namespace atelier::worker {

namespace {

constexpr long kRoundMs = 15'000;
constexpr int64_t kMsUs = 1000;

// What the dispatcher has open; with nothing open there is no lease to end, and the database is left alone.
int open_attempts() {
  for (const pg::WorkerRow& row : pg::worker_rows(MyDatabaseId))
    if (row.kind == pg::WorkerKind::dispatcher) return row.report.running;
  return 1;
}

// Returns false when the extension is gone, and with it the reason to live.
bool keep_leases() {
  bool installed = false;
  uint64_t orphaned = 0;
  const auto error = pg::in_owner_transaction([&] {
    if (!is_wanted()) return;
    installed = true;
    if (open_attempts() == 0) return;
    const store::dispatch::State state = store::dispatch::state();
    if (!state.serves() || state.permit != store::dispatch::Permit::running) return;
    pg::set_app_schema(state.app_schema);
    pg::make_commit_durable();
    orphaned = store::attempts::orphan_expired(pg::now());
    ATELIER_FAULT(leases_written);
  });
  if (error) {
    if (!error->passes_by_itself()) throw *error;
    pg::report(pg::Level::log, std::string("atelier: round of the keeper postponed: ") + error->what());
    return true;
  }
  ATELIER_FAULT_IF(installed, leases_committed);
  if (orphaned > 0) pg::wake_dispatcher();
  return installed;
}

long rest_ms(std::optional<int64_t> due_us) {
  const int64_t round_ms = pg::fault::scaled(kRoundMs);
  if (!due_us) return static_cast<long>(round_ms);
  return static_cast<long>(std::clamp<int64_t>((*due_us - pg::now().us + kMsUs - 1) / kMsUs, 0, round_ms));
}

}  // namespace

}  // namespace atelier::worker

ATELIER_WORKER(keeper) {
  using namespace atelier;
  worker::run_worker(pg::WorkerKind::keeper, [] {
    pg::WaitSet waits;
    pg::WorkerReport report;
    snprintf(report.state, sizeof(report.state), "running");
    pg::publish(report);
    worker::Schedules schedules(worker::keep_leases);
    while (worker::keep_leases()) {
      schedules.run_due(pg::now().us);
      pg::report_statistics();
      pg::report_activity(false, "atelier keeper: waiting for the next round");
      waits.wait(worker::rest_ms(schedules.next_due_us()));
      if (pg::take_reload()) schedules.reload();
    }
  });
}
