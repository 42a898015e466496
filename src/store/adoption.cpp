// SPDX-License-Identifier: PostgreSQL
#include "store/adoption.hpp"

#include "pg/spi.hpp"

namespace atelier::store::adoption {

namespace {

#define UNFILLED                                                                 \
  "(SELECT b.relation, array_agg(b.attribute) AS attributes,"                    \
  "        format('%I.%I', atelier.app_schema(), b.relation)::regclass AS place" \
  "   FROM atelier.backfill b GROUP BY b.relation) u"

pg::Statement unfilled_statement(
    "SELECT u.relation::text, pg_relation_size(u.place) / current_setting('block_size')::bigint + 1"
    "  FROM " UNFILLED " ORDER BY u.relation");

pg::Statement fill_statement("SELECT atelier.fill_pages(u.place, $2, $3, u.attributes) FROM " UNFILLED
                             " WHERE u.relation::text = $1");

pg::Statement end_statement("SELECT atelier.end_backfill(u.place, u.attributes) FROM " UNFILLED
                            " WHERE u.relation::text = $1");

#undef UNFILLED

}  // namespace

std::vector<Unfilled> unfilled() {
  const pg::Spi spi;
  const pg::Rows rows = unfilled_statement();
  std::vector<Unfilled> found;
  for (size_t i = 0; i < rows.size(); ++i) found.push_back({rows[i].get<std::string>(0), rows[i].get<int64_t>(1)});
  return found;
}

void fill_pages(const std::string& table, int64_t first, int64_t end) {
  const pg::Spi spi;
  fill_statement(table, first, end);
}

void end_backfill(const std::string& table) {
  const pg::Spi spi;
  end_statement(table);
}

}  // namespace atelier::store::adoption
