// SPDX-License-Identifier: PostgreSQL
// The dispatcher's requests on their way: http::Multi with the reason for each transfer. It adds what every request to
// the API carries (base URL, token, content type) and translates answers into the protocol's words. Used by the
// dispatcher's parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/multi.hpp"
#include "replicate/request.hpp"
#include "replicate/response.hpp"

namespace atelier::worker {

enum class Reason {
  create,
  look,
  cancel,
  search,
  survey,
  roll_call,
  resolve_model,
  check_account,
  webhook_secret,
  training,
  train,
  download
};

struct Transfer {
  Reason reason;
  int64_t attempt = 0;  // 0 when the request belongs to no attempt
  int32_t token = 0;
  std::string method;
  std::string path;  // as it is logged: without the query
};

struct Arrival {
  Transfer transfer;
  replicate::Answer answer;
  int64_t sunk_bytes = 0;
  bool too_large = false;
  bool address_refused = false;
  int repeats = 0;
  int64_t duration_us = 0;
};

class Transfers {
 public:
  Transfers();

  int fd() const { return multi_->fd(); }
  size_t in_flight() const { return multi_->in_flight(); }
  // How many more requests may be sent now.
  size_t free_places() const;
  std::optional<int64_t> timeout_ms() const { return multi_->timeout_ms(); }

  // What requests carry and whom they trust may have changed.
  void read_settings();

  void send(Reason reason, int64_t attempt, int32_t token, const std::string& secret,
            const replicate::Request& request);
  // Fetches a URL into a file, with no token; `attempt` is the caller's.
  void download(int64_t attempt, const std::string& url, int fd, size_t most_bytes, bool only_public);
  // Sends a file to the provider.
  void upload(int64_t attempt, int32_t token, const std::string& secret, std::string_view path, http::FileBody file,
              const std::string& content_type);
  // Lets libcurl do what its sockets are ready for.
  void act() { multi_->act(); }
  std::vector<Arrival> take_done();

 private:
  std::unique_ptr<http::Multi> multi_;
  std::unordered_map<uint64_t, Transfer> reasons_;
  uint64_t last_id_ = 0;
};

}  // namespace atelier::worker
