// SPDX-License-Identifier: PostgreSQL
#include "accounts.hpp"

#include <algorithm>

#include "clock.hpp"

namespace stand_in {

namespace {

constexpr std::string_view kTokenStart = "r8_";

// The token of "Bearer r8_..." or "Token r8_..."; empty when it is neither.
std::string_view bearer(std::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view scheme = authorization.substr(0, space);
  if (scheme != "Bearer" && scheme != "bearer" && scheme != "Token") return {};
  const std::string_view token = authorization.substr(space + 1);
  return token.starts_with(kTokenStart) && token.size() > kTokenStart.size() ? token : std::string_view{};
}

// r8_acme_...: acme.
std::string account_in(const std::string& token) {
  const size_t end = token.find('_', kTokenStart.size());
  if (end == std::string::npos || end == kTokenStart.size()) return "default";
  return token.substr(kTokenStart.size(), end - kTokenStart.size());
}

int64_t seconds_until(int64_t moment, int64_t now) {
  return std::max<int64_t>(1, (moment - now + kSecond - 1) / kSecond);
}

}  // namespace

std::optional<Caller> Accounts::admit(std::string_view authorization, Route route, int64_t now) {
  Caller caller;
  caller.token = bearer(authorization);
  if (caller.token.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Token& token = token_of(caller.token);
  caller.account = token.account;
  caller.account_name = accounts_[token.account].name;
  token.requests++;
  if (route == Route::kCreate) token.creates++;
  TokenRule& rule = token.rule;
  if (rule.refuse != Fault::kNone && covers(rule.route, route) && now < rule.until_us && rule.times > 0) {
    rule.times--;
    caller.refused = rule.refuse;
    if (rule.until_us != INT64_MAX) caller.wait_seconds = seconds_until(rule.until_us, now);
    return caller;
  }
  Account& account = accounts_[token.account];
  if (route == Route::kCreate) {
    use_rate(caller, account.creates, settings_.creates_per_minute, 600, now);
  } else {
    use_rate(caller, account.others, settings_.requests_per_minute, 3000, now);
  }
  return caller;
}

void Accounts::use_rate(Caller& caller, Rate& rate, int64_t limit, int64_t usual, int64_t now) const {
  if (limit > 0) {
    const int64_t window = settings_.rate_window_ms * kMillisecond;
    while (!rate.minute.empty() && rate.minute.front() <= now - window) rate.minute.pop_front();
    if (static_cast<int64_t>(rate.minute.size()) >= limit) {
      caller.over_rate = true;
      caller.wait_seconds = seconds_until(rate.minute.front() + window, now);
      return;
    }
    rate.minute.push_back(now);
    caller.remaining = limit - static_cast<int64_t>(rate.minute.size());
    return;
  }
  if (rate.second != now / kSecond) {
    rate.second = now / kSecond;
    rate.used = 0;
  }
  caller.remaining = std::max<int64_t>(0, usual - ++rate.used);
}

void Accounts::count_accepted(const std::string& token) {
  const std::lock_guard lock(mutex_);
  token_of(token).accepted++;
}

void Accounts::set_rule(const std::string& token, const TokenRule& rule) {
  const std::lock_guard lock(mutex_);
  Token& known = token_of(token);
  known.rule = rule;
  known.account = account_of(rule.account.empty() ? account_in(token) : rule.account);
}

void Accounts::forget_rule(const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto known = tokens_.find(token);
  if (known == tokens_.end()) return;
  known->second.rule = TokenRule{};
  known->second.account = account_of(account_in(token));
}

std::string Accounts::name(uint32_t account) const {
  const std::lock_guard lock(mutex_);
  return accounts_[account].name;
}

void Accounts::write_stats(JsonWriter& json) const {
  const std::lock_guard lock(mutex_);
  json.StartObject();
  for (const auto& [text, token] : tokens_) {
    json.key(text);
    json.StartObject();
    json.member("account", std::string_view(accounts_[token.account].name));
    json.member("creates", token.creates);
    json.member("accepted", token.accepted);
    json.member("requests", token.requests);
    json.EndObject();
  }
  json.EndObject();
}

void Accounts::reset() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
  for (Account& account : accounts_) account.creates = account.others = Rate{};
}

Accounts::Token& Accounts::token_of(const std::string& text) {
  const auto [place, is_new] = tokens_.try_emplace(text);
  if (is_new) place->second.account = account_of(account_in(text));
  return place->second;
}

uint32_t Accounts::account_of(const std::string& name) {
  const auto [place, is_new] = by_name_.try_emplace(name, static_cast<uint32_t>(accounts_.size()));
  if (is_new) accounts_.push_back({name, {}, {}});
  return place->second;
}

}  // namespace stand_in
