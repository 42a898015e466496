// SPDX-License-Identifier: PostgreSQL
#include "pg/index_probe.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/skey.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

namespace {

bool has_row(Relation table, Relation index, Datum key) {
  SnapshotData any;
  InitDirtySnapshot(any);
  ScanKeyData wanted;
  ScanKeyInit(&wanted, 1, BTEqualStrategyNumber, F_UUID_EQ, key);
  TupleTableSlot* row = table_slot_create(table, nullptr);
  IndexScanDesc scan = compat::begin_index_scan(table, index, &any, 1);
  index_rescan(scan, &wanted, 1, nullptr, 0);
  const bool found = index_getnext_slot(scan, ForwardScanDirection, row);
  index_endscan(scan);
  ExecDropSingleTupleTableSlot(row);
  return found;
}

}  // namespace

bool may_have_row(const char* name, Datum key) {
  return guard([&] {
    const Oid oid = get_relname_relid(name, get_namespace_oid("atelier", false));
    if (!OidIsValid(oid) || get_rel_relkind(oid) != RELKIND_INDEX) return true;
    Relation table = table_open(IndexGetRelation(oid, false), AccessShareLock);
    Relation index = index_open(oid, AccessShareLock);
    const bool known = index->rd_index->indisvalid && TupleDescAttr(RelationGetDescr(index), 0)->atttypid == UUIDOID;
    const bool found = !known || has_row(table, index, key);
    index_close(index, AccessShareLock);
    table_close(table, AccessShareLock);
    return found;
  });
}

}  // namespace atelier::pg
