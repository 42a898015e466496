// SPDX-License-Identifier: PostgreSQL
// What differs between PostgreSQL 15, 17 and 18, behind names that do not. Every `#if PG_VERSION_NUM` of the project
// is in this file. Used by pg/ only.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#endif
#if PG_VERSION_NUM < 160000
#include "utils/guc_tables.h"
#endif
#if PG_VERSION_NUM < 170000
#include "catalog/namespace.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
}

namespace atelier::pg::compat {

constexpr int kMajorVersion = PG_VERSION_NUM / 10000;

// A wait set that lives as long as the process.
inline WaitEventSet* create_wait_event_set([[maybe_unused]] MemoryContext context, int events) {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(nullptr, events);
#else
  return CreateWaitEventSet(context, events);
#endif
}

// The place of this process in the server's array of processes, by which others find its latch.
inline int my_proc_number() {
#if PG_VERSION_NUM >= 170000
  return MyProcNumber;
#else
  return MyProc->pgprocno;
#endif
}

inline int proc_count() { return static_cast<int>(ProcGlobal->allProcCount); }

inline Latch* latch_of(int proc_number) { return &ProcGlobal->allProcs[proc_number].procLatch; }

// The value of a setting, null when there is none. Before 16 a look-up by name is a binary search over all settings
// that folds case, which is most of what a policy costs per row; `place` keeps where the setting was found last.
// Settings move when others are defined, so the name there is looked at each time.
inline const char* setting_value(const char* name, [[maybe_unused]] int& place) {
#if PG_VERSION_NUM < 160000
  struct config_generic** all = get_guc_variables();
  const int count = GetNumConfigOptions();
  if (place >= count || strcmp(all[place]->name, name) != 0) {
    place = 0;
    while (place < count && strcmp(all[place]->name, name) != 0) ++place;
  }
  if (place < count && all[place]->vartype == PGC_STRING)
    return *reinterpret_cast<struct config_string*>(all[place])->variable;
#endif
  return GetConfigOption(name, true, false);
}

// True for the owner of the database and for superusers.
inline bool owns_database(Oid database) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, database, GetUserId());
#else
  return pg_database_ownercheck(database, GetUserId());
#endif
}

// From here on names are found in pg_catalog alone, whatever search_path says. Takes the result back at the end, in the
// same subtransaction.
inline int enter_catalog_path() {
#if PG_VERSION_NUM >= 170000
  const int level = NewGUCNestLevel();
  RestrictSearchPath();
  return level;
#else
  OverrideSearchPath path = {};
  path.addCatalog = true;
  PushOverrideSearchPath(&path);
  return 0;
#endif
}

inline void leave_catalog_path([[maybe_unused]] int entered) {
#if PG_VERSION_NUM >= 170000
  AtEOXact_GUC(false, entered);
#else
  PopOverrideSearchPath();
#endif
}

inline IndexScanDesc begin_index_scan(Relation table, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
  return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
  return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

// Replaces a row by what is in the slot, without waiting; false when another transaction has changed it or is about to.
// `moved` says whether the indexes need an entry for the new one.
inline bool update_unless_busy(Relation table, ItemPointer place, TupleTableSlot* slot, bool* moved) {
  TM_FailureData failure;
  LockTupleMode mode = LockTupleNoKeyExclusive;
#if PG_VERSION_NUM >= 160000
  TU_UpdateIndexes indexes = TU_None;
#else
  bool indexes = false;
#endif
  const TM_Result result = table_tuple_update(table, place, slot, GetCurrentCommandId(true), GetActiveSnapshot(),
                                              InvalidSnapshot, false, &failure, &mode, &indexes);
#if PG_VERSION_NUM >= 160000
  *moved = indexes == TU_All;
#else
  *moved = indexes;
#endif
  return result == TM_Ok;
}

// Whether the current user may call a function.
inline bool may_execute(Oid function) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
  return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

}  // namespace atelier::pg::compat
