// SPDX-License-Identifier: PostgreSQL
#include "router.hpp"

#include <optional>

#include "call.hpp"
#include "catalog_routes.hpp"
#include "control.hpp"
#include "create.hpp"
#include "outputs.hpp"
#include "pictures.hpp"
#include "predictions.hpp"

namespace stand_in {

namespace {

struct Entry {
  std::string_view method;
  std::string_view pattern;  // * stands for one part
  Route route;
  Answer (*handler)(const Call&);
};

constexpr Entry kEntries[] = {
    {"POST", "predictions", Route::kCreate, create_by_version},
    {"POST", "models/*/*/predictions", Route::kCreate, create_by_model},
    {"GET", "predictions/*", Route::kGet, get_prediction},
    {"POST", "deployments/*/*/predictions", Route::kCreate, create_by_deployment},
    {"GET", "predictions", Route::kList, list_predictions},
    {"POST", "predictions/*/cancel", Route::kCancel, cancel_prediction},
    {"GET", "account", Route::kAccount, get_account},
    {"GET", "hardware", Route::kModel, get_hardware},
    {"POST", "models", Route::kModel, create_model},
    {"GET", "models/*/*", Route::kModel, get_model},
    {"GET", "models/*/*/versions", Route::kModel, list_versions},
    {"GET", "models/*/*/versions/*", Route::kModel, get_version},
    {"POST", "models/*/*/versions/*/trainings", Route::kTraining, create_training},
    {"GET", "deployments/*/*", Route::kModel, get_deployment},
    {"GET", "trainings", Route::kTraining, list_trainings},
    {"GET", "trainings/*", Route::kTraining, get_training},
    {"POST", "trainings/*/cancel", Route::kTraining, cancel_training},
    {"POST", "files", Route::kFile, create_file},
    {"GET", "files", Route::kFile, list_files},
    {"GET", "files/*", Route::kFile, get_file},
    {"DELETE", "files/*", Route::kFile, delete_file},
    {"GET", "webhooks/default/secret", Route::kSecret, get_webhook_secret},
};

bool matches(std::string_view pattern, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view wanted = pattern.substr(0, end);
    if (wanted.empty() || part.empty() || (wanted != "*" && wanted != part)) return false;
    pattern = pattern.substr(std::min(end + 1, pattern.size()));
  }
  return pattern.empty();
}

// The handler; when only the method does not fit, `other_method` becomes true.
const Entry* find_entry(std::string_view method, const std::vector<std::string>& parts, bool& other_method) {
  for (const Entry& entry : kEntries) {
    if (!matches(entry.pattern, parts)) continue;
    if (entry.method == method) return &entry;
    other_method = true;
  }
  return nullptr;
}

bool makes_something(const Entry& entry) { return entry.handler == create_training || entry.route == Route::kCreate; }

// Why a request never reaches its handler. Creating requests ask in create.cpp, where they are counted first.
std::optional<Answer> refusal(const Call& call) {
  if (!call.caller) return unauthenticated();
  if (call.caller->refused != Fault::kNone) return fault_answer(call.caller->refused, call.caller->wait_seconds);
  if (call.caller->over_rate) return throttled(call.caller->wait_seconds);
  const auto ordered = call.service.ordered.take(call.route);
  if (ordered) return fault_answer(ordered->fault, 1);
  return std::nullopt;
}

Answer api_answer(Service& service, const Request& request) {
  bool other_method = false;
  std::vector<std::string> parts = path_parts(request.path);
  parts.erase(parts.begin());
  const Entry* entry = find_entry(request.method, parts, other_method);
  const Route route = entry == nullptr ? Route::kOther : entry->route;
  service.stats.by_route[static_cast<size_t>(route)]++;
  const Call call{service, request, route, std::move(parts),
                  service.accounts.admit(request.authorization, route, request.arrived_us)};
  if (entry == nullptr || !makes_something(*entry)) {
    if (auto refused = refusal(call)) return *refused;
  }
  if (entry == nullptr) {
    return other_method ? problem(405, "Method not allowed", "The method is not allowed here.") : not_found();
  }
  Answer answer = entry->handler(call);
  if (answer.status < 300 && call.caller) {
    answer.headers += "ratelimit-remaining: " + std::to_string(call.caller->remaining) + "\r\nratelimit-reset: 1\r\n";
  }
  return answer;
}

Answer route_request(Service& service, const Request& request) {
  if (is_api(request.path)) return api_answer(service, request);
  const std::vector<std::string> parts = path_parts(request.path);
  if (parts.empty()) return not_found();
  if (parts[0] == "_control") return control_answer(service, request, parts);
  if (parts[0] == "_pictures") return picture(parts);
  if (parts[0] != "_output") return not_found();
  const auto ordered = service.ordered.take(Route::kOutput);
  return ordered ? fault_answer(ordered->fault, 1) : output_file(service, request, parts);
}

}  // namespace

bool is_api(std::string_view path) { return path.starts_with("/v1/"); }

Answer answer_request(Service& service, const Request& request) {
  if (request.expects_continue) service.stats.expect_continue++;
  return route_request(service, request);
}

}  // namespace stand_in
