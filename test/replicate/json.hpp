// SPDX-License-Identifier: PostgreSQL
// The stand-in's use of RapidJSON: a parser with limits, a writer into a string, and the canonical text of a value, by
// which inputs are told apart. Used everywhere.
#pragma once

#define RAPIDJSON_HAS_STDSTRING 1
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

namespace stand_in {

using JsonValue = rapidjson::Value;
using JsonDocument = rapidjson::Document;

// Parses UTF-8 text nested at most 200 deep; false when it is anything else.
bool parse_json(std::string_view text, JsonDocument& into);

// The text of a value with the keys of all objects sorted: equal texts mean equal values.
std::string canonical_json(const JsonValue& value);

// A string member, or an empty view when it is missing or no string.
std::string_view string_member(const JsonValue& object, const char* name);

inline std::string_view view(const JsonValue& text) { return {text.GetString(), text.GetStringLength()}; }

// Writes one JSON document. Numbers, strings and members are added in order, as with rapidjson::Writer.
class JsonWriter : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  JsonWriter() { Reset(buffer_); }

  void key(std::string_view name) { Key(name.data(), static_cast<rapidjson::SizeType>(name.size())); }
  void text(std::string_view value) { String(value.data(), static_cast<rapidjson::SizeType>(value.size())); }
  // A value that is JSON text already.
  void raw(std::string_view json) { RawValue(json.data(), json.size(), rapidjson::kObjectType); }

  void member(std::string_view name, std::string_view value) { key(name), text(value); }
  void member(std::string_view name, const char* value) { key(name), text(value); }
  void member(std::string_view name, int64_t value) { key(name), Int64(value); }
  void member(std::string_view name, bool value) { key(name), Bool(value); }
  void member(std::string_view name, std::nullptr_t) { key(name), Null(); }
  void raw_member(std::string_view name, std::string_view json) { key(name), raw(json); }

  std::string take() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
};

}  // namespace stand_in
