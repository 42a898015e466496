// SPDX-License-Identifier: PostgreSQL
#include "store/waiting.hpp"

#include "pg/named_lock.hpp"
#include "pg/snapshot.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::waiting {

namespace {

pg::Statement count_statement(R"sql(
  SELECT count(*) FROM (SELECT FROM @app@.generations g
                         WHERE g.user_id = $1 AND g.status IN ('pending', 'queued') LIMIT $2) waiting)sql");

}  // namespace

void lock(const core::Uuid& user) { pg::lock_for_transaction("queue of " + core::to_string(user)); }

int64_t count(const core::Uuid& user, int64_t most) {
  const pg::AsRole owner(pg::owner_role());
  const pg::LatestSnapshot latest;
  const pg::Spi spi;
  return count_statement.read_only(user, most)[0].get<int64_t>(0);
}

}  // namespace atelier::store::waiting
