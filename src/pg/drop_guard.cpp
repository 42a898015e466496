// SPDX-License-Identifier: PostgreSQL
#include "pg/drop_guard.hpp"

#include <string>

#include "pg/entry.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "pg/worker_names.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace atelier::pg {

namespace {

object_access_hook_type previous_hook = nullptr;

bool is_table_of(Oid relation, Oid owner) {
  const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto* entry = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  const bool found =
      entry->relowner == owner && entry->relkind == RELKIND_RELATION && entry->relpersistence != RELPERSISTENCE_TEMP;
  ReleaseSysCache(tuple);
  return found;
}

// Reads up to the first row that is there now. The command holds the table for itself already.
bool holds_rows(Oid oid) {
  const Relation relation = table_open(oid, AccessShareLock);
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, nullptr);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(relation, NoLock);
  return found;
}

bool is_our_script() { return creating_extension && CurrentExtensionObject == get_extension_oid(kExtension, true); }

void refuse_to_lose_rows(Oid relation) {
  const Oid owner = find_owner_role();
  const bool refused = OidIsValid(owner) &&
                       guard([&] { return is_table_of(relation, owner) && !is_our_script() && holds_rows(relation); });
  if (!refused) return;
  const char* name = guard([&] {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
  });
  fail(Code::object_in_use, std::string("cannot drop table ") + name + " because it holds rows",
       "It belongs to atelier_owner, and its rows would be lost.",
       "To drop it nevertheless, SET atelier.allow_drop = on as a superuser.");
}

void on_access(ObjectAccessType access, Oid object_class, Oid object, int column, void* argument) {
  if (previous_hook != nullptr) previous_hook(access, object_class, object, column, argument);
  if (access != OAT_DROP || object_class != RelationRelationId || column != 0) return;
  const auto* drop = static_cast<const ObjectAccessDrop*>(argument);
  if (drop != nullptr && (drop->dropflags & PERFORM_DELETION_INTERNAL) != 0) return;
  if (settings::allow_drop()) return;
  enter([&] { refuse_to_lose_rows(object); });
}

}  // namespace

void guard_drops() {
  previous_hook = object_access_hook;
  object_access_hook = on_access;
}

}  // namespace atelier::pg
