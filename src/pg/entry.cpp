// SPDX-License-Identifier: PostgreSQL
#include "pg/entry.hpp"

extern "C" {
#include "utils/elog.h"
#include "utils/memutils.h"
}

namespace atelier::pg {

ErrorData* error_data_from(const char* what) noexcept {
  try {
    Error::Report report;
    report.level = ERROR;
    report.sqlstate = ERRCODE_INTERNAL_ERROR;
    report.message = what;
    return Error(std::move(report)).to_error_data();
  } catch (...) {
    return nullptr;
  }
}

void raise(ErrorData* data) {
  if (data == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  ThrowErrorData(data);
  pg_unreachable();
}

}  // namespace atelier::pg
