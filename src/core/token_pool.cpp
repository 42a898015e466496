// SPDX-License-Identifier: PostgreSQL
#include "core/token_pool.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/request_book.hpp"
#include "core/retry.hpp"

namespace atelier::core {
namespace {

// What the provider allows an account that is short of credit: this many a minute, and no two of them at once.
constexpr int kLowCreditCreates = 6;

// Drops what is older than a minute and what lies before the `kept` last ones: no limit looks at it any more.
void forget(std::deque<int64_t>& sent, size_t kept, int64_t before_us) {
  while (!sent.empty() && (sent.size() > kept || sent.front() <= before_us)) sent.pop_front();
}

void merge_times(const std::deque<int64_t>& from, std::deque<int64_t>& into, size_t kept) {
  std::deque<int64_t> both;
  std::merge(from.begin(), from.end(), into.begin(), into.end(), std::back_inserter(both));
  while (both.size() > kept) both.pop_front();
  into = std::move(both);
}

}  // namespace

// The name of an account holds no NUL, so the key of a lonely token is never that of an account.
std::string TokenPool::key_of(const PoolToken& token) {
  return token.account.empty() ? std::string(1, '\0') + std::to_string(token.id) : token.account;
}

TokenPool::Token* TokenPool::find(int32_t id) {
  const auto place = std::find_if(tokens_.begin(), tokens_.end(), [id](const Token& one) { return one.row.id == id; });
  return place == tokens_.end() ? nullptr : &*place;
}

const TokenPool::Token* TokenPool::find(int32_t id) const {
  const auto place = std::find_if(tokens_.begin(), tokens_.end(), [id](const Token& one) { return one.row.id == id; });
  return place == tokens_.end() ? nullptr : &*place;
}

// The short of credit are told by their last creates even when there is no other limit.
size_t TokenPool::creates_kept() const {
  return static_cast<size_t>(std::max(limits_.creates_per_minute, kLowCreditCreates));
}

size_t TokenPool::requests_kept() const { return static_cast<size_t>(std::max(limits_.requests_per_minute, 0)); }

void TokenPool::set_tokens(const std::vector<PoolToken>& tokens) {
  std::vector<Token> before = std::exchange(tokens_, {});
  tokens_.reserve(tokens.size());
  for (const PoolToken& row : tokens) {
    const auto place =
        std::find_if(before.begin(), before.end(), [&](const Token& one) { return one.row.id == row.id; });
    if (place == before.end()) {
      Token fresh;
      fresh.row = row;
      fresh.account = &accounts_[key_of(row)];
      tokens_.push_back(std::move(fresh));
      continue;
    }
    Token known = std::move(*place);
    before.erase(place);
    if (known.row.account != row.account) move_to_account(known, row.account);
    known.row = row;
    tokens_.push_back(std::move(known));
  }
  // Reservations of deleted tokens end here. Accounts stay, so that a token that comes back finds its minute as it was.
  for (const Token& gone : before) {
    gone.account->reserved -= gone.reserved;
    gone.account->requests_out -= gone.requests_out;
    if (gone.row.account.empty()) accounts_.erase(key_of(gone.row));
  }
}

void TokenPool::set_account(int32_t id, const std::string& account) {
  Token* token = find(id);
  if (token != nullptr && token->row.account != account) move_to_account(*token, account);
}

void TokenPool::move_to_account(Token& token, const std::string& name) {
  const bool was_alone = token.row.account.empty();
  const std::string old_key = key_of(token.row);
  Account& old = *token.account;
  token.row.account = name;
  token.account = &accounts_[key_of(token.row)];
  old.reserved -= token.reserved;
  token.account->reserved += token.reserved;
  old.requests_out -= token.requests_out;
  token.account->requests_out += token.requests_out;
  // What other tokens of a known account have used cannot be told apart, so it stays there.
  if (!was_alone) return;
  merge(old, *token.account);
  if (book_ != nullptr) book_->rename(old_key, key_of(token.row));
  accounts_.erase(old_key);
}

void TokenPool::merge(Account& from, Account& into) const {
  merge_times(from.creates, into.creates, creates_kept());
  merge_times(from.requests, into.requests, requests_kept());
  into.paced_until_us = std::max(into.paced_until_us, from.paced_until_us);
  into.requests_paced_until_us = std::max(into.requests_paced_until_us, from.requests_paced_until_us);
  into.cooling_until_us = std::max(into.cooling_until_us, from.cooling_until_us);
  into.requests_cooling_until_us = std::max(into.requests_cooling_until_us, from.requests_cooling_until_us);
  into.low_credit_until_us = std::max(into.low_credit_until_us, from.low_credit_until_us);
}

// When the n-th last request is a minute old. `reserved` ones count as sent now and are fewer than the limit.
int64_t TokenPool::window_ready_at(const std::deque<int64_t>& sent, int limit, int reserved, int64_t now_us) const {
  const size_t free = static_cast<size_t>(limit - reserved);
  if (sent.size() < free) return now_us;
  return std::max(now_us, sent[sent.size() - free] + limits_.window_us);
}

// The time from one creating request to the next when they come evenly; 0 when they need not.
int64_t TokenPool::pace_us() const {
  return limits_.burst <= 0 || limits_.creates_per_minute <= 0 ? 0 : limits_.window_us / limits_.creates_per_minute;
}

int64_t TokenPool::request_pace_us() const {
  return limits_.request_burst <= 0 || limits_.requests_per_minute <= 0
             ? 0
             : limits_.window_us / limits_.requests_per_minute;
}

std::optional<int64_t> TokenPool::create_ready_at(const Token& token, int64_t now_us) const {
  const Account& account = *token.account;
  const int limit = limits_.creates_per_minute;
  const int64_t paced_us = pace_us() == 0 ? 0 : account.paced_until_us - (limits_.burst - 1) * pace_us();
  const int64_t rested_us =
      std::max({now_us, token.row.cooling_until_us, token.cooling_until_us, account.cooling_until_us, paced_us});
  std::optional<int64_t> normal_us;
  if (limit <= 0)
    normal_us = rested_us;
  else if (account.reserved < limit)
    normal_us = window_ready_at(account.creates, limit, account.reserved, rested_us);
  if (!normal_us || *normal_us >= account.low_credit_until_us) return normal_us;

  const int64_t richer_us = account.low_credit_until_us;
  if (account.reserved > 0) return richer_us;
  int64_t low_us = std::max(*normal_us, window_ready_at(account.creates, kLowCreditCreates, 0, rested_us));
  if (!account.creates.empty())
    low_us = std::max(low_us, account.creates.back() + limits_.window_us / kLowCreditCreates);
  return std::min(low_us, richer_us);
}

std::optional<int32_t> TokenPool::choose(int64_t now_us, const std::string& avoid_account) {
  Token* best = nullptr;
  for (Token& token : tokens_) {
    if (!token.row.active) continue;
    if (!avoid_account.empty() && (token.row.account.empty() || token.row.account == avoid_account)) continue;
    // A reserved request is a use that is still to come. The order is cheaper to tell than the budget.
    if (best != nullptr && std::pair(token.reserved, token.used) >= std::pair(best->reserved, best->used)) continue;
    const auto ready_us = create_ready_at(token, now_us);
    if (ready_us && *ready_us <= now_us) best = &token;
  }
  if (best == nullptr) return std::nullopt;
  ++best->reserved;
  ++best->account->reserved;
  best->account->paced_until_us = std::max(best->account->paced_until_us, now_us) + pace_us();
  return best->row.id;
}

void TokenPool::note_sent(int32_t id, int64_t now_us) {
  Token* token = find(id);
  if (token == nullptr) return;
  release(*token);
  // A token that was only reserved has not had its turn.
  token->used = ++uses_;
  std::deque<int64_t>& creates = token->account->creates;
  creates.push_back(now_us);
  forget(creates, creates_kept(), now_us - limits_.window_us);
}

void TokenPool::remember(int32_t id, int64_t sent_us, int64_t now_us) {
  Token* token = find(id);
  if (token == nullptr || sent_us <= now_us - limits_.window_us) return;
  Account& account = *token->account;
  account.creates.push_back(std::min(sent_us, now_us));
  account.paced_until_us = std::max(account.paced_until_us, now_us + (limits_.burst - 1) * pace_us());
  forget(account.creates, creates_kept(), now_us - limits_.window_us);
}

void TokenPool::release(Token& token) {
  if (token.reserved == 0) return;
  --token.reserved;
  --token.account->reserved;
}

void TokenPool::give_back(int32_t id) {
  Token* token = find(id);
  if (token == nullptr || token->reserved == 0) return;
  release(*token);
  token->account->paced_until_us -= pace_us();
}

bool TokenPool::take_request(int32_t id, int64_t now_us) {
  if (!begin_request(id, Use::other, now_us)) return false;
  end_request(id, now_us);
  return true;
}

bool TokenPool::begin_request(int32_t id, Use use, int64_t now_us) {
  Token* token = find(id);
  if (token == nullptr || request_ready_at(id, now_us, use) > now_us) return false;
  ++token->requests_out;
  token->account->requests_paced_until_us =
      std::max(token->account->requests_paced_until_us, now_us) + request_pace_us();
  ++token->account->requests_out;
  if (book_ != nullptr) book_->begin(key_of(token->row));
  return true;
}

void TokenPool::end_request(int32_t id, int64_t now_us, int repeats) {
  Token* token = find(id);
  if (token == nullptr) return;
  Account& account = *token->account;
  if (token->requests_out > 0) {
    --token->requests_out;
    --account.requests_out;
  }
  account.requests.insert(account.requests.end(), static_cast<size_t>(1 + repeats), now_us);
  forget(account.requests, requests_kept(), now_us - limits_.window_us);
  if (book_ != nullptr) book_->end(key_of(token->row), now_us, 1 + repeats);
}

int TokenPool::request_limit(Use use) const {
  const int limit = limits_.requests_per_minute;
  return use == Use::other ? limit : std::max(1, limit - limit / 10);
}

int64_t TokenPool::request_ready_at(int32_t id, int64_t now_us, Use use) const {
  const Token* token = find(id);
  if (token == nullptr) return now_us;
  const Account& account = *token->account;
  const int64_t paced_us = account.requests_paced_until_us - (limits_.request_burst - 1) * request_pace_us();
  const int64_t rested_us =
      std::max({now_us, account.requests_cooling_until_us, request_pace_us() == 0 ? 0 : paced_us});
  if (limits_.requests_per_minute <= 0) return rested_us;
  const int limit = request_limit(use);
  // All of them are out: the first answer makes no room before a minute has passed, but nobody knows when it comes.
  if (account.requests_out >= limit) return std::max(rested_us, now_us + limits_.window_us / 60);
  return window_ready_at(account.requests, limit, account.requests_out, rested_us);
}

void TokenPool::recall_requests(int64_t now_us) {
  if (book_ == nullptr) return;
  for (auto& [key, account] : accounts_) {
    std::deque<int64_t> known;
    for (const int64_t at_us : book_->requests(key, requests_kept(), now_us)) known.push_back(at_us);
    merge_times(known, account.requests, requests_kept());
  }
}

void TokenPool::assume_requests(int32_t id, int64_t until_us) {
  Token* token = find(id);
  const int limit = limits_.requests_per_minute;
  if (token == nullptr || limit <= 0 || std::exchange(token->account->assumed, true)) return;
  const int burst = std::min(limits_.request_burst, limit);
  std::deque<int64_t> assumed;
  for (int i = 1; i <= limit; ++i) {
    const int64_t evenly_us = until_us - limits_.window_us + (i + burst) * limits_.window_us / limit;
    assumed.push_back(std::min(until_us, evenly_us));
  }
  merge_times(assumed, token->account->requests, requests_kept());
}

void TokenPool::cool_token(int32_t id, int64_t until_us) {
  if (Token* token = find(id)) token->cooling_until_us = std::max(token->cooling_until_us, until_us);
}

void TokenPool::cool_account(int32_t id, int64_t until_us) {
  if (Token* token = find(id)) token->account->cooling_until_us = std::max(token->account->cooling_until_us, until_us);
}

void TokenPool::cool_requests(int32_t id, int64_t until_us) {
  if (Token* token = find(id))
    token->account->requests_cooling_until_us = std::max(token->account->requests_cooling_until_us, until_us);
}

void TokenPool::limit_to_low_credit(int32_t id, int64_t until_us) {
  if (Token* token = find(id))
    token->account->low_credit_until_us = std::max(token->account->low_credit_until_us, until_us);
}

void TokenPool::deactivate(int32_t id) {
  if (Token* token = find(id)) token->row.active = false;
}

std::optional<int64_t> TokenPool::next_ready_at(int64_t now_us) const {
  std::optional<int64_t> soonest;
  for (const Token& token : tokens_) {
    if (!token.row.active) continue;
    const auto ready_us = create_ready_at(token, now_us);
    if (ready_us && (!soonest || *ready_us < *soonest)) soonest = ready_us;
    if (soonest && *soonest <= now_us) break;
  }
  return soonest;
}

bool TokenPool::has_active_token() const noexcept {
  return std::any_of(tokens_.begin(), tokens_.end(), [](const Token& token) { return token.row.active; });
}

std::vector<int32_t> TokenPool::tokens_of_account(int32_t id) const {
  std::vector<int32_t> ids;
  const Token* token = find(id);
  if (token == nullptr) return ids;
  for (const Token& one : tokens_)
    if (one.account == token->account) ids.push_back(one.row.id);
  return ids;
}

std::optional<int32_t> TokenPool::sibling(int32_t id) const {
  const Token* token = find(id);
  if (token == nullptr) return std::nullopt;
  for (const Token& one : tokens_)
    if (one.row.id != id && one.row.active && one.account == token->account) return one.row.id;
  return std::nullopt;
}

std::string TokenPool::account_of(int32_t id) const {
  const Token* token = find(id);
  return token == nullptr ? std::string() : token->row.account;
}

}  // namespace atelier::core
