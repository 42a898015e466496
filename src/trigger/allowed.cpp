// SPDX-License-Identifier: PostgreSQL
#include "trigger/allowed.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "pg/settings.hpp"

namespace atelier::trigger {

namespace {

constexpr size_t kMostBytesPerCharacter = 4;

bool contains(Names columns, std::string_view name) {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

// Calls `what` with each column that an UPDATE changes.
template <typename What>
void for_each_change(const pg::TriggerCall& call, What&& what) {
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && call.changes(attribute)) what(call.attribute_name(attribute));
}

std::string column_of(std::string_view column, std::string_view row) {
  return "column \"" + std::string(column) + "\" of " + std::string(row);
}

// "Users change display_name, avatar_url and cover_url."
std::string what_users_change(Names columns) {
  std::string list;
  for (const std::string_view& column : columns) {
    if (!list.empty()) list += &column + 1 == columns.end() ? " and " : ", ";
    list += column;
  }
  return "Users change " + (list.empty() ? "none of its columns" : list) + ".";
}

[[noreturn]] void refuse_size(const pg::Column& column, const std::string& limit, std::string detail,
                              const char* setting) {
  // A limit of the server's (54000) would be its fault, and an HTTP status of 500 at the gateway.
  pg::fail(
      pg::Code::string_data_right_truncation,
      std::string("value for column \"") + column.name + "\" exceeds the limit of " + limit, std::move(detail),
      setting == nullptr ? "Send less." : std::string("Send less, or let an administrator raise ") + setting + ".");
}

// Whether so many bytes can be more than so many characters.
bool may_exceed(size_t bytes, SizeLimit limit) { return bytes > static_cast<size_t>(limit.most); }
bool must_exceed(size_t bytes, SizeLimit limit) {
  return bytes > static_cast<size_t>(limit.most) * kMostBytesPerCharacter;
}

[[noreturn]] void refuse_characters(const pg::Column& column, const char* what, SizeLimit limit, size_t bytes,
                                    size_t characters) {
  refuse_size(column, std::to_string(limit.most) + " characters",
              std::string(what) + " has " +
                  (characters == 0 ? std::to_string(bytes) + " bytes." : std::to_string(characters) + " characters."),
              limit.setting);
}

void limit_bytes(const pg::TriggerCall& call, const pg::Column& column, SizeLimit limit) {
  const size_t bytes = call.new_bytes(column);
  if (may_exceed(bytes, limit) && is_new(call, column))
    refuse_size(column, std::to_string(limit.most / 1024) + " kB", "It has " + std::to_string(bytes) + " bytes.",
                limit.setting);
}

}  // namespace

void allow_insert(pg::TriggerCall& call, Names columns) {
  if (call.caller_is_restricted()) take_from_user(call, columns);
  call.fill_missing();
}

void take_from_user(pg::TriggerCall& call, Names columns) {
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && !contains(columns, call.attribute_name(attribute))) call.set_default(attribute);
}

void allow_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  if (!call.caller_is_restricted()) return;
  for_each_change(call, [&](std::string_view name) {
    if (!contains(columns, name)) refuse_change(row, name, what_users_change(columns));
  });
}

void refuse_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  for_each_change(call, [&](std::string_view name) {
    if (contains(columns, name))
      pg::fail(pg::Code::insufficient_privilege, column_of(name, row) + " cannot be changed");
  });
}

void refuse_change(std::string_view row, std::string_view column, std::string detail) {
  pg::fail(pg::Code::insufficient_privilege, column_of(column, row) + " is not the user's to change",
           std::move(detail));
}

bool is_new(const pg::TriggerCall& call, const pg::Column& column) {
  return call.event() == pg::TriggerEvent::insert || call.changes(column);
}

SizeLimit prompt_limit() { return {pg::settings::max_prompt_chars(), "atelier.max_prompt_chars"}; }
SizeLimit text_limit() { return {pg::settings::max_text_chars(), "atelier.max_text_chars"}; }
SizeLimit url_limit() { return {pg::settings::max_url_chars(), "atelier.max_url_chars"}; }
SizeLimit json_limit() { return {pg::settings::max_json_bytes(), "atelier.max_json_size"}; }
SizeLimit flow_node_limit() { return {pg::settings::max_flow_node_bytes(), "atelier.max_flow_node_size"}; }

void limit_texts(const pg::TriggerCall& call, Columns columns, SizeLimit limit) {
  for (const pg::Column* column : columns) {
    const size_t bytes = call.new_bytes(*column);
    if (!may_exceed(bytes, limit) || !is_new(call, *column)) continue;
    // What is far too long is not taken apart to be counted.
    if (must_exceed(bytes, limit)) refuse_characters(*column, "It", limit, bytes, 0);
    const size_t characters = call.new_characters(*column);
    if (characters > static_cast<size_t>(limit.most)) refuse_characters(*column, "It", limit, bytes, characters);
  }
}

void limit_lists(const pg::TriggerCall& call, Columns columns, SizeLimit each) {
  for (const pg::Column* column : columns) {
    limit_bytes(call, *column, json_limit());
    const auto list = call.new_datum(*column);
    if (!list || !is_new(call, *column)) continue;
    for (const Datum element : pg::array_elements(*list, pg::TypeOf<std::string>::scalar)) {
      const auto text = pg::to_cpp<std::string>(element);
      if (core::text::first_chars(text, static_cast<size_t>(each.most)).size() < text.size())
        refuse_characters(*column, "One of its elements", each, text.size(), 0);
    }
  }
}

void limit_json(const pg::TriggerCall& call, Columns columns, SizeLimit limit) {
  const int levels = pg::settings::max_json_depth();
  for (const pg::Column* column : columns) {
    limit_bytes(call, *column, limit);
    const auto value = call.new_datum(*column);
    if (value && is_new(call, *column) && pg::jsonb::is_deeper_than(*value, levels))
      refuse_size(*column, std::to_string(levels) + " levels of nesting", {}, "atelier.max_json_depth");
  }
}

}  // namespace atelier::trigger
