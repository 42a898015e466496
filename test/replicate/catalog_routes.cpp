// SPDX-License-Identifier: PostgreSQL
#include "catalog_routes.hpp"

#include <string_view>

namespace stand_in {

namespace {

// When every model and version is said to have been made.
constexpr std::string_view kMadeAt = "2026-01-15T12:00:00.123456Z";

struct Hardware {
  const char* name;
  const char* sku;
};
constexpr Hardware kHardware[] = {{"CPU", "cpu"}, {"Nvidia T4 GPU", "gpu-t4"}, {"Nvidia L40S GPU", "gpu-l40s"}};

bool known_hardware(std::string_view sku) {
  for (const Hardware& hardware : kHardware) {
    if (sku == hardware.sku) return true;
  }
  return false;
}

void write_version(JsonWriter& json, const Model& model) {
  json.StartObject();
  json.member("id", std::string_view(model.version));
  json.member("created_at", kMadeAt);
  json.member("cog_version", "0.16.0");
  json.raw_member("openapi_schema", R"({"openapi":"3.0.2","info":{"title":"Cog","version":"0.1.0"},"paths":{}})");
  json.EndObject();
}

void write_model(JsonWriter& json, const Model& model) {
  const size_t slash = model.name.find('/');
  json.StartObject();
  json.member("url", std::string_view("https://replicate.com/" + model.name));
  json.member("owner", std::string_view(model.name).substr(0, slash));
  json.member("name", std::string_view(model.name).substr(slash + 1));
  json.member("description", nullptr);
  json.member("visibility", std::string_view(model.visibility));
  json.member("is_official", model.kind == ModelKind::kOfficial);
  json.member("run_count", int64_t{1234});
  json.member("default_example", nullptr);
  json.key("latest_version");
  if (model.kind == ModelKind::kDestination) {
    json.Null();
  } else {
    write_version(json, model);
  }
  json.EndObject();
}

Answer model_answer(const Model& model, int status) {
  JsonWriter json;
  write_model(json, model);
  return json_answer(status, json.take());
}

const Model* model_of(const Call& call) {
  return call.service.models.find(call.parts[1] + "/" + call.parts[2], call.caller->account_name);
}

std::vector<InvalidField> check_model_body(const JsonValue& body) {
  constexpr const char* kRequired[] = {"owner", "name", "visibility", "hardware"};
  constexpr std::string_view kOptional[] = {"description", "github_url", "paper_url", "license_url", "cover_image_url"};
  std::vector<InvalidField> wrong;
  for (const char* name : kRequired) {
    if (string_member(body, name).empty()) wrong.push_back({"required", name, std::string(name) + " is required"});
  }
  for (const auto& member : body.GetObject()) {
    const std::string_view name = view(member.name);
    bool known = false;
    for (const std::string_view allowed : kRequired) known = known || name == allowed;
    for (const std::string_view allowed : kOptional) known = known || name == allowed;
    if (known) continue;
    wrong.push_back({"additional_property_not_allowed", std::string(name),
                     "Additional property " + std::string(name) + " is not allowed"});
  }
  if (!wrong.empty()) return wrong;
  const std::string_view visibility = string_member(body, "visibility");
  if (visibility != "public" && visibility != "private") {
    wrong.push_back({"enum", "visibility", "visibility must be public or private"});
  }
  if (!known_hardware(string_member(body, "hardware"))) {
    wrong.push_back({"enum", "hardware", "hardware is not a known SKU"});
  }
  return wrong;
}

}  // namespace

Answer get_account(const Call& call) {
  JsonWriter json;
  json.StartObject();
  json.member("type", "organization");
  json.member("username", std::string_view(call.caller->account_name));
  json.member("name", std::string_view(call.caller->account_name));
  json.member("github_url", std::string_view("https://github.com/" + call.caller->account_name));
  json.EndObject();
  return json_answer(200, json.take());
}

Answer get_hardware(const Call&) {
  JsonWriter json;
  json.StartArray();
  for (const Hardware& hardware : kHardware) {
    json.StartObject();
    json.member("name", hardware.name);
    json.member("sku", hardware.sku);
    json.EndObject();
  }
  json.EndArray();
  return json_answer(200, json.take());
}

Answer get_webhook_secret(const Call& call) {
  JsonWriter json;
  json.StartObject();
  json.member("key", std::string_view(webhook_secret(call.caller->account_name)));
  json.EndObject();
  return json_answer(200, json.take());
}

Answer create_model(const Call& call) {
  JsonDocument body;
  if (!parse_json(call.request.body, body)) return problem(400, "Bad request", "The request body is not valid JSON.");
  if (!body.IsObject()) return invalid_input({{"invalid_type", "(root)", "Expected an object"}});
  const auto wrong = check_model_body(body);
  if (!wrong.empty()) return invalid_input(wrong);
  const std::string owner(string_member(body, "owner"));
  if (owner != call.caller->account_name) {
    return problem(403, "Forbidden", "You may make models in your own account only.");
  }
  const std::string name = owner + "/" + std::string(string_member(body, "name"));
  if (!call.service.models.add_destination(name, std::string(string_member(body, "visibility")))) {
    return problem(409, "Conflict", "A model with that name and owner already exists.");
  }
  return model_answer(*call.service.models.find(name, owner), 201);
}

Answer get_model(const Call& call) {
  const Model* model = model_of(call);
  return model == nullptr || model->kind == ModelKind::kPrivate ? not_found() : model_answer(*model, 200);
}

Answer list_versions(const Call& call) {
  const Model* model = model_of(call);
  if (model == nullptr || model->kind == ModelKind::kPrivate) return not_found();
  JsonWriter json;
  json.StartObject();
  json.member("next", nullptr);
  json.member("previous", nullptr);
  json.key("results");
  json.StartArray();
  if (model->kind != ModelKind::kDestination) write_version(json, *model);
  json.EndArray();
  json.EndObject();
  return json_answer(200, json.take());
}

Answer get_version(const Call& call) {
  const Model* model = model_of(call);
  const bool known = model != nullptr && model->kind != ModelKind::kDestination && model->kind != ModelKind::kPrivate &&
                     model->version == call.parts[4];
  if (!known) return not_found();
  JsonWriter json;
  write_version(json, *model);
  return json_answer(200, json.take());
}

Answer get_deployment(const Call& call) {
  const Model* model = model_of(call);
  if (model == nullptr) return not_found();
  JsonWriter json;
  json.StartObject();
  json.member("owner", std::string_view(call.parts[1]));
  json.member("name", std::string_view(call.parts[2]));
  json.key("current_release");
  json.StartObject();
  json.member("number", int64_t{1});
  json.member("model", std::string_view(model->name));
  json.member("version", std::string_view(model->version));
  json.member("created_at", kMadeAt);
  json.EndObject();
  json.EndObject();
  return json_answer(200, json.take());
}

}  // namespace stand_in
