// SPDX-License-Identifier: PostgreSQL
#include "webhooks.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <mutex>
#include <thread>

#include "crypto.hpp"
#include "delivery.hpp"
#include "render.hpp"
#include "service.hpp"

namespace stand_in {

namespace {

namespace asio = boost::asio;

constexpr std::string_view kNobody = "0000000000000000000000000z";
constexpr int kMostAttempts = 6;
constexpr size_t kLogLength = 1000;
constexpr int kBigKilobytes = 10 * 1024;

std::string secret_key(std::string_view account) { return sha256("webhooks of " + std::string(account)); }

enum class Event : uint8_t { kStart, kOutput, kLogs, kCompleted };
constexpr std::string_view kEventNames[] = {"start", "output", "logs", "completed"};

struct Message {
  std::string prediction;
  Kind kind = Kind::kPrediction;
  Event event = Event::kCompleted;
  int attempt = 1;
  bool repeated = false;  // the second of two equal messages
};

struct LogLine {
  int64_t at_us;
  std::string url, webhook_id, prediction;
  Event event;
  int attempt, status;
};

bool wants(const Origin& origin, Event event) {
  if (origin.events.empty()) return event == Event::kOutput || event == Event::kCompleted;
  const std::string_view name = kEventNames[static_cast<size_t>(event)];
  return std::find(origin.events.begin(), origin.events.end(), name) != origin.events.end();
}

HeaderLines signed_headers(Hook hook, const std::string& key, const std::string& id, const std::string& body) {
  const int64_t age = hook == Hook::kOld ? 600 : 0;
  const std::string timestamp = std::to_string(now_us() / kSecond - age);
  const std::string right = base64(hmac_sha256(key, id + "." + timestamp + "." + body));
  const std::string wrong = base64(hmac_sha256("not the key", id + "." + timestamp + "." + body));
  std::string signature = "v1," + right;
  if (hook == Hook::kForged) signature = "v1," + wrong;
  if (hook == Hook::kOtherVersion) signature = "v9," + right;
  if (hook == Hook::kTwoSignatures) signature = "v1," + wrong + " v1," + right;
  return {{"webhook-id", id}, {"webhook-timestamp", timestamp}, {"webhook-signature", signature}};
}

}  // namespace

std::optional<LoopbackUrl> parse_loopback(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const size_t slash = std::min(url.find_first_of("/?#"), url.size());
  LoopbackUrl parts;
  parts.host = url.substr(0, slash);
  parts.target = url.substr(slash);
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  const size_t colon = parts.host.find(':');
  const std::string name = parts.host.substr(0, colon);
  if (name != "127.0.0.1" && name != "localhost") return std::nullopt;
  if (colon == std::string::npos) return parts;
  const auto port = parse_count(std::string_view(parts.host).substr(colon + 1), 65535);
  if (!port) return std::nullopt;
  parts.port = static_cast<uint16_t>(*port);
  return parts;
}

bool valid_webhook(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  return (url.starts_with(kScheme) && url.size() > kScheme.size()) || parse_loopback(url);
}

std::string webhook_secret(std::string_view account) { return "whsec_" + base64(secret_key(account)); }

// Lives on its own thread; only `at` and the log are reached from others.
class Webhooks::Sender {
 public:
  explicit Sender(Service& service) : service_(service), guard_(context_.get_executor()) {}

  void start() {
    thread_ = std::thread([this] { context_.run(); });
  }

  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void at(int64_t moment, Message message) {
    asio::post(context_, [this, moment, message = std::move(message)] {
      const auto wait = std::chrono::microseconds(std::max<int64_t>(0, moment - now_us()));
      auto timer = std::make_shared<asio::steady_timer>(context_, wait);
      timer->async_wait([this, timer, message](const boost::system::error_code&) { fire(message); });
    });
  }

  void write_log(JsonWriter& json) const {
    const std::lock_guard lock(mutex_);
    json.StartArray();
    for (const LogLine& line : log_) {
      json.StartObject();
      json.member("at_us", line.at_us);
      json.member("url", std::string_view(line.url));
      json.member("webhook_id", std::string_view(line.webhook_id));
      json.member("event", kEventNames[static_cast<size_t>(line.event)]);
      json.member("attempt", int64_t{line.attempt});
      json.member("prediction", std::string_view(line.prediction));
      json.member("status", int64_t{line.status});
      json.EndObject();
    }
    json.EndArray();
  }

  void reset() {
    const std::lock_guard lock(mutex_);
    log_.clear();
  }

