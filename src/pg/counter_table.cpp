// SPDX-License-Identifier: PostgreSQL
#include "pg/counter_table.hpp"

#include <exception>

#include "pg/compat.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/skey.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

struct CounterTable::Open {
  Relation table;
  Relation index;
  IndexScanDesc scan;
  TupleTableSlot* found;
  TupleTableSlot* written;
  IndexInfo* info;
};

namespace {

// How a column of the key is compared; InvalidOid for a type that no key of ours has.
RegProcedure equality_of(Oid type) {
  switch (type) {
    case INT2OID:
      return F_INT2EQ;
    case INT8OID:
      return F_INT8EQ;
    case UUIDOID:
      return F_UUID_EQ;
    default:
      return InvalidOid;
  }
}

bool has_form(Relation table, Relation index, int keys, int numbers) {
  const TupleDesc columns = RelationGetDescr(table);
  if (table->rd_rel->relam != HEAP_TABLE_AM_OID || columns->natts != keys + numbers || !index->rd_index->indisprimary ||
      index->rd_index->indnatts != keys)
    return false;
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* column = TupleDescAttr(columns, i);
    if (column->attisdropped || !column->attnotnull) return false;
    if (i >= keys && column->atttypid != INT8OID) return false;
    if (i < keys && (index->rd_index->indkey.values[i] != i + 1 || equality_of(column->atttypid) == InvalidOid))
      return false;
  }
  return true;
}

// A page is cleared of old versions of its lines when there is room for a few more only: it takes as much WAL to clear
// it of many as of one, and the executor does it at every look.
constexpr Size kRoom = BLCKSZ / 4;

// The next line of the scan that is committed now or our own: whoever wrote before us has ended, or has the line in
// hands. Part of a guarded call.
bool next_line(IndexScanDesc scan, Relation table, TupleTableSlot* slot) {
  auto* found = reinterpret_cast<BufferHeapTupleTableSlot*>(slot);
  while (const ItemPointer entry = index_getnext_tid(scan, ForwardScanDirection)) {
    ItemPointerData place = *entry;
    const Buffer buffer = ReadBuffer(table, ItemPointerGetBlockNumber(&place));
    const Page page = BufferGetPage(buffer);
    if (PageIsFull(page) || PageGetHeapFreeSpace(page) < kRoom) heap_page_prune_opt(table, buffer);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const bool visible = heap_hot_search_buffer(&place, table, buffer, SnapshotSelf, &found->base.tupdata,
                                                &scan->kill_prior_tuple, true);
    LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
    if (visible) {
      found->base.tupdata.t_self = place;
      ExecStorePinnedBufferHeapTuple(&found->base.tupdata, slot, buffer);
      slot->tts_tableOid = RelationGetRelid(table);
      return true;
    }
    ReleaseBuffer(buffer);
  }
  return false;
}

}  // namespace

CounterTable::CounterTable(const char* name, int keys, int numbers) : name_(name), keys_(keys), numbers_(numbers) {}

CounterTable::~CounterTable() {
  // After an error the abort closes what is open.
  if (open_ == nullptr || std::uncaught_exceptions() > 0) return;
  if (open_->scan != nullptr) index_endscan(open_->scan);
  ExecDropSingleTupleTableSlot(open_->found);
  ExecDropSingleTupleTableSlot(open_->written);
  index_close(open_->index, NoLock);
  table_close(open_->table, NoLock);
}

bool CounterTable::opened() {
  if (open_ != nullptr || refused_) return open_ != nullptr;
  open_ = guard([&]() -> Open* {
    const Oid oid = get_relname_relid(name_, get_namespace_oid("atelier", false));
    if (!OidIsValid(oid)) return nullptr;
    Relation table = table_open(oid, RowExclusiveLock);
    List* indexes = RelationGetIndexList(table);
    Relation index = list_length(indexes) == 1 ? index_open(linitial_oid(indexes), RowExclusiveLock) : nullptr;
    if (index == nullptr || !has_form(table, index, keys_, numbers_)) {
      if (index != nullptr) index_close(index, NoLock);
      table_close(table, NoLock);
      return nullptr;
    }
    // What this transaction has written before may be written again.
    CommandCounterIncrement();
    auto* open = static_cast<Open*>(palloc0(sizeof(Open)));
    open->table = table;
    open->index = index;
    open->found = table_slot_create(table, nullptr);
    open->written = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsVirtual);
    open->info = BuildIndexInfo(index);
    return open;
  });
  refused_ = open_ == nullptr;
  return open_ != nullptr;
}

int64_t CounterTable::new_number() noexcept {
  return -static_cast<int64_t>(pg_prng_uint64(&pg_global_prng_state) >> 1) - 1;
}

// Part of a guarded call.
void CounterTable::index_entry(const Datum* key, void* slot) {
  Datum values[INDEX_MAX_KEYS];
  bool nulls[INDEX_MAX_KEYS] = {};
  for (int i = 0; i < keys_; ++i) values[i] = key[i];
  index_insert(open_->index, values, nulls, &static_cast<TupleTableSlot*>(slot)->tts_tid, open_->table,
               UNIQUE_CHECK_YES, false, open_->info);
}

bool CounterTable::raise(const Datum* key, const int64_t* numbers) {
  if (!opened()) return false;
  return guard([&] {
    ScanKeyData keys[INDEX_MAX_KEYS];
    for (int i = 0; i < keys_; ++i)
      ScanKeyInit(&keys[i], static_cast<AttrNumber>(i + 1), BTEqualStrategyNumber,
                  equality_of(TupleDescAttr(RelationGetDescr(open_->table), i)->atttypid), key[i]);
    if (open_->scan == nullptr) open_->scan = compat::begin_index_scan(open_->table, open_->index, SnapshotSelf, keys_);
    index_rescan(open_->scan, keys, keys_, nullptr, 0);
    if (!next_line(open_->scan, open_->table, open_->found)) return false;

    TupleTableSlot* from = open_->found;
    TupleTableSlot* to = open_->written;
    slot_getallattrs(from);
    ExecClearTuple(to);
    for (int i = 0; i < keys_ + numbers_; ++i) {
      to->tts_values[i] = from->tts_values[i];
      to->tts_isnull[i] = false;
    }
    for (int i = 0; i < numbers_; ++i) {
      int64_t sum = 0;
      if (__builtin_add_overflow(DatumGetInt64(to->tts_values[keys_ + i]), numbers[i], &sum)) return false;
      to->tts_values[keys_ + i] = Int64GetDatum(sum);
    }
    ExecStoreVirtualTuple(to);
    bool moved = false;
    if (!compat::update_unless_busy(open_->table, &from->tts_tid, to, &moved)) return false;
    if (moved) index_entry(to->tts_values, to);
    return true;
  });
}

bool CounterTable::append(const Datum* key, const int64_t* numbers) {
  if (!opened()) return false;
  guard([&] {
    TupleTableSlot* to = open_->written;
    ExecClearTuple(to);
    for (int i = 0; i < keys_ + numbers_; ++i) {
      to->tts_values[i] = i < keys_ ? key[i] : Int64GetDatum(numbers[i - keys_]);
      to->tts_isnull[i] = false;
    }
    ExecStoreVirtualTuple(to);
    table_tuple_insert(open_->table, to, GetCurrentCommandId(true), 0, nullptr);
    index_entry(key, to);
  });
  return true;
}

}  // namespace atelier::pg
