// SPDX-License-Identifier: PostgreSQL
#include "pg/guard.hpp"

#include "pg/error.hpp"

extern "C" {
#include "utils/elog.h"
#include "utils/memutils.h"
}

namespace atelier::pg::detail {

namespace {

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

Error::Report report_from(const ErrorData& data) {
  Error::Report report;
  report.level = data.elevel;
  report.sqlstate = data.sqlerrcode;
  report.message = text_or_empty(data.message);
  report.detail = text_or_empty(data.detail);
  report.hint = text_or_empty(data.hint);
  report.context = text_or_empty(data.context);
  report.schema_name = text_or_empty(data.schema_name);
  report.table_name = text_or_empty(data.table_name);
  report.column_name = text_or_empty(data.column_name);
  report.datatype_name = text_or_empty(data.datatype_name);
  report.constraint_name = text_or_empty(data.constraint_name);
  report.file = text_or_empty(data.filename);
  report.function = text_or_empty(data.funcname);
  report.line = data.lineno;
  return report;
}

}  // namespace

Mark mark() noexcept { return {CurrentMemoryContext, PG_exception_stack, error_context_stack}; }

void return_to(const Mark& mark) noexcept {
  PG_exception_stack = mark.exception_stack;
  error_context_stack = mark.error_context;
}

void throw_pending(const Mark& mark) {
  return_to(mark);
  // CopyErrorData refuses to work in ErrorContext, which is current after a jump.
  MemoryContextSwitchTo(mark.context == ErrorContext ? TopMemoryContext : mark.context);
  ErrorData* data = CopyErrorData();
  FlushErrorState();
  Error::Report report = report_from(*data);
  FreeErrorData(data);
  MemoryContextSwitchTo(mark.context);
  throw Error(std::move(report));
}

}  // namespace atelier::pg::detail
