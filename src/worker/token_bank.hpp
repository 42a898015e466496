// SPDX-License-Identifier: PostgreSQL
// The token pool in the dispatcher's hands: core::TokenPool decides, this class feeds it from the table, keeps the
// secrets, and writes back counts, cooldowns and deactivations. Read again when the table has changed and once a
// minute. What it writes goes through transactions of its own; a failure there is a server log line and is tried again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/request_book.hpp"
#include "core/token_pool.hpp"
#include "store/pool.hpp"

namespace atelier::worker {

class TokenBank {
 public:
  core::TokenPool& pool() noexcept { return pool_; }
  const core::TokenPool& pool() const noexcept { return pool_; }

  // Reads the settings and, when it has changed, the table. Needs a transaction.
  void refresh(int64_t now_us);

  // What a former process has used of the last minute, by the attempts and by the book that it kept. Needs a
  // transaction.
  void remember(int64_t now_us);
  // A former process has watched something with this token; what the book does not know of it is taken for the most.
  void assume_watched(int32_t token, int64_t now_us);
  // Nothing was left to watch.
  void trust_book();
  // An answer has come, or will not come any more, to a creating request or another one.
  void note_answer(int32_t token, bool creating, bool sent, int repeats, int64_t now_us);

  // The secret of a token, also of an inactive one; null when it is gone from the table.
  const std::string* secret(int32_t token) const;
  // Active tokens whose account has not been asked for yet; each is named once per load.
  std::vector<int32_t> without_account();

  // The known accounts, each with an active token of it.
  std::map<std::string, int32_t> accounts() const;

  void learn_account(int32_t token, const std::string& account);
  // A refusal: the token, or every token of its account, rests until `until_us`.
  void cool(int32_t token, int64_t until_us, bool whole_account, const std::string& reason);
  void deactivate(int32_t token, const std::string& reason);

  void count_request(int32_t token);
  void count_error(int32_t token, const std::string& error);
  // Writes the counts when a second has passed since the last time; they reach the table at shutdown too.
  void flush(int64_t now_us, bool at_once = false);

  size_t active_tokens() const;
  std::vector<int32_t> active() const;
  // Also those that are switched off or kept for what runs with them; the active ones first.
  std::vector<int32_t> known() const;
  // Whether an active token of another known account exists.
  bool has_other_account(int32_t token) const;

 private:
  store::pool::Usage& usage_of(int32_t token);

  std::optional<core::RequestBook> book_;
  core::TokenPool pool_;
  std::map<int32_t, store::pool::TokenRow> rows_;
  std::map<int32_t, bool> asked_;
  std::map<int32_t, store::pool::Usage> usage_;
  uint64_t version_ = 0;
  int64_t loaded_us_ = 0;
  int64_t flushed_us_ = 0;
};

}  // namespace atelier::worker
