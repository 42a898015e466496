// SPDX-License-Identifier: PostgreSQL
// A trigger call as C++ sees it. Whoever may execute a native trigger function may attach it to a table of his own, so
// a call is opened with what it expects (table name, time, level), the table must belong to atelier_owner, and each
// column is fetched by name and type; anything else raises 39P01. Opening a call also sets the app schema to the
// table's. Used by trigger/ only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/datum.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "commands/trigger.h"
}

namespace atelier::pg {

enum class TriggerTime { before_row, after_row, after_statement };
enum class TriggerEvent { insert, update, remove, truncate };

// A column of the trigger's table. It remembers where it was found in which table, so it should be a constant that
// lives as long as the backend.
class Column {
 public:
  constexpr Column(const char* column_name, Oid column_type) : name(column_name), type(column_type) {}

  const char* name;
  Oid type;

 private:
  friend class TriggerCall;
  mutable Oid relation_ = 0;
  mutable uint64_t version_ = 0;
  mutable int number_ = 0;
};

class TriggerCall {
 public:
  // Raises 39P01 unless the function was called as a trigger at `time` on a table called `table` of atelier_owner.
  TriggerCall(FunctionCallInfo fcinfo, std::string_view table, TriggerTime time);
  // The same for any table of atelier_owner.
  TriggerCall(FunctionCallInfo fcinfo, TriggerTime time);

  TriggerEvent event() const noexcept { return event_; }
  Relation relation() const noexcept { return data_->tg_relation; }

  // True when row level security applies to the caller on this table: an ordinary user, as opposed to the owner,
  // service_role and superusers.
  bool caller_is_restricted() const;

  // Attribute numbers count from 1. `attribute` raises unless the column exists and has that type.
  int attribute(const Column& column) const;
  int attribute_count() const noexcept;
  // False for dropped and generated columns, which nobody writes.
  bool is_written(int attribute) const noexcept;
  std::string_view attribute_name(int attribute) const noexcept;

  bool old_is_null(const Column& column) const { return !old_datum(column); }
  bool new_is_null(const Column& column) const { return !new_datum(column); }
  std::optional<Datum> old_datum(const Column& column) const;
  std::optional<Datum> new_datum(const Column& column) const;
  template <typename T>
  std::optional<T> old_value(const Column& column) const {
    const std::optional<Datum> value = old_datum(column);
    if (!value) return std::nullopt;
    return to_cpp<T>(*value);
  }
  template <typename T>
  std::optional<T> new_value(const Column& column) const {
    const std::optional<Datum> value = new_datum(column);
    if (!value) return std::nullopt;
    return to_cpp<T>(*value);
  }

  // The same for columns that are never null; raises 23502 where somebody has allowed it.
  template <typename T>
  T old_required(const Column& column) const {
    return to_cpp<T>(required(old_datum(column), column));
  }
  template <typename T>
  T new_required(const Column& column) const {
    return to_cpp<T>(required(new_datum(column), column));
  }

  // The size of a text or jsonb value, told without detoasting it; 0 for null.
  size_t new_bytes(const Column& column) const;
  // The length of a text in characters; 0 for null.
  size_t new_characters(const Column& column) const;
  // The text SQL prints for the new value (jsonb, numeric ...).
  std::optional<std::string> new_printed(const Column& column) const;

  // True when an UPDATE changes the column, compared by the bytes of the value.
  bool changes(int attribute) const;
  bool changes(const Column& column) const { return changes(attribute(column)); }

  // Changes to the new row, which the functions above see at once and `result` hands over. Only in BEFORE row triggers.
  void set(const Column& column, const Arg& value);
  void set_null(const Column& column);
  // The value that the old row has.
  void keep(int attribute);
  void keep(const Column& column) { keep(attribute(column)); }
  // The value that the column's DEFAULT gives; null when it has none.
  void set_default(int attribute);
  // The same for every column that is null, must not be, and has a default: bulk inserts send null for what a row
  // lacks.
  void fill_missing();

  // The name of a column that is null and must not be; empty when there is none. For tables whose rows must not be
  // shown in the server's own message.
  std::string_view forbidden_null() const;

  // What a trigger function returns: the new row with the changes for BEFORE, null otherwise.
  Datum result();

 private:
  // The columns of a row, taken apart when the first is asked for.
  struct Image {
    std::vector<Datum> values;
    std::vector<char> nulls;
  };
  const Image& image(Image& place, HeapTuple tuple) const;
  const Image& old_image() const;
  const Image& new_image() const;
  void write(int attribute, Datum value, bool null);
  Datum required(const std::optional<Datum>& value, const Column& column) const;

  TriggerData* data_ = nullptr;
  TriggerEvent event_ = TriggerEvent::insert;
  TriggerTime time_;
  HeapTuple new_tuple_ = nullptr;
  mutable Image old_;
  mutable Image new_;
  std::vector<int> changed_;
};

}  // namespace atelier::pg
