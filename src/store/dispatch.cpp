// SPDX-License-Identifier: PostgreSQL
#include "store/dispatch.hpp"

#include "pg/server.hpp"
#include "pg/spi.hpp"
#include "pg/worker.hpp"
#include "pg/worker_names.hpp"

namespace atelier::store::dispatch {

namespace {

pg::Statement exists_statement(R"sql(
  SELECT to_regclass('atelier.identity') IS NOT NULL AND to_regclass('atelier.migrations') IS NOT NULL)sql");

pg::Statement state_statement(R"sql(
  SELECT i.system_identifier, i.database_oid::bigint, i.timeline, i.app_schema::text, i.dispatch,
         coalesce((SELECT max(m.version) FROM atelier.migrations m), 0),
         i.relation_oid = 'atelier.identity'::regclass
    FROM atelier.identity i
   ORDER BY i.relation_oid = 'atelier.identity'::regclass DESC)sql");

pg::Statement timeline_statement(R"sql(UPDATE atelier.identity SET timeline = $1, since = now())sql");

pg::Statement hold_statement(R"sql(UPDATE atelier.identity SET dispatch = 'held', since = now())sql");

Permit permit_of(const std::string& dispatch) {
  if (dispatch == "running") return Permit::running;
  return dispatch == "paused" ? Permit::paused : Permit::held;
}

}  // namespace

int32_t released_table_version() { return pg::extension_version(pg::kExtension) == "0.1.0" ? 16 : 0; }

bool code_is_current() {
  const std::string version = pg::extension_version(pg::kExtension);
  return version.empty() || version == ATELIER_VERSION;
}

Here here() { return {pg::system_identifier(), MyDatabaseId, pg::timeline()}; }

State state() {
  State state;
  pg::Spi spi;
  if (!exists_statement()[0].get<bool>(0)) return state;
  const pg::Rows rows = state_statement();
  if (rows.empty()) return state;
  const pg::Row row = rows[0];
  const Here place = here();
  state.app_schema = row.get<std::string>(3);
  state.table_version = row.get<int32_t>(5);
  state.code_is_current = code_is_current();
  // The row of another database came with its data.
  const bool same = rows.size() == 1 && static_cast<uint64_t>(row.get<int64_t>(0)) == place.system_identifier &&
                    static_cast<Oid>(row.get<int64_t>(1)) == place.database && row.get<bool>(6);
  state.permit = same ? permit_of(row.get<std::string>(4)) : Permit::other_database;
  state.promoted = same && row.get<int32_t>(2) != place.timeline;
  return state;
}

void note_timeline() {
  pg::Spi spi;
  timeline_statement(here().timeline);
}

void hold() {
  pg::Spi spi;
  hold_statement();
}

}  // namespace atelier::store::dispatch
