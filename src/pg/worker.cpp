// SPDX-License-Identifier: PostgreSQL
#include "pg/worker.hpp"

#include <csignal>

#include "pg/entry.hpp"
#include "pg/error.hpp"
#include "pg/guard.hpp"
#include "pg/worker_names.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
}

namespace atelier::pg {

namespace {

constexpr int kWorkerRestartSeconds = 2;

BackgroundWorker server_spec(const WorkerSpec& spec) {
  BackgroundWorker worker = {};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = spec.restart_seconds < 0 ? BGW_NEVER_RESTART : spec.restart_seconds;
  worker.bgw_main_arg = Int64GetDatum(spec.argument);
  worker.bgw_notify_pid = spec.notify_me ? MyProcPid : 0;
  strlcpy(worker.bgw_library_name, "atelier", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, spec.main.c_str(), sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, spec.name.c_str(), sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, spec.type.c_str(), sizeof(worker.bgw_type));
  return worker;
}

WorkerSpec spec_for(WorkerKind kind, Oid database, bool restart) {
  WorkerSpec spec;
  const bool dispatcher = kind == WorkerKind::dispatcher;
  spec.main = dispatcher ? kDispatcherMain : kKeeperMain;
  spec.type = dispatcher ? kDispatcherType : kKeeperType;
  spec.name = spec.type + " for database " + std::to_string(database);
  spec.argument = database;
  spec.restart_seconds = restart ? kWorkerRestartSeconds : -1;
  spec.notify_me = !restart;
  return spec;
}

}  // namespace

void register_static_worker(const WorkerSpec& spec) {
  BackgroundWorker worker = server_spec(spec);
  guard([&] { RegisterBackgroundWorker(&worker); });
}

bool start_worker(WorkerKind kind, Oid database, bool restart) {
  BackgroundWorker worker = server_spec(spec_for(kind, database, restart));
  return guard([&] { return RegisterDynamicBackgroundWorker(&worker, nullptr); });
}

void start_main() {
  pqsignal(SIGTERM, die);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  BackgroundWorkerUnblockSignals();
}

Oid worker_argument() { return static_cast<Oid>(DatumGetInt64(MyBgworkerEntry->bgw_main_arg)); }

void connect_to(Oid database) {
  guard([&] { BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0); });
}

void connect_to_shared_catalogs() {
  guard([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
}

namespace {

void (*last_words)() = nullptr;

// FATAL unwinds nothing: what was interrupted is rolled back first.
void say_last_words(int code, Datum) {
  if (last_words == nullptr || code > 1) return;
  enter_callback("end of a worker", [] {
    guard([] { AbortOutOfAnyTransaction(); });
    last_words();
  });
}

}  // namespace

void before_end(void (*last)()) {
  last_words = last;
  guard([] { before_shmem_exit(say_last_words, 0); });
}

bool take_reload() {
  if (!ConfigReloadPending) return false;
  ConfigReloadPending = false;
  guard([] { ProcessConfigFile(PGC_SIGHUP); });
  return true;
}

void report_activity(bool busy, const std::string& text) {
  pgstat_report_activity(busy ? STATE_RUNNING : STATE_IDLE, text.c_str());
}

void report_statistics() {
  guard([] { pgstat_report_stat(false); });
}

std::vector<Database> connectable_databases() {
  std::vector<Database> databases;
  Relation relation = guard([] { return table_open(DatabaseRelationId, AccessShareLock); });
  TableScanDesc scan = guard([&] { return table_beginscan_catalog(relation, 0, nullptr); });
  while (HeapTuple tuple = guard([&] { return heap_getnext(scan, ForwardScanDirection); })) {
    const auto* row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    if (row->datallowconn && !row->datistemplate) databases.push_back({row->oid, NameStr(row->datname)});
  }
  guard([&] {
    table_endscan(scan);
    table_close(relation, AccessShareLock);
  });
  return databases;
}

std::string my_database_name() {
  const char* name = guard([] { return get_database_name(MyDatabaseId); });
  return name == nullptr ? std::string() : std::string(name);
}

Oid database_oid(const std::string& name) {
  return guard([&] { return get_database_oid(name.c_str(), true); });
}

bool extension_exists(const char* name) {
  return guard([&] { return OidIsValid(get_extension_oid(name, true)); });
}

std::string extension_version(const char* name) {
  const char* version = guard([&]() -> const char* {
    const Relation relation = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
    const SysScanDesc scan = systable_beginscan(relation, ExtensionNameIndexId, true, nullptr, 1, &key);
    const HeapTuple tuple = systable_getnext(scan);
    bool null = true;
    Datum value = 0;
    if (HeapTupleIsValid(tuple))
      value = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &null);
    const char* found = null ? "" : TextDatumGetCString(value);
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return found;
  });
  return version;
}

bool is_binary_upgrade() { return IsBinaryUpgrade; }
bool is_primary() { return !RecoveryInProgress(); }

bool terminate_and_wait(const std::vector<int32_t>& pids, int64_t timeout_ms) {
  constexpr int64_t kStepMs = 5;
  for (const int32_t pid : pids)
    if (pid != 0) kill(pid, SIGTERM);
  for (int64_t waited = 0;; waited += kStepMs) {
    bool any = false;
    for (const int32_t pid : pids) any = any || (pid != 0 && kill(pid, 0) == 0);
    if (!any) return true;
    if (waited >= timeout_ms) return false;
    guard([&] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kStepMs, PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
      CHECK_FOR_INTERRUPTS();
    });
  }
}

}  // namespace atelier::pg
