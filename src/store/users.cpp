// SPDX-License-Identifier: PostgreSQL
#include "store/users.hpp"

#include "core/text.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::users {

namespace {

pg::Statement by_email_statement(R"sql(
  SELECT u.id, CASE WHEN u.is_active THEN u.role ELSE 'user' END
    FROM @app@.users u WHERE lower(u.email) = lower($1))sql");

pg::Statement set_role_statement(R"sql(
  UPDATE @app@.users u SET role = $2 WHERE lower(u.email) = lower($1) AND u.role <> 'super_admin')sql");

// A balance that is below zero already stays.
pg::Statement take_credits_statement(R"sql(
  UPDATE @app@.users u SET credits = greatest(0, u.credits - $2) WHERE u.id = $1 AND u.credits > 0 AND $2 > 0)sql");

}  // namespace

std::optional<Found> by_email(std::string_view email) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = by_email_statement.read_only(std::string(core::text::trim(email)));
  if (rows.empty()) return std::nullopt;
  return Found{rows[0].get<core::Uuid>(0), rows[0].get<std::string>(1)};
}

bool set_role(std::string_view email, std::string_view role) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return set_role_statement(std::string(core::text::trim(email)), std::string(role)).affected() > 0;
}

void take_credits(const core::Uuid& user, int32_t credits) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  take_credits_statement(user, credits);
}

}  // namespace atelier::store::users
