// SPDX-License-Identifier: PostgreSQL
#include "store/outputs.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"

namespace atelier::store::outputs {

namespace {

pg::Statement add_statement(R"sql(
  INSERT INTO atelier.outputs (generation_id, ordinal, kind, url, expires_at)
  SELECT n.generation_id, n.ordinal, n.kind, n.url, n.expires_at
    FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::timestamptz[])
         AS n(generation_id, ordinal, kind, url, expires_at))sql");

pg::Statement forget_statement(R"sql(DELETE FROM atelier.outputs WHERE generation_id = $1)sql");

pg::Statement forget_gone_statement(R"sql(
  DELETE FROM atelier.outputs o WHERE NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = o.generation_id))sql");

}  // namespace

void add(const std::vector<Output>& outputs) {
  std::vector<core::Uuid> generations;
  std::vector<int16_t> ordinals;
  std::vector<std::string> kinds, urls;
  std::vector<std::optional<pg::Timestamp>> ends;
  for (const Output& output : outputs) {
    generations.push_back(output.generation);
    ordinals.push_back(output.ordinal);
    kinds.push_back(output.kind);
    urls.push_back(output.url);
    ends.push_back(output.expires_at);
  }
  pg::Spi spi;
  add_statement(generations, ordinals, kinds, urls, ends);
}

void forget(const core::Uuid& generation) {
  if (!identity::has_step("money")) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_statement(generation);
}

void forget_gone() {
  if (!identity::has_step("money")) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_gone_statement();
}

}  // namespace atelier::store::outputs
