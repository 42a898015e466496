// SPDX-License-Identifier: PostgreSQL
// Statements with saved plans. A store function owns one constant-initialised `Statement` (the text stands beside the
// function) and runs it inside a `Spi` block. The text writes @app@ for the quoted app schema; the plan is made once
// per backend and made again when that schema changes. Used by store/, and by nothing above it.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/datum.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace atelier::pg {

// A connection to the server's SPI for the length of a block. Plans made in it use indexes where there are any: the
// store looks rows up by key, and a plan made while a table is empty would scan it long after it has grown.
class Spi {
 public:
  Spi();
  ~Spi();
  Spi(const Spi&) = delete;
  Spi& operator=(const Spi&) = delete;

 private:
  bool sequential_scans_;
  bool jit_;
};

// One row of a result. Columns count from 0, in the order of the statement's select list.
class Row {
 public:
  Row(HeapTuple tuple, TupleDesc descriptor) : tuple_(tuple), descriptor_(descriptor) {}

  bool is_null(int column) const;

  // The value, which must not be null; a null raises XX000, since the statement promised one.
  template <typename T>
  T get(int column) const {
    return to_cpp<T>(present(column));
  }
  template <typename T>
  std::optional<T> maybe(int column) const {
    bool null = true;
    const Datum value = datum(column, null);
    if (null) return std::nullopt;
    return to_cpp<T>(value);
  }
  // The text SQL prints for the value, whatever its type; nullopt for null.
  std::optional<std::string> printed(int column) const;

 private:
  Datum datum(int column, bool& null) const;
  Datum present(int column) const;

  HeapTuple tuple_;
  TupleDesc descriptor_;
};

// The rows of one execution; freed at the end of its scope, and at the latest with the Spi block.
class Rows {
 public:
  Rows(SPITupleTable* table, uint64_t processed) : table_(table), processed_(processed) {}
  ~Rows();
  Rows(Rows&& other) noexcept;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  size_t size() const noexcept { return table_ == nullptr ? 0 : table_->numvals; }
  uint64_t affected() const noexcept { return processed_; }
  bool empty() const noexcept { return size() == 0; }
  Row operator[](size_t index) const { return Row(table_->vals[index], table_->tupdesc); }
  // The first column of all rows.
  template <typename T>
  std::vector<T> first_column() const {
    std::vector<T> values;
    values.reserve(size());
    for (size_t i = 0; i < size(); ++i) values.push_back((*this)[i].template get<T>(0));
    return values;
  }

 private:
  SPITupleTable* table_;
  uint64_t processed_;
};

class Statement {
 public:
  explicit constexpr Statement(const char* sql) : text_(sql) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Runs the statement in a Spi block; `arguments` are $1, $2 ... Throws pg::Error.
  template <typename... Args>
  Rows operator()(const Args&... arguments) {
    const Arg list[] = {Arg::of(arguments)..., Arg{}};
    return run(list, sizeof...(Args), false);
  }
  // The same with the snapshot of the calling query and no right to write: for STABLE functions.
  template <typename... Args>
  Rows read_only(const Args&... arguments) {
    const Arg list[] = {Arg::of(arguments)..., Arg{}};
    return run(list, sizeof...(Args), true);
  }

 private:
  Rows run(const Arg* arguments, size_t count, bool read_only);
  void prepare(const Arg* arguments, size_t count);

  const char* text_;
  SPIPlanPtr plan_ = nullptr;
  uint64_t schema_version_ = 0;
};

// Runs one statement that is not worth a saved plan (DDL, SET LOCAL ...).
void execute_once(const std::string& text);

// The app schema that statements are made for, unquoted. Setting another one makes every plan be prepared again.
void set_app_schema(std::string_view name);
const std::string& app_schema() noexcept;

}  // namespace atelier::pg
