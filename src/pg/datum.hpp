// SPDX-License-Identifier: PostgreSQL
// Values between C++ and PostgreSQL. `Arg` is one argument of a statement, `to_cpp<T>` reads a Datum, `to_datum` makes
// one in the current memory context. Times are int64 microseconds since the Unix epoch on the C++ side; the server
// counts from 2000. Supported C++ types: bool, int16_t, int32_t, int64_t, double, Timestamp, std::string (text,
// varchar, name, and json or jsonb as text), and vectors of these, also of optional ones, for arrays. Value types of
// other layers join in by a to_datum() in their own namespace and specialisations of TypeOf and to_cpp
// (store/uuid.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/postgres.hpp"

namespace atelier::pg {

// A point in time, microseconds since the Unix epoch.
struct Timestamp {
  int64_t us = 0;
};

// JSON text that becomes a jsonb value; malformed text raises 22P02.
struct Jsonb {
  std::string text;
};

Timestamp now() noexcept;                // the clock
Timestamp transaction_start() noexcept;  // SQL's now()

Datum to_datum(bool value);
Datum to_datum(int16_t value);
Datum to_datum(int32_t value);
Datum to_datum(int64_t value);
Datum to_datum(double value);
Datum to_datum(Timestamp value);
Datum to_datum(std::string_view text);
Datum to_datum(const Jsonb& value);

// The type that a C++ type has as a statement's argument.
template <typename T>
struct TypeOf;
template <>
struct TypeOf<bool> {
  static constexpr Oid scalar = 16, array = 1000;
};
template <>
struct TypeOf<int16_t> {
  static constexpr Oid scalar = 21, array = 1005;
};
template <>
struct TypeOf<int32_t> {
  static constexpr Oid scalar = 23, array = 1007;
};
template <>
struct TypeOf<int64_t> {
  static constexpr Oid scalar = 20, array = 1016;
};
template <>
struct TypeOf<double> {
  static constexpr Oid scalar = 701, array = 1022;
};
template <>
struct TypeOf<Timestamp> {
  static constexpr Oid scalar = 1184, array = 1185;
};
template <>
struct TypeOf<std::string> {
  static constexpr Oid scalar = 25, array = 1009;
};
template <>
struct TypeOf<Jsonb> {
  static constexpr Oid scalar = 3802, array = 3807;
};

// An array of `element` made of Datums of that type.
Datum array_datum(const std::vector<Datum>& values, const std::vector<char>& nulls, Oid element);

// The elements of an array that are not null. They point into the array or a copy of it in the current memory context.
std::vector<Datum> array_elements(Datum array, Oid element);

// One argument of a statement: a value or null, and its type.
struct Arg {
  Datum value = 0;
  bool null = true;
  Oid type = 0;

  template <typename T>
  static Arg of(const T& value) {
    return {to_datum(value), false, TypeOf<T>::scalar};
  }
  static Arg of(std::string_view text) { return {to_datum(text), false, TypeOf<std::string>::scalar}; }
  static Arg of(const std::string& text) { return of(std::string_view(text)); }
  static Arg of(const char* text) { return of(std::string_view(text)); }

  template <typename T>
  static Arg of(const std::optional<T>& value) {
    if (value) return of(*value);
    return {0, true, TypeOf<T>::scalar};
  }

  template <typename T>
  static Arg of(const std::vector<T>& values) {
    std::vector<Datum> datums;
    std::vector<char> nulls(values.size(), 0);
    datums.reserve(values.size());
    for (const T& value : values) datums.push_back(to_datum(value));
    return {array_datum(datums, nulls, TypeOf<T>::scalar), false, TypeOf<T>::array};
  }

  template <typename T>
  static Arg of(const std::vector<std::optional<T>>& values) {
    std::vector<Datum> datums(values.size(), 0);
    std::vector<char> nulls(values.size(), 0);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]) {
        datums[i] = to_datum(*values[i]);
      } else {
        nulls[i] = 1;
      }
    }
    return {array_datum(datums, nulls, TypeOf<T>::scalar), false, TypeOf<T>::array};
  }
};

// Reads a Datum whose SQL type the caller knows. Text types are detoasted and copied.
template <typename T>
T to_cpp(Datum value);

// A uuid as its sixteen bytes.
using UuidBytes = std::array<uint8_t, 16>;
Datum uuid_datum(const UuidBytes& bytes);
UuidBytes uuid_bytes(Datum value);

// The text that SQL would print for a value of any type (jsonb, numeric, enum ...).
std::string output_text(Datum value, Oid type);

// Whether a timestamptz is `infinity`, which has no Timestamp.
bool is_endless(Datum timestamp) noexcept;

// A numeric in millionths, rounded; 0 for NaN. Raises 22003 for one that does not fit.
int64_t numeric_micros(Datum value);

// The text in lower case by the database's rules.
std::string lower(std::string_view text);

// A text, varchar, json or bytea value as bytes, detoasted and copied.
std::string varlena_text(Datum value);

}  // namespace atelier::pg
