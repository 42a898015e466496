// SPDX-License-Identifier: PostgreSQL
#include "pg/row_by_id.hpp"

#include <exception>
#include <string>

#include "pg/compat.hpp"
#include "pg/error.hpp"
#include "pg/guard.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/genam.h"
#include "access/skey.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

struct RowById::Open {
  Relation table;
  Relation index;
  IndexScanDesc scan;
  TupleTableSlot* row;
};

RowById::RowById(const char* table) {
  const char* schema = app_schema().c_str();
  open_ = guard([&]() -> Open* {
    const Oid oid = get_relname_relid(table, get_namespace_oid(schema, true));
    if (!OidIsValid(oid)) return nullptr;
    Relation relation = table_open(oid, AccessShareLock);
    list_free(RelationGetIndexList(relation));
    Relation index = OidIsValid(relation->rd_pkindex) ? index_open(relation->rd_pkindex, AccessShareLock) : nullptr;
    if (index == nullptr || index->rd_index->indnatts != 1 ||
        TupleDescAttr(RelationGetDescr(index), 0)->atttypid != INT4OID) {
      if (index != nullptr) index_close(index, AccessShareLock);
      table_close(relation, AccessShareLock);
      return nullptr;
    }
    auto* open = static_cast<Open*>(palloc0(sizeof(Open)));
    open->table = relation;
    open->index = index;
    open->row = table_slot_create(relation, nullptr);
    open->scan = compat::begin_index_scan(relation, index, GetActiveSnapshot(), 1);
    return open;
  });
}

RowById::~RowById() {
  // After an error the abort closes what is open.
  if (open_ == nullptr || std::uncaught_exceptions() > 0) return;
  index_endscan(open_->scan);
  ExecDropSingleTupleTableSlot(open_->row);
  index_close(open_->index, AccessShareLock);
  table_close(open_->table, AccessShareLock);
}

bool RowById::find(int32_t id) {
  return guard([&] {
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
    index_rescan(open_->scan, &key, 1, nullptr, 0);
    return index_getnext_slot(open_->scan, ForwardScanDirection, open_->row);
  });
}

std::optional<Datum> RowById::value(const char* column, Oid type) const {
  bool null = false;
  bool known = false;
  const Datum value = guard([&]() -> Datum {
    const TupleDesc columns = RelationGetDescr(open_->table);
    for (int i = 0; i < columns->natts; ++i) {
      const FormData_pg_attribute* attribute = TupleDescAttr(columns, i);
      if (attribute->attisdropped || strcmp(NameStr(attribute->attname), column) != 0) continue;
      known = attribute->atttypid == type;
      return known ? slot_getattr(open_->row, i + 1, &null) : Datum(0);
    }
    return Datum(0);
  });
  if (!known)
    fail(Code::object_not_in_prerequisite_state,
         std::string("column \"") + column + "\" is missing or has another type than atelier has made it with");
  if (null) return std::nullopt;
  return value;
}

}  // namespace atelier::pg
