// SPDX-License-Identifier: PostgreSQL
#include <charconv>
#include <cmath>

#include "core/json_storage.hpp"

namespace atelier::core::json {
namespace {

const Node* node_of(const Storage* storage, uint32_t index) noexcept {
  return storage != nullptr && index < storage->nodes.size() ? &storage->nodes[index] : nullptr;
}

}  // namespace

Value Document::root() const noexcept {
  return storage_ && !storage_->nodes.empty() ? Value(storage_.get(), 0) : Value();
}

Type Value::type() const noexcept {
  const Node* node = node_of(storage_, index_);
  return node == nullptr ? Type::absent : node->type;
}

Value Value::find(std::string_view key) const noexcept {
  Value found;
  for (const Member member : members()) {
    if (member.key == key) found = member.value;
  }
  return found;
}

size_t Value::size() const noexcept { return is_array() || is_object() ? storage_->nodes[index_].length : 0; }

Elements Value::elements() const noexcept {
  if (!is_array()) return {nullptr, 0, 0};
  return {storage_, index_ + 1, storage_->nodes[index_].next};
}

Members Value::members() const noexcept {
  if (!is_object()) return {nullptr, 0, 0};
  return {storage_, index_ + 1, storage_->nodes[index_].next};
}

std::optional<std::string_view> Value::as_string() const noexcept {
  if (!is_string()) return std::nullopt;
  return storage_->text(storage_->nodes[index_]);
}

std::optional<bool> Value::as_bool() const noexcept {
  if (!is_bool()) return std::nullopt;
  return storage_->nodes[index_].begin != 0;
}

std::string_view Value::number_text() const noexcept {
  return is_number() ? storage_->text(storage_->nodes[index_]) : std::string_view();
}

std::optional<int64_t> Value::as_int64() const noexcept {
  const std::string_view text = number_text();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> Value::as_double() const noexcept {
  const std::string_view text = number_text();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

ElementIterator& ElementIterator::operator++() noexcept {
  index_ = storage_->nodes[index_].next;
  return *this;
}

Member MemberIterator::operator*() const noexcept {
  return {storage_->text(storage_->nodes[index_]), Access::value(storage_, index_ + 1)};
}

MemberIterator& MemberIterator::operator++() noexcept {
  index_ = storage_->nodes[index_ + 1].next;
  return *this;
}

}  // namespace atelier::core::json
