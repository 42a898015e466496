// SPDX-License-Identifier: PostgreSQL
#include "pg/result_set.hpp"

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
}

namespace atelier::pg {

namespace {

// Values as the server takes them.
struct Columns {
  std::vector<Datum> datums;
  std::vector<char> nulls;

  explicit Columns(const std::vector<Arg>& values) {
    for (const Arg& value : values) {
      datums.push_back(value.value);
      nulls.push_back(value.null ? 1 : 0);
    }
  }
  bool* null_flags() { return reinterpret_cast<bool*>(nulls.data()); }
};

}  // namespace

ResultSet::ResultSet(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {
  guard([&] { InitMaterializedSRF(fcinfo_, 0); });
}

void ResultSet::add(const std::vector<Arg>& values) {
  Columns columns(values);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo_->resultinfo);
  // The SQL of an older version may know fewer columns, never more.
  if (static_cast<size_t>(result->setDesc->natts) > values.size())
    fail(Code::object_not_in_prerequisite_state, "the function's SQL is newer than the library", {},
         "Restart the server.");
  guard([&] { tuplestore_putvalues(result->setResult, result->setDesc, columns.datums.data(), columns.null_flags()); });
}

Datum composite(FunctionCallInfo fcinfo, const std::vector<Arg>& values) {
  Columns columns(values);
  bool fits = false;
  const Datum result = guard([&]() -> Datum {
    TupleDesc description = nullptr;
    fits = get_call_result_type(fcinfo, nullptr, &description) == TYPEFUNC_COMPOSITE &&
           static_cast<size_t>(description->natts) == columns.datums.size();
    if (!fits) return 0;
    HeapTuple tuple = heap_form_tuple(BlessTupleDesc(description), columns.datums.data(), columns.null_flags());
    return HeapTupleGetDatum(tuple);
  });
  if (!fits)
    fail(Code::object_not_in_prerequisite_state, "the function's SQL does not fit the library", {},
         "Restart the server.");
  return result;
}

}  // namespace atelier::pg
