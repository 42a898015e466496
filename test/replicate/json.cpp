// SPDX-License-Identifier: PostgreSQL
#include "json.hpp"

#include <algorithm>
#include <vector>

namespace stand_in {

namespace {

constexpr int kMostDepth = 200;

// Looked at before parsing, because writing a value again recurses.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        i++;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMostDepth) return true;
    } else if (c == ']' || c == '}') {
      depth--;
    }
  }
  return false;
}

void write_sorted(const JsonValue& value, JsonWriter& writer) {
  if (value.IsObject()) {
    std::vector<const JsonValue::Member*> members;
    members.reserve(value.MemberCount());
    for (auto member = value.MemberBegin(); member != value.MemberEnd(); ++member) members.push_back(&*member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return view(a->name) < view(b->name); });
    writer.StartObject();
    for (const auto* member : members) {
      writer.key(view(member->name));
      write_sorted(member->value, writer);
    }
    writer.EndObject();
  } else if (value.IsArray()) {
    writer.StartArray();
    for (const auto& element : value.GetArray()) write_sorted(element, writer);
    writer.EndArray();
  } else {
    value.Accept(writer);
  }
}

}  // namespace

bool parse_json(std::string_view text, JsonDocument& into) {
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
  if (too_deep(text)) return false;
  into.Parse<kFlags>(text.data(), text.size());
  return !into.HasParseError();
}

std::string canonical_json(const JsonValue& value) {
  JsonWriter writer;
  write_sorted(value, writer);
  return writer.take();
}

std::string_view string_member(const JsonValue& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return view(found->value);
}

}  // namespace stand_in
