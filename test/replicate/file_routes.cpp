// SPDX-License-Identifier: PostgreSQL
#include "catalog_routes.hpp"

namespace stand_in {

namespace {

constexpr int64_t kFileLifetime = 24 * 3600 * kSecond;

void write_file(JsonWriter& json, const Service& service, const std::string& id, const File& file) {
  json.StartObject();
  json.member("id", std::string_view(id));
  json.member("name", std::string_view(file.name));
  json.member("content_type", std::string_view(file.content_type));
  json.member("size", static_cast<int64_t>(file.size));
  json.member("etag", std::string_view(file.md5));
  json.key("checksums");
  json.StartObject();
  json.member("sha256", std::string_view(file.sha256));
  json.member("md5", std::string_view(file.md5));
  json.EndObject();
  json.raw_member("metadata", file.metadata);
  json.member("created_at", std::string_view(timestamp_text(file.created_us, 3)));
  json.member("expires_at", std::string_view(timestamp_text(file.created_us + kFileLifetime, 3)));
  json.key("urls");
  json.StartObject();
  json.member("get", std::string_view(service.origin + "/v1/files/" + id));
  json.EndObject();
  json.EndObject();
}

}  // namespace

Answer create_file(const Call& call) {
  if (call.request.body.size() > kMostFileBytes) {
    Answer answer = json_answer(413, R"({"detail":"Files must be less than 100MB in size"})");
    answer.content_type = "application/problem+json";
    return answer;
  }
  auto file = parse_upload(call.request.content_type, call.request.body);
  if (!file) return invalid_input({{"required", "content", "content is required"}});
  if (file->name.size() > 255) return invalid_input({{"max_length", "filename", "filename has more than 255 bytes"}});
  file->account = call.caller->account;
  const std::string id = call.service.files.add(std::move(*file));
  JsonWriter json;
  write_file(json, call.service, id, *call.service.files.find(id, call.caller->account));
  return json_answer(201, json.take());
}

Answer list_files(const Call& call) {
  JsonWriter json;
  json.StartObject();
  json.member("next", nullptr);
  json.member("previous", nullptr);
  json.key("results");
  json.StartArray();
  for (const auto& [id, file] : call.service.files.list(call.caller->account)) write_file(json, call.service, id, file);
  json.EndArray();
  json.EndObject();
  return json_answer(200, json.take());
}

Answer get_file(const Call& call) {
  const auto file = call.service.files.find(call.parts[1], call.caller->account);
  if (!file) return not_found();
  JsonWriter json;
  write_file(json, call.service, call.parts[1], *file);
  return json_answer(200, json.take());
}

Answer delete_file(const Call& call) {
  if (!call.service.files.remove(call.parts[1], call.caller->account)) return not_found();
  Answer answer;
  answer.status = 204;
  answer.content_type = {};
  return answer;
}

}  // namespace stand_in
