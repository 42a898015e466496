// SPDX-License-Identifier: PostgreSQL
#include "worker/transfers.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "pg/server.hpp"
#include "pg/settings.hpp"

namespace atelier::worker {

namespace {

namespace settings = pg::settings;

constexpr int64_t kConnectTimeoutMs = 5000;
constexpr int64_t kLookTimeoutMs = 15000;
constexpr int64_t kDownloadTimeoutMs = 60'000;
constexpr int64_t kUploadTimeoutMs = 600'000;
constexpr size_t kMaxBodyBytes = size_t{16} << 20;

http::Options options() {
  http::Options options;
  options.max_transfers = static_cast<size_t>(settings::max_transfers());
  options.ca_file = settings::api_ca_file();
  options.user_agent = "atelier/" ATELIER_VERSION " (pg " + std::to_string(pg::major_version()) + ")";
  options.allow_plain_http = settings::is_loopback_api();
  return options;
}

replicate::Delivery delivery_of(http::Delivery delivery) {
  switch (delivery) {
    case http::Delivery::delivered:
      return replicate::Delivery::delivered;
    case http::Delivery::not_sent:
      return replicate::Delivery::not_sent;
    case http::Delivery::maybe_sent:
      return replicate::Delivery::maybe_sent;
  }
  return replicate::Delivery::maybe_sent;
}

replicate::Answer translate(http::Answer&& answer) {
  replicate::Answer result;
  result.delivery = delivery_of(answer.delivery);
  result.status = static_cast<int>(answer.status);
  result.body = std::move(answer.body);
  result.retry_after = std::move(answer.retry_after);
  result.ratelimit_reset = std::move(answer.ratelimit_reset);
  result.content_type = std::move(answer.content_type);
  result.transport_error = std::move(answer.error);
  return result;
}

}  // namespace

Transfers::Transfers() : multi_(std::make_unique<http::Multi>(options())) {}

void Transfers::read_settings() { multi_->configure(options()); }

size_t Transfers::free_places() const {
  const size_t most = static_cast<size_t>(settings::max_transfers());
  return in_flight() >= most ? 0 : most - in_flight();
}

void Transfers::send(Reason reason, int64_t attempt, int32_t token, const std::string& secret,
                     const replicate::Request& request) {
  http::Request out;
  out.id = ++last_id_;
  out.method = replicate::name(request.method);
  out.url = settings::api_base_url() + request.path;
  out.headers.push_back("Authorization: Bearer " + secret);
  if (!request.body.empty()) {
    out.headers.push_back("Content-Type: application/json");
    out.body = request.body;
  }
  if (!request.cancel_after.empty()) out.headers.push_back("Cancel-After: " + request.cancel_after);
  out.creates = request.creates;
  out.timeout_ms = request.creates ? settings::request_timeout_ms()
                                   : std::min<int64_t>(settings::request_timeout_ms(), kLookTimeoutMs);
  out.connect_timeout_ms = std::min<int64_t>(out.timeout_ms, kConnectTimeoutMs);
  out.max_body_bytes = kMaxBodyBytes;
  reasons_[out.id] = {reason, attempt, token, out.method, std::string(core::text::url_path(out.url))};
  multi_->add(std::move(out));
}

void Transfers::download(int64_t attempt, const std::string& url, int fd, size_t most_bytes, bool only_public) {
  http::Request out;
  out.id = ++last_id_;
  out.method = "GET";
  out.url = url;
  out.timeout_ms = kDownloadTimeoutMs;
  out.connect_timeout_ms = kConnectTimeoutMs;
  out.sink_fd = fd;
  out.max_body_bytes = most_bytes;
  out.only_public = only_public;
  reasons_[out.id] = {Reason::download, attempt, 0, out.method, std::string(core::text::url_path(url))};
  multi_->add(std::move(out));
}

void Transfers::upload(int64_t attempt, int32_t token, const std::string& secret, std::string_view path,
                       http::FileBody file, const std::string& content_type) {
  http::Request out;
  out.id = ++last_id_;
  out.method = "POST";
  out.url = settings::api_base_url() + std::string(path);
  out.headers = {"Authorization: Bearer " + secret, "Content-Type: " + content_type};
  out.file = std::move(file);
  out.timeout_ms = kUploadTimeoutMs;
  out.connect_timeout_ms = kConnectTimeoutMs;
  out.max_body_bytes = kMaxBodyBytes;
  reasons_[out.id] = {Reason::training, attempt, token, out.method, std::string(path)};
  multi_->add(std::move(out));
}

std::vector<Arrival> Transfers::take_done() {
  std::vector<Arrival> arrivals;
  for (http::Answer& answer : multi_->take_done()) {
    const auto place = reasons_.find(answer.id);
    if (place == reasons_.end()) continue;
    const int64_t duration_us = answer.total_us;
    const int64_t sunk_bytes = answer.sunk_bytes;
    const bool too_large = answer.body_too_large;
    const bool refused = answer.address_refused;
    const int repeats = answer.repeats;
    arrivals.push_back(
        {std::move(place->second), translate(std::move(answer)), sunk_bytes, too_large, refused, repeats, duration_us});
    reasons_.erase(place);
  }
  return arrivals;
}

}  // namespace atelier::worker
