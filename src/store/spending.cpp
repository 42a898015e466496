// SPDX-License-Identifier: PostgreSQL
#include "store/spending.hpp"

#include "pg/spi.hpp"

namespace atelier::store::spending {

namespace {

// In the order of ids, and all together under the id of nobody.
pg::Statement add_statement(R"sql(
  INSERT INTO atelier.spending AS s (day, user_id, usd)
  SELECT ($3 AT TIME ZONE 'UTC')::date, n.user_id, sum(n.usd::numeric)
    FROM unnest($1::uuid[], $2::text[]) AS n(user_id, usd)
   GROUP BY n.user_id
   ORDER BY n.user_id
  ON CONFLICT (day, user_id) DO UPDATE SET usd = s.usd + excluded.usd)sql");

pg::Statement reached_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.spending s
                  WHERE s.day = ($2 AT TIME ZONE 'UTC')::date AND s.user_id = '00000000-0000-0000-0000-000000000000'
                    AND s.usd >= $1::numeric))sql");

}  // namespace

void add(const std::vector<Cost>& costs, pg::Timestamp now) {
  std::vector<core::Uuid> users;
  std::vector<std::string> amounts;
  for (const Cost& cost : costs) {
    for (const core::Uuid& whose : {cost.user, core::Uuid{}}) {
      users.push_back(whose);
      amounts.push_back(cost.usd);
    }
  }
  pg::Spi spi;
  add_statement(users, amounts, now);
}

bool reached(double usd, pg::Timestamp now) {
  pg::Spi spi;
  return reached_statement(usd, now)[0].get<bool>(0);
}

}  // namespace atelier::store::spending
