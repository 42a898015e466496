// SPDX-License-Identifier: PostgreSQL
// How a json::Document keeps what was parsed: one flat list of nodes in written order and one buffer with their texts.
// No pointers and no recursion, so that freeing and walking need no stack. For the sources of core/json.hpp only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"

namespace atelier::core::json {

// A member of an object is two nodes: its key as a string, then its value.
struct Node {
  Type type;
  uint32_t begin;   // of the text of strings and numbers in the buffer; 1 for true, 0 for false
  uint32_t length;  // of that text; of containers the number of elements or members
  uint32_t next;    // the node behind this one and all that is in it
};

struct Storage {
  std::vector<Node> nodes;
  std::string buffer;

  std::string_view text(const Node& node) const noexcept {
    return std::string_view(buffer).substr(node.begin, node.length);
  }
};

// Lets the sources of json.hpp walk the nodes of a value.
struct Access {
  static const Storage* storage(Value value) noexcept { return value.storage_; }
  static uint32_t index(Value value) noexcept { return value.index_; }
  static Value value(const Storage* storage, uint32_t index) noexcept { return {storage, index}; }
};

}  // namespace atelier::core::json
