// SPDX-License-Identifier: PostgreSQL
#include "pg/spi.hpp"

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "jit/jit.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
}

namespace atelier::pg {

namespace {

// Never freed: a destructor would run at backend exit, after the server's memory is gone.
std::string& schema_name() {
  static auto* name = new std::string("public");
  return *name;
}
uint64_t schema_version = 1;

std::string with_app_schema(const char* text) {
  constexpr std::string_view kMark = "@app@";
  const std::string quoted = guard([] { return quote_identifier(schema_name().c_str()); });
  std::string result(text);
  for (size_t place = result.find(kMark); place != std::string::npos; place = result.find(kMark, place + quoted.size()))
    result.replace(place, kMark.size(), quoted);
  return result;
}

void check(int code, const char* what) {
  if (code < 0) fail(Code::internal_error, std::string(what) + " failed: " + SPI_result_code_string(code));
}

}  // namespace

Spi::Spi() : sequential_scans_(enable_seqscan), jit_(jit_enabled) {
  check(guard([] { return SPI_connect(); }), "SPI_connect");
  // A scan that is used for want of an index counts as so expensive that it would be compiled.
  enable_seqscan = jit_enabled = false;
}

Spi::~Spi() {
  enable_seqscan = sequential_scans_;
  jit_enabled = jit_;
  try {
    guard([] { SPI_finish(); });
  } catch (...) {
    // The transaction is about to be aborted, which ends the connection as well.
  }
}

Datum Row::datum(int column, bool& null) const {
  return guard([&] { return SPI_getbinval(tuple_, descriptor_, column + 1, &null); });
}

Datum Row::present(int column) const {
  bool null = true;
  const Datum value = datum(column, null);
  if (null) fail(Code::internal_error, "unexpected null in column " + std::to_string(column + 1) + " of a statement");
  return value;
}

bool Row::is_null(int column) const {
  bool null = true;
  datum(column, null);
  return null;
}

std::optional<std::string> Row::printed(int column) const {
  bool null = true;
  const Datum value = datum(column, null);
  if (null) return std::nullopt;
  return output_text(value, TupleDescAttr(descriptor_, column)->atttypid);
}

Rows::Rows(Rows&& other) noexcept : table_(other.table_), processed_(other.processed_) { other.table_ = nullptr; }

Rows::~Rows() {
  if (table_ != nullptr) SPI_freetuptable(table_);
}

void Statement::prepare(const Arg* arguments, size_t count) {
  if (plan_ != nullptr) {
    guard([&] { SPI_freeplan(plan_); });
    plan_ = nullptr;
  }
  std::vector<Oid> types(count);
  for (size_t i = 0; i < count; ++i) types[i] = arguments[i].type;
  const std::string text = with_app_schema(text_);
  SPIPlanPtr plan = guard([&] { return SPI_prepare(text.c_str(), static_cast<int>(count), types.data()); });
  if (plan == nullptr) check(SPI_result, "SPI_prepare");
  check(guard([&] { return SPI_keepplan(plan); }), "SPI_keepplan");
  plan_ = plan;
  schema_version_ = schema_version;
}

Rows Statement::run(const Arg* arguments, size_t count, bool read_only) {
  if (plan_ == nullptr || schema_version_ != schema_version) prepare(arguments, count);
  std::vector<Datum> values(count);
  std::string nulls(count, ' ');
  for (size_t i = 0; i < count; ++i) {
    values[i] = arguments[i].value;
    if (arguments[i].null) nulls[i] = 'n';
  }
  check(guard([&] { return SPI_execute_plan(plan_, values.data(), nulls.c_str(), read_only, 0); }), "SPI_execute_plan");
  return Rows(SPI_tuptable, SPI_processed);
}

void execute_once(const std::string& text) {
  check(guard([&] { return SPI_execute(text.c_str(), false, 0); }), "SPI_execute");
}

void set_app_schema(std::string_view name) {
  if (schema_name() == name) return;
  schema_name() = name;
  ++schema_version;
}

const std::string& app_schema() noexcept { return schema_name(); }

}  // namespace atelier::pg
