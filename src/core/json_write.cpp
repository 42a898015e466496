// SPDX-License-Identifier: PostgreSQL
#include <cmath>
#include <vector>

#include "core/json_number.hpp"
#include "core/json_rapidjson.hpp"
#include "core/json_storage.hpp"
#include "core/text.hpp"

namespace atelier::core::json {

// Tells what RapidJSON does not check itself: whether the next text is a key.
class Out : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using rapidjson::Writer<rapidjson::StringBuffer>::Writer;

  bool key_is_due() const {
    if (level_stack_.Empty()) return false;
    const Level& level = *level_stack_.template Top<Level>();
    return !level.inArray && level.valueCount % 2 == 0;
  }
};

struct Writer::State {
  rapidjson::StringBuffer buffer;
  Out out{buffer};

  void put_text(std::string_view text) { out.String(text.data(), static_cast<rapidjson::SizeType>(text.size())); }
  void put_string(std::string_view text) {
    if (text::is_clean_utf8(text))
      put_text(text);
    else
      put_text(text::clean_utf8(text));
  }
  void put_number(std::string_view number) {
    if (fits_numeric(number))
      out.RawValue(number.data(), number.size(), rapidjson::kNumberType);
    else
      out.Null();
  }
  void put_scalar(const Storage& storage, const Node& node);
};

void Writer::State::put_scalar(const Storage& storage, const Node& node) {
  switch (node.type) {
    case Type::string:
      return put_string(storage.text(node));
    case Type::number:
      return put_number(storage.text(node));
    case Type::boolean:
      out.Bool(node.begin != 0);
      return;
    default:
      out.Null();
  }
}

Writer::Writer() : state_(std::make_unique<State>()) {}
Writer::~Writer() = default;
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;

Writer& Writer::begin_object() {
  state_->out.StartObject();
  return *this;
}

Writer& Writer::end_object() {
  RAPIDJSON_ASSERT(state_->out.key_is_due());
  state_->out.EndObject();
  return *this;
}

Writer& Writer::begin_array() {
  state_->out.StartArray();
  return *this;
}

Writer& Writer::end_array() {
  state_->out.EndArray();
  return *this;
}

Writer& Writer::key(std::string_view key) {
  RAPIDJSON_ASSERT(state_->out.key_is_due());
  state_->put_string(key);
  return *this;
}

Writer& Writer::string(std::string_view text) {
  RAPIDJSON_ASSERT(!state_->out.key_is_due());
  state_->put_string(text);
  return *this;
}

Writer& Writer::integer(int64_t number) {
  state_->out.Int64(number);
  return *this;
}

Writer& Writer::number(double number) {
  if (std::isfinite(number))
    state_->out.Double(number);
  else
    state_->out.Null();
  return *this;
}

Writer& Writer::boolean(bool value) {
  state_->out.Bool(value);
  return *this;
}

Writer& Writer::null() {
  state_->out.Null();
  return *this;
}

Writer& Writer::value(Value value) {
  if (!value.exists()) return null();
  RAPIDJSON_ASSERT(!state_->out.key_is_due());
  const Storage& storage = *Access::storage(value);
  const uint32_t first = Access::index(value);
  std::vector<uint32_t> open;
  for (uint32_t i = first; i < storage.nodes[first].next || !open.empty();) {
    if (!open.empty() && i == storage.nodes[open.back()].next) {
      const bool object = storage.nodes[open.back()].type == Type::object;
      object ? end_object() : end_array();
      open.pop_back();
      continue;
    }
    const Node& node = storage.nodes[i];
    if (node.type == Type::object || node.type == Type::array) {
      node.type == Type::object ? begin_object() : begin_array();
      open.push_back(i);
    } else {
      state_->put_scalar(storage, node);
    }
    ++i;
  }
  return *this;
}

std::string Writer::take() {
  RAPIDJSON_ASSERT(state_->out.IsComplete());
  std::string text(state_->buffer.GetString(), state_->buffer.GetSize());
  state_ = std::make_unique<State>();
  return text;
}

std::string to_text(Value value) { return Writer().value(value).take(); }

}  // namespace atelier::core::json
