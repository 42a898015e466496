// SPDX-License-Identifier: PostgreSQL
#include "pg/error.hpp"

#include <utility>

#include "pg/guard.hpp"

extern "C" {
#include "utils/elog.h"
#include "utils/memutils.h"
}

namespace atelier::pg {

namespace {

int sqlstate_of(Code code) {
  switch (code) {
    case Code::invalid_parameter_value:
      return ERRCODE_INVALID_PARAMETER_VALUE;
    case Code::insufficient_privilege:
      return ERRCODE_INSUFFICIENT_PRIVILEGE;
    case Code::object_not_in_prerequisite_state:
      return ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
    case Code::object_in_use:
      return ERRCODE_OBJECT_IN_USE;
    case Code::not_null_violation:
      return ERRCODE_NOT_NULL_VIOLATION;
    case Code::unique_violation:
      return ERRCODE_UNIQUE_VIOLATION;
    case Code::check_violation:
      return ERRCODE_CHECK_VIOLATION;
    case Code::string_data_right_truncation:
      return ERRCODE_STRING_DATA_RIGHT_TRUNCATION;
    case Code::program_limit_exceeded:
      return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    case Code::configuration_limit_exceeded:
      return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
    case Code::trigger_protocol_violated:
      return ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED;
    case Code::internal_error:
      return ERRCODE_INTERNAL_ERROR;
    case Code::out_of_memory:
      return ERRCODE_OUT_OF_MEMORY;
    case Code::http_bad_request:
      return MAKE_SQLSTATE('P', 'T', '4', '0', '0');
    case Code::http_forbidden:
      return MAKE_SQLSTATE('P', 'T', '4', '0', '3');
  }
  return ERRCODE_INTERNAL_ERROR;
}

// Copies into the current context without raising: this runs where an ereport would leak a C++ exception.
char* copy_or_null(const std::string& text) noexcept {
  if (text.empty()) return nullptr;
  void* place = MemoryContextAllocExtended(CurrentMemoryContext, text.size() + 1, MCXT_ALLOC_NO_OOM);
  if (place == nullptr) return nullptr;
  return static_cast<char*>(memcpy(place, text.c_str(), text.size() + 1));
}

}  // namespace

Error::Error(Report report) : report_(std::make_shared<const Report>(std::move(report))) {}

bool Error::passes_by_itself() const {
  switch (report_->sqlstate) {
    case ERRCODE_LOCK_NOT_AVAILABLE:
    case ERRCODE_T_R_SERIALIZATION_FAILURE:
    case ERRCODE_T_R_DEADLOCK_DETECTED:
    case ERRCODE_QUERY_CANCELED:
      return true;
    default:
      return false;
  }
}

std::string Error::sqlstate() const {
  std::string text(5, '0');
  for (int place = 0; place < 5; ++place) text[place] = static_cast<char>(PGUNSIXBIT(report_->sqlstate >> (6 * place)));
  return text;
}

ErrorData* Error::to_error_data() const noexcept {
  auto* data = static_cast<ErrorData*>(
      MemoryContextAllocExtended(CurrentMemoryContext, sizeof(ErrorData), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO));
  if (data == nullptr) return nullptr;
  data->elevel = report_->level;
  data->sqlerrcode = report_->sqlstate;
  data->message = copy_or_null(report_->message);
  data->detail = copy_or_null(report_->detail);
  data->hint = copy_or_null(report_->hint);
  data->context = copy_or_null(report_->context);
  data->schema_name = copy_or_null(report_->schema_name);
  data->table_name = copy_or_null(report_->table_name);
  data->column_name = copy_or_null(report_->column_name);
  data->datatype_name = copy_or_null(report_->datatype_name);
  data->constraint_name = copy_or_null(report_->constraint_name);
  data->filename = copy_or_null(report_->file);
  data->funcname = copy_or_null(report_->function);
  data->lineno = report_->line;
  data->assoc_context = CurrentMemoryContext;
  return data;
}

void fail(Code code, std::string message, std::string detail, std::string hint) {
  Error::Report report;
  report.level = ERROR;
  report.sqlstate = sqlstate_of(code);
  report.message = std::move(message);
  report.detail = std::move(detail);
  report.hint = std::move(hint);
  throw Error(std::move(report));
}

void report(Level level, std::string_view message, std::string_view detail, std::string_view hint) noexcept {
  const int elevel = level == Level::debug    ? DEBUG1
                     : level == Level::log    ? LOG
                     : level == Level::notice ? NOTICE
                                              : WARNING;
  const auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
  try {
    guard([&] {
      ereport(elevel, (errmsg_internal("%.*s", length(message), message.data()),
                       detail.empty() ? 0 : errdetail_internal("%.*s", length(detail), detail.data()),
                       hint.empty() ? 0 : errhint("%.*s", length(hint), hint.data())));
    });
  } catch (...) {
    // A message that cannot be written must not end the work it reports on.
  }
}

}  // namespace atelier::pg
