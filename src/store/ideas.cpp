// SPDX-License-Identifier: PostgreSQL
#include "store/ideas.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::ideas {

namespace {

pg::Statement count_statement(R"sql(
  UPDATE @app@.ideas i SET votes_count = greatest(i.votes_count + $2, 0), updated_at = now() WHERE i.id = $1)sql");

}  // namespace

void count_votes(const core::Uuid& idea, int32_t change) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  count_statement(idea, change);
}

}  // namespace atelier::store::ideas
