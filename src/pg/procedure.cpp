// SPDX-License-Identifier: PostgreSQL
#include "pg/procedure.hpp"

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
}

namespace atelier::pg {

Procedure::Procedure(FunctionCallInfo fcinfo) {
  const bool may_commit = fcinfo->context != nullptr && IsA(fcinfo->context, CallContext) &&
                          !reinterpret_cast<CallContext*>(fcinfo->context)->atomic;
  if (guard([&] { return SPI_connect_ext(may_commit ? SPI_OPT_NONATOMIC : 0); }) < 0)
    fail(Code::internal_error, "SPI_connect_ext failed");
}

Procedure::~Procedure() {
  try {
    guard([] { SPI_finish(); });
  } catch (...) {
    // The transaction is about to be aborted, which ends the connection as well.
  }
}

void Procedure::commit() {
  guard([] {
    SPI_commit();
    // What comes next expects one, as it had at the beginning.
    EnsurePortalSnapshotExists();
  });
}

}  // namespace atelier::pg
