// SPDX-License-Identifier: PostgreSQL
// Tokens and the accounts behind them: who calls, whether his token or his account's rate refuses the call, and how
// much of the rate is left. Asked once per request by the router.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "faults.hpp"
#include "json.hpp"
#include "route.hpp"
#include "settings.hpp"

namespace stand_in {

// What a control request says about a token.
struct TokenRule {
  std::string account;  // empty: as the token's own text says
  Fault refuse = Fault::kNone;
  int64_t until_us = INT64_MAX;
  int64_t times = INT64_MAX;
  Route route = Route::kAll;
};

struct Caller {
  uint32_t account = 0;
  std::string account_name = {};
  std::string token = {};
  Fault refused = Fault::kNone;  // by a rule about the token
  int64_t wait_seconds = 1;      // what that refusal announces
  bool over_rate = false;        // the account has used up its rate; wait_seconds says how long
  int64_t remaining = 0;         // for the header ratelimit-remaining
};

class Accounts {
 public:
  explicit Accounts(const Settings& settings) : settings_(settings) {}

  // Counts the request; nothing when the authorization names no valid token.
  std::optional<Caller> admit(std::string_view authorization, Route route, int64_t now);

  void count_accepted(const std::string& token);

  void set_rule(const std::string& token, const TokenRule& rule);
  void forget_rule(const std::string& token);

  std::string name(uint32_t account) const;
  void write_stats(JsonWriter& json) const;
  void reset();

 private:
  struct Rate {
    int64_t second = 0;          // the last second with a request
    int64_t used = 0;            // requests in it
    std::deque<int64_t> minute;  // moments, only while a limit is set
  };
  struct Account {
    std::string name;
    Rate creates, others;
  };
  struct Token {
    uint32_t account = 0;
    TokenRule rule;
    int64_t requests = 0, creates = 0, accepted = 0;
  };

  Token& token_of(const std::string& text);
  uint32_t account_of(const std::string& name);
  void use_rate(Caller& caller, Rate& rate, int64_t limit, int64_t usual, int64_t now) const;

  const Settings& settings_;
  mutable std::mutex mutex_;
  std::deque<Account> accounts_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::unordered_map<std::string, Token> tokens_;
};

}  // namespace stand_in
