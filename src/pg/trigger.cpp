// SPDX-License-Identifier: PostgreSQL
#include "pg/trigger.hpp"

#include <algorithm>

#include "pg/catalog_version.hpp"
#include "pg/column_default.hpp"
#include "pg/error.hpp"
#include "pg/guard.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/htup_details.h"
#include "mb/pg_wchar.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
}

namespace atelier::pg {

namespace {

TriggerEvent event_of(const TriggerData& data) {
  if (TRIGGER_FIRED_BY_INSERT(data.tg_event)) return TriggerEvent::insert;
  if (TRIGGER_FIRED_BY_UPDATE(data.tg_event)) return TriggerEvent::update;
  if (TRIGGER_FIRED_BY_DELETE(data.tg_event)) return TriggerEvent::remove;
  return TriggerEvent::truncate;
}

bool fired_at(const TriggerData& data, TriggerTime time) {
  switch (time) {
    case TriggerTime::before_row:
      return TRIGGER_FIRED_BEFORE(data.tg_event) && TRIGGER_FIRED_FOR_ROW(data.tg_event);
    case TriggerTime::after_row:
      return TRIGGER_FIRED_AFTER(data.tg_event) && TRIGGER_FIRED_FOR_ROW(data.tg_event);
    case TriggerTime::after_statement:
      return TRIGGER_FIRED_AFTER(data.tg_event) && TRIGGER_FIRED_FOR_STATEMENT(data.tg_event);
  }
  return false;
}

[[noreturn]] void refuse(const std::string& why) { fail(Code::trigger_protocol_violated, why); }

void use_schema_of(Relation relation) {
  const char* name = guard([&] { return get_namespace_name(RelationGetNamespace(relation)); });
  if (name == nullptr) refuse("the schema of the trigger's table does not exist");
  set_app_schema(name);
}

// Whether two values of one column are the same. The bytes as they stand decide quickly; only a value that came with
// the same length in another form has to be detoasted.
bool same_value(Datum a, Datum b, const FormData_pg_attribute& column) {
  if (column.attbyval) return a == b;
  if (a == b) return true;
  if (column.attlen == -1) {
    const Size bytes = VARSIZE_ANY(DatumGetPointer(a));
    if (bytes == VARSIZE_ANY(DatumGetPointer(b)) && memcmp(DatumGetPointer(a), DatumGetPointer(b), bytes) == 0)
      return true;
  }
  return guard([&] { return datum_image_eq(a, b, column.attbyval, column.attlen); });
}

}  // namespace

TriggerCall::TriggerCall(FunctionCallInfo fcinfo, std::string_view table, TriggerTime time)
    : TriggerCall(fcinfo, time) {
  if (RelationGetRelationName(data_->tg_relation) != table)
    refuse("trigger function is only for table \"" + std::string(table) + "\"");
}

TriggerCall::TriggerCall(FunctionCallInfo fcinfo, TriggerTime time) : time_(time) {
  if (!CALLED_AS_TRIGGER(fcinfo)) refuse("function was not called by a trigger");
  data_ = reinterpret_cast<TriggerData*>(fcinfo->context);
  if (!fired_at(*data_, time)) refuse("trigger function was fired at the wrong time or level");
  if (data_->tg_relation->rd_rel->relowner != owner_role())
    fail(Code::trigger_protocol_violated, "trigger function is only for tables of role \"atelier_owner\"", {},
         "Run SELECT atelier.install();");
  event_ = event_of(*data_);
  if (time != TriggerTime::after_statement)
    new_tuple_ = event_ == TriggerEvent::update ? data_->tg_newtuple : data_->tg_trigtuple;
  use_schema_of(data_->tg_relation);
}

bool TriggerCall::caller_is_restricted() const {
  return guard([&] { return check_enable_rls(RelationGetRelid(relation()), InvalidOid, true) == RLS_ENABLED; });
}

int TriggerCall::attribute(const Column& column) const {
  const Oid table = RelationGetRelid(relation());
  const uint64_t version = catalog_version();
  if (column.relation_ == table && column.version_ == version) return column.number_;
  TupleDesc descriptor = RelationGetDescr(relation());
  for (int i = 0; i < descriptor->natts; ++i) {
    const auto* candidate = TupleDescAttr(descriptor, i);
    if (candidate->attisdropped || strcmp(NameStr(candidate->attname), column.name) != 0) continue;
    if (candidate->atttypid != column.type)
      refuse(std::string("column \"") + column.name + "\" has an unexpected type");
    column.relation_ = table;
    column.version_ = version;
    column.number_ = i + 1;
    return column.number_;
  }
  refuse(std::string("column \"") + column.name + "\" does not exist");
}

int TriggerCall::attribute_count() const noexcept { return RelationGetDescr(relation())->natts; }

bool TriggerCall::is_written(int attribute) const noexcept {
  const auto* column = TupleDescAttr(RelationGetDescr(relation()), attribute - 1);
  return !column->attisdropped && column->attgenerated == '\0';
}

std::string_view TriggerCall::attribute_name(int attribute) const noexcept {
  return NameStr(TupleDescAttr(RelationGetDescr(relation()), attribute - 1)->attname);
}

const TriggerCall::Image& TriggerCall::image(Image& place, HeapTuple tuple) const {
  if (!place.values.empty()) return place;
  TupleDesc descriptor = RelationGetDescr(relation());
  place.values.resize(descriptor->natts);
  place.nulls.resize(descriptor->natts);
  guard(
      [&] { heap_deform_tuple(tuple, descriptor, place.values.data(), reinterpret_cast<bool*>(place.nulls.data())); });
  return place;
}

const TriggerCall::Image& TriggerCall::old_image() const { return image(old_, data_->tg_trigtuple); }
const TriggerCall::Image& TriggerCall::new_image() const { return image(new_, new_tuple_); }

std::optional<Datum> TriggerCall::old_datum(const Column& column) const {
  const int place = attribute(column) - 1;
  if (old_image().nulls[place]) return std::nullopt;
  return old_image().values[place];
}

std::optional<Datum> TriggerCall::new_datum(const Column& column) const {
  const int place = attribute(column) - 1;
  if (new_image().nulls[place]) return std::nullopt;
  return new_image().values[place];
}

Datum TriggerCall::required(const std::optional<Datum>& value, const Column& column) const {
  if (!value)
    fail(Code::not_null_violation, "null value in column \"" + std::string(column.name) + "\" of relation \"" +
                                       RelationGetRelationName(relation()) + "\"");
  return *value;
}

size_t TriggerCall::new_bytes(const Column& column) const {
  const std::optional<Datum> value = new_datum(column);
  if (!value) return 0;
  return guard([&] { return toast_raw_datum_size(*value); }) - VARHDRSZ;
}

size_t TriggerCall::new_characters(const Column& column) const {
  const std::optional<std::string> text = new_value<std::string>(column);
  if (!text) return 0;
  return guard([&] { return pg_mbstrlen_with_len(text->data(), static_cast<int>(text->size())); });
}

std::optional<std::string> TriggerCall::new_printed(const Column& column) const {
  const std::optional<Datum> value = new_datum(column);
  if (!value) return std::nullopt;
  return output_text(*value, column.type);
}

bool TriggerCall::changes(int attribute) const {
  const Image& before = old_image();
  const Image& after = new_image();
  const int place = attribute - 1;
  if (before.nulls[place] || after.nulls[place]) return before.nulls[place] != after.nulls[place];
  return !same_value(before.values[place], after.values[place], *TupleDescAttr(RelationGetDescr(relation()), place));
}

void TriggerCall::write(int attribute, Datum value, bool null) {
  new_image();
  new_.values[attribute - 1] = value;
  new_.nulls[attribute - 1] = null ? 1 : 0;
  if (std::find(changed_.begin(), changed_.end(), attribute) == changed_.end()) changed_.push_back(attribute);
}

void TriggerCall::set(const Column& column, const Arg& value) { write(attribute(column), value.value, value.null); }

void TriggerCall::set_null(const Column& column) { write(attribute(column), 0, true); }

void TriggerCall::keep(int attribute) {
  const Image& before = old_image();
  write(attribute, before.values[attribute - 1], before.nulls[attribute - 1] != 0);
}

void TriggerCall::set_default(int attribute) {
  const DefaultValue given = column_default(relation(), attribute);
  const int place = attribute - 1;
  const Image& now = new_image();
  if (given.null ? now.nulls[place] != 0
                 : !now.nulls[place] &&
                       same_value(now.values[place], given.value, *TupleDescAttr(RelationGetDescr(relation()), place)))
    return;
  write(attribute, given.value, given.null);
}

void TriggerCall::fill_missing() {
  TupleDesc descriptor = RelationGetDescr(relation());
  for (int place = 0; place < descriptor->natts; ++place) {
    const auto* column = TupleDescAttr(descriptor, place);
    if (new_image().nulls[place] && column->attnotnull && column->atthasdef && is_written(place + 1))
      set_default(place + 1);
  }
}

std::string_view TriggerCall::forbidden_null() const {
  TupleDesc descriptor = RelationGetDescr(relation());
  for (int place = 0; place < descriptor->natts; ++place)
    if (new_image().nulls[place] && TupleDescAttr(descriptor, place)->attnotnull && is_written(place + 1))
      return attribute_name(place + 1);
  return {};
}

Datum TriggerCall::result() {
  if (time_ != TriggerTime::before_row) return PointerGetDatum(nullptr);
  if (event_ == TriggerEvent::remove) return PointerGetDatum(data_->tg_trigtuple);
  if (changed_.empty()) return PointerGetDatum(new_tuple_);
  std::vector<Datum> values;
  std::vector<char> nulls;
  for (const int attribute : changed_) {
    values.push_back(new_.values[attribute - 1]);
    nulls.push_back(new_.nulls[attribute - 1]);
  }
  return guard([&] {
    return PointerGetDatum(heap_modify_tuple_by_cols(new_tuple_, RelationGetDescr(relation()),
                                                     static_cast<int>(changed_.size()), changed_.data(), values.data(),
                                                     reinterpret_cast<bool*>(nulls.data())));
  });
}

}  // namespace atelier::pg
