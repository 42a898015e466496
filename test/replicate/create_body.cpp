// SPDX-License-Identifier: PostgreSQL
#include "create_body.hpp"

#include <utility>

#include "json.hpp"
#include "webhooks.hpp"

namespace stand_in {

namespace {

constexpr std::string_view kMarker = "[[sim:";

void collect_markers(std::string_view text, std::string& words) {
  for (size_t at = text.find(kMarker); at != std::string_view::npos; at = text.find(kMarker, at)) {
    at += kMarker.size();
    const size_t end = text.find("]]", at);
    if (end == std::string_view::npos) return;
    if (!words.empty()) words += "--";
    words += text.substr(at, end - at);
  }
}

void read_input(const JsonValue& input, CreateBody& body) {
  body.has_input = true;
  body.input = canonical_json(input);
  body.prompt = string_member(input, "prompt");
  if (body.input.find(kMarker) == std::string::npos) return;
  for (const auto& member : input.GetObject()) {
    if (member.value.IsString()) collect_markers(view(member.value), body.markers);
  }
}

bool known_event(std::string_view name) {
  return name == "start" || name == "output" || name == "logs" || name == "completed";
}

// Reads one member of the body; false when its type or value is wrong.
bool read_member(std::string_view name, const JsonValue& value, CreateBody& body) {
  if (name == "input") {
    if (value.IsObject()) read_input(value, body);
    return value.IsObject();
  }
  if (name == "stream") return value.IsBool();
  if (name == "webhook_events_filter") {
    if (!value.IsArray()) return false;
    for (const auto& event : value.GetArray()) {
      if (!event.IsString() || !known_event(view(event))) return false;
      body.events.emplace_back(view(event));
    }
    return true;
  }
  if (!value.IsString()) return false;
  std::string& place = name == "version" ? body.version : name == "webhook" ? body.webhook : body.destination;
  place = view(value);
  return name != "webhook" || valid_webhook(place);
}

bool known_field(std::string_view name, const CreateFields& fields) {
  return name == "input" || name == "webhook" || name == "webhook_events_filter" || name == "stream" ||
         (name == "version" && fields.version) || (name == "destination" && fields.destination);
}

InvalidField required(std::string_view name) {
  return {"required", std::string(name), std::string(name) + " is required"};
}

InvalidField wrong_value(std::string_view name) {
  if (name == "webhook") return {"invalid_type", "webhook", "webhook must be an HTTPS URL"};
  return {"invalid_type", std::string(name), "Invalid type or value of " + std::string(name)};
}

std::vector<InvalidField> read_members(const JsonValue& object, const CreateFields& fields, CreateBody& body) {
  std::vector<InvalidField> wrong;
  if (!object.HasMember("input")) wrong.push_back(required("input"));
  if (fields.version && !object.HasMember("version")) wrong.push_back(required("version"));
  if (fields.destination && !object.HasMember("destination")) wrong.push_back(required("destination"));
  for (const auto& member : object.GetObject()) {
    const std::string_view name = view(member.name);
    if (!known_field(name, fields)) {
      wrong.push_back({"additional_property_not_allowed", std::string(name),
                       "Additional property " + std::string(name) + " is not allowed"});
    } else if (!read_member(name, member.value, body)) {
      wrong.push_back(wrong_value(name));
    }
  }
  return wrong;
}

bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return content_type == "application/json";
}

}  // namespace

CreateBody read_create_body(const Request& request, const CreateFields& fields, size_t most_bytes) {
  CreateBody body;
  if (request.body.size() > most_bytes) {
    body.error = problem(413, "Payload too large", "The request body is too large.");
    return body;
  }
  JsonDocument document;
  if (!parse_json(request.body, document)) {
    body.error = problem(400, "Bad request", "The request body is not valid JSON.");
  } else if (!document.IsObject()) {
    body.error = invalid_input({{"invalid_type", "(root)", "Expected an object"}});
  } else if (const auto wrong = read_members(document, fields, body); !wrong.empty()) {
    body.error = invalid_input(wrong);
  }
  if (!is_json(request.content_type)) {
    body.error = problem(415, "Unsupported media type", "The content type must be application/json.");
  }
  return body;
}

std::vector<InvalidField> check_strict_input(const std::string& input) {
  std::vector<InvalidField> wrong;
  JsonDocument document;
  if (!parse_json(input, document) || !document.IsObject()) return wrong;
  if (!document.HasMember("prompt")) wrong.push_back({"required", "input", "input: prompt is required"});
  for (const auto& member : std::as_const(document).GetObject()) {
    const std::string_view name = view(member.name);
    const std::string field = "input." + std::string(name);
    const JsonValue& value = member.value;
    if (name == "prompt" || name == "aspect_ratio") {
      if (!value.IsString()) {
        wrong.push_back({"invalid_type", field, field + ": Invalid type. Expected: string"});
      } else if (name == "aspect_ratio" && view(value) != "1:1" && view(value) != "16:9" && view(value) != "9:16") {
        wrong.push_back({"enum", field, field + ": must be one of the following: \"1:1\", \"16:9\", \"9:16\""});
      }
    } else if (name == "num_outputs") {
      if (!value.IsInt()) {
        wrong.push_back({"invalid_type", field, field + ": Invalid type. Expected: integer"});
      } else if (value.GetInt() > 4) {
        wrong.push_back({"number_lte", field, field + ": Must be less than or equal to 4"});
      } else if (value.GetInt() < 1) {
        wrong.push_back({"number_gte", field, field + ": Must be greater than or equal to 1"});
      }
    } else {
      wrong.push_back(
          {"additional_property_not_allowed", field, "Additional property " + std::string(name) + " is not allowed"});
    }
  }
  return wrong;
}

}  // namespace stand_in
