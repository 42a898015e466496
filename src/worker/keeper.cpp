// SPDX-License-Identifier: PostgreSQL
// The keeper: periodic work in SQL that may take long and must not hold up the dispatcher. Attempts whose lease has
// ended become `unknown`, and the dispatcher, which owns the network, is woken to look them up at the provider. The
// counts of tokens that were handed out are written within a second, for which whoever takes one wakes the keeper. The
// jobs of worker/schedules.hpp run here, too. Lines of the kept numbers of generations are folded within a second, and
// the numbers of some users are compared with their rows each minute.
#include <algorithm>
#include <optional>

#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "pg/fault.hpp"
#include "pg/shmem.hpp"
#include "pg/spi.hpp"
#include "pg/token_ring.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"
#include "pg/worker_names.hpp"
#include "store/attempts.hpp"
#include "store/count_keeping.hpp"
#include "store/dispatch.hpp"
#include "store/tokens.hpp"
#include "store/trainings.hpp"
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
    orphaned = store::attempts::orphan_expired(pg::now()) + store::trainings::orphan_expired(pg::now());
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

constexpr int64_t kFlushUs = 900'000;
constexpr int32_t kFoldedAtOnce = 10'000;
constexpr int32_t kAuditedRows = 5'000;
constexpr int64_t kAuditUs = 60'000'000;

// Runs `work` on the numbers of a database whose dispatch is its own; what fails is tried again at the next round.
template <typename Work>
void keep_counts(const char* what, Work&& work) {
  const auto error = pg::in_owner_transaction([&] {
    const store::dispatch::State state = store::dispatch::state();
    if (!state.serves()) return;
    pg::set_app_schema(state.app_schema);
    work();
  });
  if (error) pg::report(pg::Level::log, std::string("atelier: ") + what + " later: " + error->what());
}

void fold_counts() {
  int64_t folded = kFoldedAtOnce;
  while (folded == kFoldedAtOnce) {
    folded = 0;
    keep_counts("kept numbers are folded", [&] {
      folded = store::counts::fold(kFoldedAtOnce);
      ATELIER_FAULT_IF(folded > 0, folded_written);
    });
    ATELIER_FAULT_IF(folded > 0, folded_committed);
  }
}

// At most once a minute.
void audit_counts(store::counts::Audit& audit, int64_t& due_us) {
  const int64_t now_us = pg::now().us;
  if (now_us < due_us) return;
  due_us = now_us + kAuditUs;
  keep_counts("kept numbers are compared", [&] { store::counts::audit(audit, kAuditedRows); });
}

void flush_tokens() {
  const auto error = pg::in_owner_transaction([&] {
    const store::dispatch::State state = store::dispatch::state();
    if (state.app_schema.empty()) return;
    pg::set_app_schema(state.app_schema);
    store::tokens::flush();
  });
  if (error) pg::report(pg::Level::log, std::string("atelier: token counts are written later: ") + error->what());
}

// When the process is told to end, what was counted until then is written first.
void flush_at_end() {
  if (pg::has_uses()) flush_tokens();
}

// Sleeps until the next round, or until the settings have changed, which it returns. In between it flushes, and folds
// when it is woken, each at most once a second.
bool sleep_and_flush(pg::WaitSet& waits, long rest_ms) {
  const int64_t round_us = pg::now().us + rest_ms * kMsUs;
  int64_t flush_us = 0;
  int64_t fold_us = 0;
  bool woken = false;
  for (;;) {
    const int64_t now_us = pg::now().us;
    if (now_us >= round_us) return false;
    int64_t until_us = round_us;
    if (pg::has_uses()) {
      if (now_us >= flush_us) {
        flush_us = now_us + kFlushUs;
        flush_tokens();
      }
      until_us = std::min(until_us, flush_us);
    }
    if (woken && now_us >= fold_us) {
      woken = false;
      fold_us = now_us + kFlushUs;
      fold_counts();
    }
    if (woken) until_us = std::min(until_us, fold_us);
    waits.wait(static_cast<long>((until_us - now_us + kMsUs - 1) / kMsUs));
    woken = woken || pg::now().us < until_us;
    if (pg::take_reload()) return true;
  }
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
    pg::before_end(worker::flush_at_end);
    store::counts::Audit audit;
    int64_t audit_us = 0;
    while (worker::keep_leases()) {
      worker::fold_counts();
      worker::audit_counts(audit, audit_us);
      schedules.run_due(pg::now().us);
      pg::report_statistics();
      pg::report_activity(false, "atelier keeper: waiting for the next round");
      if (worker::sleep_and_flush(waits, worker::rest_ms(schedules.next_due_us()))) schedules.reload();
    }
  });
}
