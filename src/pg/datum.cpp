// SPDX-License-Identifier: PostgreSQL
#include "pg/datum.hpp"

#include <cstring>

#include "pg/guard.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

namespace atelier::pg {

namespace {

constexpr int64_t kEpochShiftUs = static_cast<int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

static_assert(TypeOf<bool>::scalar == BOOLOID && TypeOf<int16_t>::scalar == INT2OID &&
              TypeOf<int32_t>::scalar == INT4OID);
static_assert(TypeOf<int64_t>::scalar == INT8OID && TypeOf<double>::scalar == FLOAT8OID);
static_assert(TypeOf<Timestamp>::scalar == TIMESTAMPTZOID && TypeOf<std::string>::scalar == TEXTOID);
static_assert(TypeOf<Jsonb>::scalar == JSONBOID);

}  // namespace

Timestamp now() noexcept { return {GetCurrentTimestamp() + kEpochShiftUs}; }
Timestamp transaction_start() noexcept { return {GetCurrentTransactionStartTimestamp() + kEpochShiftUs}; }

Datum to_datum(bool value) { return BoolGetDatum(value); }
Datum to_datum(int16_t value) { return Int16GetDatum(value); }
Datum to_datum(int32_t value) { return Int32GetDatum(value); }
Datum to_datum(int64_t value) { return Int64GetDatum(value); }
Datum to_datum(double value) { return Float8GetDatum(value); }
Datum to_datum(Timestamp value) { return TimestampTzGetDatum(value.us - kEpochShiftUs); }

Datum to_datum(std::string_view text) {
  return guard([&] { return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size()))); });
}

Datum uuid_datum(const UuidBytes& bytes) {
  return guard([&] {
    auto* place = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    std::memcpy(place->data, bytes.data(), UUID_LEN);
    return UUIDPGetDatum(place);
  });
}

Datum to_datum(const Jsonb& value) {
  return guard([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(value.text.c_str())); });
}

Datum array_datum(const std::vector<Datum>& values, const std::vector<char>& nulls, Oid element) {
  return guard([&] {
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(element, &length, &by_value, &align);
    int dims[1] = {static_cast<int>(values.size())};
    int lower_bounds[1] = {1};
    if (values.empty()) return PointerGetDatum(construct_empty_array(element));
    return PointerGetDatum(construct_md_array(const_cast<Datum*>(values.data()),
                                              reinterpret_cast<bool*>(const_cast<char*>(nulls.data())), 1, dims,
                                              lower_bounds, element, length, by_value, align));
  });
}

std::vector<Datum> array_elements(Datum array, Oid element) {
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  guard([&] {
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(element, &length, &by_value, &align);
    deconstruct_array(DatumGetArrayTypeP(array), element, length, by_value, align, &values, &nulls, &count);
  });
  std::vector<Datum> present;
  present.reserve(count);
  for (int i = 0; i < count; ++i)
    if (!nulls[i]) present.push_back(values[i]);
  return present;
}

template <>
bool to_cpp<bool>(Datum value) {
  return DatumGetBool(value);
}
template <>
int16_t to_cpp<int16_t>(Datum value) {
  return DatumGetInt16(value);
}
template <>
int32_t to_cpp<int32_t>(Datum value) {
  return DatumGetInt32(value);
}
template <>
int64_t to_cpp<int64_t>(Datum value) {
  return DatumGetInt64(value);
}
template <>
double to_cpp<double>(Datum value) {
  return DatumGetFloat8(value);
}
template <>
Timestamp to_cpp<Timestamp>(Datum value) {
  return {DatumGetTimestampTz(value) + kEpochShiftUs};
}
template <>
std::string to_cpp<std::string>(Datum value) {
  return varlena_text(value);
}

UuidBytes uuid_bytes(Datum value) {
  UuidBytes bytes;
  std::memcpy(bytes.data(), DatumGetUUIDP(value)->data, UUID_LEN);
  return bytes;
}

std::string varlena_text(Datum value) {
  text* flat = guard([&] { return DatumGetTextPP(value); });
  return std::string(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));
}

bool is_endless(Datum timestamp) noexcept { return TIMESTAMP_IS_NOEND(DatumGetTimestampTz(timestamp)); }

int64_t numeric_micros(Datum value) {
  constexpr int64_t million = 1'000'000;
  return guard([&] {
    if (numeric_is_nan(DatumGetNumeric(value))) return int64_t{0};
    const Datum factor = NumericGetDatum(int64_to_numeric(million));
    return DatumGetInt64(DirectFunctionCall1(numeric_int8, DirectFunctionCall2(numeric_mul, value, factor)));
  });
}

std::string lower(std::string_view text) {
  const Datum value = to_datum(text);
  return varlena_text(guard([&] { return DirectFunctionCall1Coll(::lower, DEFAULT_COLLATION_OID, value); }));
}

std::string output_text(Datum value, Oid type) {
  char* printed = guard([&] {
    Oid output;
    bool is_varlena;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
  });
  std::string copy(printed);
  pfree(printed);
  return copy;
}

}  // namespace atelier::pg
