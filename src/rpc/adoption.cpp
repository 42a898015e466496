// SPDX-License-Identifier: PostgreSQL
// adopt_backfill(): the procedure that fills what install() has left in large adopted tables.
#include "store/adoption.hpp"
#include "pg/entry.hpp"
#include "pg/procedure.hpp"

using namespace atelier;

// adopt_backfill(pages): so many pages of a table in each transaction. Raises 22023 for less than one. Who may call it
// is decided by its grants; what is done is done with the rights of the tables' owner.
ATELIER_FUNCTION(adopt_backfill) {
  const int32_t pages = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);
  if (pages < 1) pg::fail(pg::Code::invalid_parameter_value, "a batch has at least one page");
  pg::Procedure procedure(fcinfo);
  for (const store::adoption::Unfilled& item : store::adoption::unfilled()) {
    for (int64_t page = 0; page < item.pages; page += pages) {
      store::adoption::fill_pages(item.table, page, page + pages);
      procedure.commit();
    }
    store::adoption::end_backfill(item.table);
    procedure.commit();
  }
  return (Datum)0;
}
