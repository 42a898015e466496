// SPDX-License-Identifier: PostgreSQL
#include "store/models.hpp"

#include "core/json.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"

namespace atelier::store::models {

namespace {

// Of a bare version the model is the one that it is pinned for.
pg::Statement listed_statement(R"sql(
  SELECT m.enabled, $2 = '' OR $2 = m.version, m.actions IS NULL OR $3 = ANY (m.actions)
    FROM atelier.models m
   WHERE CASE WHEN $1 = '' THEN m.version = $2 ELSE m.replicate_model = $1 END
   ORDER BY m.seeded_at
   LIMIT 1)sql");

pg::Statement models_statement(R"sql(
  SELECT m.replicate_model, coalesce(m.version, ''), coalesce(m.price_rule, ''),
         coalesce(extract(epoch FROM m.deadline) * 1000000, 0)::bigint
    FROM atelier.models m
   ORDER BY m.seeded_at)sql");

pg::Statement prices_statement(R"sql(
  SELECT p.rule, p.metric, p.tier::text, p.usd::float8, greatest(p.valid_from, 'epoch')
    FROM atelier.prices p
   WHERE p.valid_from < 'infinity'
   ORDER BY p.seeded_at)sql");

}  // namespace

Listed listed(std::string_view name, std::string_view version, std::string_view action) {
  if (!identity::has_step("money")) return Listed::unknown;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = listed_statement(std::string(name), std::string(version), std::string(action));
  if (rows.empty()) return Listed::unknown;
  const pg::Row row = rows[0];
  if (!row.get<bool>(0)) return Listed::disabled;
  if (!row.maybe<bool>(1).value_or(false)) return Listed::other_version;
  return row.get<bool>(2) ? Listed::yes : Listed::other_action;
}

std::vector<Model> all() {
  pg::Spi spi;
  const pg::Rows rows = models_statement();
  std::vector<Model> models;
  models.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    models.push_back({rows[i].get<std::string>(0), rows[i].get<std::string>(1), rows[i].get<std::string>(2),
                      rows[i].get<int64_t>(3)});
  return models;
}

core::PriceList prices() {
  pg::Spi spi;
  const pg::Rows rows = prices_statement();
  core::PriceList list;
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    const core::json::Parsed tier = core::json::parse(row.get<std::string>(2));
    if (!tier) continue;
    list.add(row.get<std::string>(0),
             {row.get<std::string>(1), *tier.document, row.get<double>(3), row.get<pg::Timestamp>(4).us});
  }
  return list;
}

}  // namespace atelier::store::models
