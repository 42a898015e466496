// SPDX-License-Identifier: PostgreSQL
#include "store/count_keeping.hpp"

#include "pg/spi.hpp"

namespace atelier::store::counts {

namespace {

pg::Statement fold_statement("SELECT atelier.fold_counts($1)");

pg::Statement changes_statement(R"sql(
  SELECT pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)
    FROM (SELECT '@app@.generations'::regclass::oid) c (oid))sql");

pg::Statement audit_statement("SELECT a.next_user, a.repaired FROM atelier.audit_counts($1, $2) a");

}  // namespace

int64_t fold(int32_t most) {
  const pg::Spi spi;
  return fold_statement(most)[0].get<int64_t>(0);
}

int64_t audit(Audit& audit, int32_t most) {
  const pg::Spi spi;
  if (audit.next == core::Uuid{}) {
    const auto changes = changes_statement()[0].get<int64_t>(0);
    if (changes == audit.changes) return 0;
    audit.changes = changes;
  }
  const pg::Rows rows = audit_statement(audit.next, most);
  audit.next = rows[0].maybe<core::Uuid>(0).value_or(core::Uuid{});
  return rows[0].get<int64_t>(1);
}

}  // namespace atelier::store::counts
