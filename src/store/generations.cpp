// SPDX-License-Identifier: PostgreSQL
#include "store/generations.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::generations {

namespace {

pg::Statement user_statement(R"sql(SELECT g.user_id FROM @app@.generations g WHERE g.id = $1)sql");

pg::Statement lock_statement(R"sql(SELECT g.status FROM @app@.generations g WHERE g.id = $1 FOR NO KEY UPDATE)sql");

pg::Statement status_statement(R"sql(
  UPDATE @app@.generations SET status = $2 WHERE id OPERATOR(pg_catalog.=) $1 RETURNING status)sql");

pg::Statement readable_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.generations WHERE id OPERATOR(pg_catalog.=) $1))sql");

pg::Statement explain_statement(R"sql(
  SELECT e.state, e.reason, e.blocked_by, e.place, e.ahead_of_you, e.earliest_start, e.percent
    FROM atelier.explanation($1) e)sql");

}  // namespace

std::optional<core::Uuid> user_of(const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = user_statement(generation);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<core::Uuid>(0);
}

std::optional<std::string> lock(const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = lock_statement(generation);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<std::string>(0);
}

std::optional<std::string> set_status(const core::Uuid& generation, std::string_view status) {
  const pg::Spi spi;
  const pg::Rows rows = status_statement(generation, std::string(status));
  if (rows.empty()) return std::nullopt;
  return rows[0].get<std::string>(0);
}

bool is_readable(const core::Uuid& generation) {
  const pg::Spi spi;
  return readable_statement(generation)[0].get<bool>(0);
}

Explanation explain(const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = explain_statement(generation);
  const pg::Row row = rows[0];
  return {row.maybe<std::string>(0), row.maybe<std::string>(1),   row.maybe<std::string>(2), row.maybe<int64_t>(3),
          row.maybe<int64_t>(4),     row.maybe<pg::Timestamp>(5), row.maybe<int16_t>(6)};
}

}  // namespace atelier::store::generations
