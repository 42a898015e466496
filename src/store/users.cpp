// SPDX-License-Identifier: PostgreSQL
#include "store/users.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::users {

namespace {

pg::Statement active_statement(R"sql(SELECT u.is_active FROM @app@.users u WHERE u.id = $1)sql");

}  // namespace

bool is_active(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = active_statement.read_only(user);
  return !rows.empty() && rows[0].maybe<bool>(0).value_or(false);
}

}  // namespace atelier::store::users
