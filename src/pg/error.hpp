// SPDX-License-Identifier: PostgreSQL
// A PostgreSQL error as a C++ exception. `guard` makes one from what the server raised; `fail` makes one of our own;
// the entry macro turns it back into ereport. The whole report is kept (SQLSTATE, detail, hint, names, location), in
// memory of its own, so it outlives the transaction that raised it. Nothing but `in_subtransaction` and the worker's
// `in_transaction` may swallow one.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pg/postgres.hpp"

namespace atelier::pg {

// SQLSTATEs that atelier raises itself, by meaning.
enum class Code {
  invalid_parameter_value,
  insufficient_privilege,
  object_not_in_prerequisite_state,
  object_in_use,
  not_null_violation,
  unique_violation,
  check_violation,
  program_limit_exceeded,
  string_data_right_truncation,
  configuration_limit_exceeded,
  trigger_protocol_violated,
  internal_error,
  out_of_memory,
  http_bad_request,  // PT400: the gateway answers with this status
  http_forbidden,    // PT403
};

class Error : public std::exception {
 public:
  struct Report {
    int level = 0;
    int sqlstate = 0;
    std::string message;
    std::string detail;
    std::string hint;
    std::string context;
    std::string schema_name;
    std::string table_name;
    std::string column_name;
    std::string datatype_name;
    std::string constraint_name;
    std::string file;
    std::string function;
    int line = 0;
  };

  explicit Error(Report report);

  const char* what() const noexcept override { return report_->message.c_str(); }
  const Report& report() const noexcept { return *report_; }

  // The five characters of the SQLSTATE, such as "23505".
  std::string sqlstate() const;

  // Whether waiting is all it takes: somebody else held a lock, the order of commits was against us, or an
  // administrator cancelled the statement.
  bool passes_by_itself() const;

  // A palloc'ed copy for ThrowErrorData in the current memory context; null when memory is short.
  ErrorData* to_error_data() const noexcept;

 private:
  std::shared_ptr<const Report> report_;
};

// Raises an error in PostgreSQL's message style: `message` short, lower case, without a full stop; `detail` and `hint`
// whole sentences or empty.
[[noreturn]] void fail(Code code, std::string message, std::string detail = {}, std::string hint = {});

// Writes a line to the server log (and to the client, by its settings) without ending anything.
enum class Level { debug, log, notice, warning };
void report(Level level, std::string_view message, std::string_view detail = {}, std::string_view hint = {}) noexcept;

}  // namespace atelier::pg
