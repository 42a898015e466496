// SPDX-License-Identifier: PostgreSQL
// The pool of API tokens: which one sends next, and how fast. The provider limits accounts, not tokens, so budgets
// belong to accounts; a token whose account is unknown counts as an account of its own. The dispatcher owns one and
// tells it what happens; it does no I/O, knows no secret and takes the time as an argument, which must not run
// backwards. Unknown token ids are ignored everywhere. Times are microseconds since the Unix epoch.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace atelier::core {

class RequestBook;

// Per account and minute; 0 means no limit.
struct PoolLimits {
  int creates_per_minute = 600;
  int requests_per_minute = 3000;
  // How many creating requests may follow each other at once; after them they come evenly, so that a full minute is not
  // followed by an idle one. 0: as fast as the minute allows.
  int burst = 0;
  int request_burst = 0;           // the same for everything else
  int64_t window_us = 60'000'000;  // the minute; tests shorten it
};

struct PoolToken {
  int32_t id = 0;
  std::string account;  // empty while unknown
  bool active = true;
  int64_t cooling_until_us = 0;
};

class TokenPool {
 public:
  explicit TokenPool(PoolLimits limits = {}) : limits_(limits) {}
  TokenPool(const TokenPool&) = delete;
  TokenPool& operator=(const TokenPool&) = delete;

  void set_limits(PoolLimits limits) { limits_ = limits; }

  // Replaces the tokens by the table's rows. What is known of accounts and of the order of use stays.
  void set_tokens(const std::vector<PoolToken>& tokens);
  // Learns the account of a token; what the token has used so far counts for the account.
  void set_account(int32_t id, const std::string& account);

  // Chooses the least recently used token that is active, not cooling, of an account with budget for one creating
  // request, and reserves that request; nullopt when there is none. Tokens of `avoid_account` and of unknown accounts
  // are left out when it is not empty. Each choice is followed by exactly one note_sent() or give_back().
  std::optional<int32_t> choose(int64_t now_us, const std::string& avoid_account = {});
  // The reserved request has reached the provider, at `now_us` at the latest: for it and the pool the minute begins
  // here. Said when the answer comes, since nobody knows when it arrived; a reserved one counts as long as it is out.
  void note_sent(int32_t id, int64_t now_us);
  // What a former process has sent, oldest first, before anything is chosen; what is remembered uses up the burst.
  void remember(int32_t id, int64_t sent_us, int64_t now_us);
  // The reserved request is not sent.
  void give_back(int32_t id);

  // Whether a request that creates nothing may be sent with this token now; if so, it is counted. Works for tokens that
  // are inactive or cooling too, since they still watch what they created.
  bool take_request(int32_t id, int64_t now_us);
  // The same for one that is out until end_request(). A tenth of the minute is kept free of looks, so that a cancel or
  // a search never waits behind them.
  enum class Use { look, other };
  bool begin_request(int32_t id, Use use, int64_t now_us);
  // So many `repeats` of it have reached the provider besides.
  void end_request(int32_t id, int64_t now_us, int repeats = 0);
  // When such a request can be sent; not before `now_us`.
  int64_t request_ready_at(int32_t id, int64_t now_us, Use use = Use::other) const;
  // Where requests that create nothing are written down for the next process; it outlives the pool.
  void keep_book(RequestBook& book) { book_ = &book; }
  // What a former process has asked for in the last minute, by the book.
  void recall_requests(int64_t now_us);
  // Nobody knows what a former process had asked for until then: as much as may be, evenly, and a burst just then.
  void assume_requests(int32_t id, int64_t until_us);

  // No creating request with this token, or with any token of its account, before `until_us`.
  void cool_token(int32_t id, int64_t until_us);
  void cool_account(int32_t id, int64_t until_us);
  // No other request with any token of its account before `until_us`.
  void cool_requests(int32_t id, int64_t until_us);
  // The account is short of credit: until then six creating requests a minute, one at a time.
  void limit_to_low_credit(int32_t id, int64_t until_us);
  void deactivate(int32_t id);

  // When choose() can succeed: `now_us` if at once; nullopt when only a new or changed token or the end of a reserved
  // request can help.
  std::optional<int64_t> next_ready_at(int64_t now_us) const;

  bool has_active_token() const noexcept;
  // The tokens of this token's account, itself included; only itself while the account is unknown.
  std::vector<int32_t> tokens_of_account(int32_t id) const;
  // Another active token of the same known account, to watch what this one created.
  std::optional<int32_t> sibling(int32_t id) const;
  // The account of a token, empty while unknown.
  std::string account_of(int32_t id) const;

 private:
  struct Account {
    std::deque<int64_t> creates;   // when, oldest first; only what the limit still looks at
    std::deque<int64_t> requests;  // the same for everything else
    int reserved = 0;              // chosen, or sent and not answered
    int requests_out = 0;
    int64_t paced_until_us = 0;  // when all creates so far would have been sent, evenly
    int64_t requests_paced_until_us = 0;
    int64_t cooling_until_us = 0;
    int64_t requests_cooling_until_us = 0;
    int64_t low_credit_until_us = 0;
    bool assumed = false;
  };
  struct Token {
    PoolToken row;
    Account* account = nullptr;    // an entry of accounts_, never null
    int64_t cooling_until_us = 0;  // what cool_token() said, which the table need not know
    uint64_t used = 0;             // order of use
    int reserved = 0;
    int requests_out = 0;
  };

  Token* find(int32_t id);
  const Token* find(int32_t id) const;
  static std::string key_of(const PoolToken& token);
  static void release(Token& token);
  void move_to_account(Token& token, const std::string& name);
  void merge(Account& from, Account& into) const;
  int64_t window_ready_at(const std::deque<int64_t>& sent, int limit, int reserved, int64_t now_us) const;
  int64_t pace_us() const;
  int64_t request_pace_us() const;
  int request_limit(Use use) const;
  std::optional<int64_t> create_ready_at(const Token& token, int64_t now_us) const;
  size_t creates_kept() const;
  size_t requests_kept() const;

  PoolLimits limits_;
  std::vector<Token> tokens_;
  std::map<std::string, Account> accounts_;  // by name, or by id for a token whose account is unknown
  uint64_t uses_ = 0;
  RequestBook* book_ = nullptr;
};

}  // namespace atelier::core
