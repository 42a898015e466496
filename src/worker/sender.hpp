// SPDX-License-Identifier: PostgreSQL
// From the queue to the wire: claims rows by fairness and limits, sends one creating request per attempt, and acts on
// the answer. It also asks the two questions that sending may depend on: the latest version of a community model, and
// the account of a token. Part of the dispatcher.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/uuid.hpp"
#include "replicate/outcome.hpp"
#include "store/claims.hpp"
#include "worker/context.hpp"

namespace atelier::worker {

class Sender {
 public:
  explicit Sender(Context& context) : context_(context) {}

  // Claims as much as places, tokens and limits allow and sends it. Returns whether more may be waiting.
  bool claim_and_send(int64_t now_us);
  // When claiming can succeed again; nullopt when only an answer or a changed token can help.
  std::optional<int64_t> ready_at_us(int64_t now_us) const;

  void on_created(const Arrival& arrival, int64_t now_us);

  // Looks up the version of the model of a job that waits for it.
  void resolve(Job& job, int64_t now_us);
  void on_model(const Arrival& arrival, int64_t now_us);

  // Asks for the accounts of tokens that are new.
  void ask_accounts(int64_t now_us);
  // The provider has refused this token: it rests, and is switched off when its account cannot be asked for either.
  void suspect(int32_t token, const std::string& error, int64_t now_us);
  void on_account(const Arrival& arrival, int64_t now_us);

  // The settings may name another host now: what the last one did is past.
  void forget_outage() { breaker_until_us_ = rests_ = context_.report.unreached = 0; }

 private:
  // What is remembered of a generation that could not be sent, until it is.
  struct History {
    int tries = 0;
    bool other_account_tried = false;
    std::string avoided_account;
  };

  std::vector<int32_t> take_tokens(int64_t now_us);
  std::vector<store::claims::Claimed> claim(std::vector<int32_t>& tokens, int64_t now_us);
  void send_at_once(const std::vector<store::claims::Claimed>& claimed, int64_t now_us);
  void avoid_refusing_accounts(std::vector<store::claims::Claimed>& claimed, std::vector<int32_t>& tokens,
                               int64_t now_us);
  void set_deadlines(std::vector<store::claims::Claimed>& claimed);
  bool waits_for_other_account(const store::claims::Claimed& claimed) const;
  void send(const store::claims::Claimed& claimed, int64_t now_us);
  void accept(Job& job, const Arrival& arrival, const replicate::Prediction& prediction, int64_t now_us);
  void note_reachability(const Arrival& arrival, int64_t now_us);
  void ask_account(int32_t token, int64_t now_us);

  Context& context_;
  int64_t rest_until_us_ = 0;
  std::unordered_map<core::Uuid, History, core::UuidHash> histories_;
  std::set<int32_t> suspects_;  // tokens that were refused with 401 and are being asked about
  int64_t breaker_until_us_ = 0;
  int rests_ = 0;  // how often claiming has rested since something reached the provider
};

}  // namespace atelier::worker
