// SPDX-License-Identifier: PostgreSQL
#include "store/identity.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "pg/catalog_version.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::identity {

namespace {

pg::Statement schema_statement(R"sql(
  SELECT i.app_schema::text FROM atelier.identity i
   ORDER BY i.relation_oid = 'atelier.identity'::regclass DESC LIMIT 1)sql");

pg::Statement steps_statement(R"sql(SELECT DISTINCT m.name FROM atelier.migrations m)sql");

// The schema may be another than this one remembers: triggers set it too, so it is set at each use.
struct Known {
  uint64_t version = 0;
  std::string schema;
};

}  // namespace

void use_app_schema() {
  static auto* known = new Known;
  const uint64_t version = pg::catalog_version();
  if (known->version != version) {
    const pg::AsRole owner(pg::owner_role());
    const pg::Spi spi;
    const pg::Rows rows = schema_statement.read_only();
    if (rows.empty())
      pg::fail(pg::Code::object_not_in_prerequisite_state, "atelier is not installed in this database",
               "Table atelier.identity has no row.", "Run SELECT atelier.install();");
    known->schema = rows[0].get<std::string>(0);
    known->version = version;
  }
  pg::set_app_schema(known->schema);
}

bool has_step(std::string_view name) {
  static uint64_t known_at = 0;
  static auto* steps = new std::vector<std::string>;
  const uint64_t version = pg::catalog_version();
  if (known_at != version) {
    const pg::AsRole owner(pg::owner_role());
    const pg::Spi spi;
    *steps = steps_statement.read_only().first_column<std::string>();
    known_at = version;
  }
  return std::find(steps->begin(), steps->end(), name) != steps->end();
}

}  // namespace atelier::store::identity