 private:
  void fire(const Message& message) {
    auto found = service_.store.find(message.prediction, std::nullopt, message.kind, Store::Touch::kNone);
    if (!found) return;
    const Prediction& record = found->record;
    const bool is_final = message.event == Event::kCompleted;
    if (is_final && message.attempt == 1 && !message.repeated) {
      if (now_us() < record.ended_us || !service_.store.claim_final_webhook(message.prediction)) return;
    }
    const auto url = parse_loopback(record.origin->webhook);
    if (!url) return;
    const Hook hook = record.behaviour->hook;
    if (hook == Hook::kUnknownId) found->id = kNobody;
    std::string body = prediction_json(service_, *found, showing(message.event, record));
    const std::string id =
        "msg_" + message.prediction + "_" + std::string(kEventNames[static_cast<size_t>(message.event)]);
    HeaderLines headers;
    if (hook != Hook::kUnsigned) headers = signed_headers(hook, secret_key(account_of(record)), id, body);
    service_.stats.hooks_sent++;
    post_webhook(context_, *url, headers, std::move(body),
                 [this, message, id, address = record.origin->webhook, hook](int status) {
                   delivered(message, id, address, hook, status);
                 });
  }

  std::string account_of(const Prediction& record) const { return service_.accounts.name(record.account); }

  static Showing showing(Event event, const Prediction& record) {
    Showing showing;
    showing.now = now_us();
    if (event == Event::kStart || event == Event::kLogs) showing.phase = Phase::kProcessing;
    if (event == Event::kOutput) {
      showing.now = record.ended_us;
      showing.early_output = true;
    }
    if (record.behaviour->hook == Hook::kBig) showing.least_logs_kb = kBigKilobytes;
    return showing;
  }

  void delivered(Message message, const std::string& id, const std::string& url, Hook hook, int status) {
    const bool accepted = status >= 200 && status < 300;
    ++(accepted ? service_.stats.hooks_accepted : service_.stats.hooks_failed);
    {
      const std::lock_guard lock(mutex_);
      log_.push_back({now_us(), url, id, message.prediction, message.event, message.attempt, status});
      if (log_.size() > kLogLength) log_.pop_front();
    }
    if (hook == Hook::kTwice && !message.repeated) {
      Message again = message;
      again.repeated = true;
      at(now_us() + 20 * kMillisecond, again);
    }
    if (accepted || message.event != Event::kCompleted || message.repeated || message.attempt == kMostAttempts) return;
    const int64_t pause = service_.settings.webhook_retry_ms * kMillisecond << (message.attempt - 1);
    message.attempt++;
    at(now_us() + pause, message);
  }

  Service& service_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::deque<LogLine> log_;
};

Webhooks::Webhooks(Service& service) : sender_(std::make_unique<Sender>(service)) {}

Webhooks::~Webhooks() { stop(); }

void Webhooks::start() { sender_->start(); }

void Webhooks::stop() { sender_->stop(); }

void Webhooks::follow(const Snapshot& prediction) {
  const Prediction& record = prediction.record;
  if (!record.origin || !parse_loopback(record.origin->webhook) || record.behaviour->hook == Hook::kNone) return;
  const bool disorder = record.behaviour->hook == Hook::kDisorder;
  const bool succeeds = record.end == End::kSucceeded || record.end == End::kSuccessful;
  for (const Event event : {Event::kStart, Event::kLogs, Event::kOutput, Event::kCompleted}) {
    int64_t moment = event == Event::kStart || event == Event::kLogs ? record.started_us : record.ended_us;
    if (!wants(*record.origin, event) || moment == kNever || (event == Event::kOutput && !succeeds)) continue;
    if (event == Event::kOutput) moment -= 2 * kMillisecond;
    if (event == Event::kStart && disorder) moment = record.ended_us + 50 * kMillisecond;
    sender_->at(moment, {prediction.id, record.kind, event});
  }
}

void Webhooks::end_moved(const Snapshot& prediction, int64_t moment) {
  const Prediction& record = prediction.record;
  if (!record.origin || !parse_loopback(record.origin->webhook) || record.behaviour->hook == Hook::kNone) return;
  if (wants(*record.origin, Event::kCompleted)) {
    sender_->at(moment, {prediction.id, record.kind, Event::kCompleted});
  }
}

void Webhooks::write_log(JsonWriter& json) const { sender_->write_log(json); }

void Webhooks::reset() { sender_->reset(); }

}  // namespace stand_in
