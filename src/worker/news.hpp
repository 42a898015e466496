// SPDX-License-Identifier: PostgreSQL
// Webhooks in the dispatcher: takes the messages that replicate_webhook() has noted and brings the looks at their
// predictions forward, and asks the provider for the secrets that messages are signed with. It reads no result: that is
// the watcher's and the rescuer's work, the same as without webhooks. Does nothing while atelier.webhook_url is empty.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/webhooks.hpp"
#include "worker/context.hpp"

namespace atelier::worker {

class News {
 public:
  explicit News(Context& context) : context_(context) {}

  // Looks what has come in. Makes a transaction of its own. Returns what is not about predictions that are open, for
  // the trainer.
  std::vector<store::webhooks::News> take(int64_t now_us);

  // Asks for the secrets of accounts of which none, or an old one, is known.
  void ask_secrets(int64_t now_us);
  void on_secret(const Arrival& arrival, int64_t now_us);

 private:
  void look_soon(Job& job, int64_t now_us);

  Context& context_;
  std::map<std::string, int64_t> asked_;  // account -> when it is to be asked again
  int64_t next_forget_us_ = 0;
};

}  // namespace atelier::worker
