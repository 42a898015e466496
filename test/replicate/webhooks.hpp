// SPDX-License-Identifier: PostgreSQL
// Sends webhooks: when, what and how wrongly. It follows each prediction that named a loopback URL, on a thread of its
// own. Handlers only announce predictions; they never wait for a delivery.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "json.hpp"
#include "store.hpp"

namespace stand_in {

struct Service;

struct LoopbackUrl {
  std::string host;  // with the port, for the header
  uint16_t port = 80;
  std::string target;
};

// The parts of an http:// URL on this machine; nothing for any other URL.
std::optional<LoopbackUrl> parse_loopback(std::string_view url);

// Whether the service would take it for a webhook: https, or http on this machine.
bool valid_webhook(std::string_view url);

// The secret of an account as GET /webhooks/default/secret gives it.
std::string webhook_secret(std::string_view account);

class Webhooks {
 public:
  explicit Webhooks(Service& service);
  ~Webhooks();

  void start();
  void stop();

  // Sends what the prediction's filter asks for when its time comes.
  void follow(const Snapshot& prediction);

  // The prediction's end has moved: the final webhook is due at `moment`.
  void end_moved(const Snapshot& prediction, int64_t moment);

  void write_log(JsonWriter& json) const;  // an array
  void reset();

 private:
  class Sender;
  std::unique_ptr<Sender> sender_;
};

}  // namespace stand_in
