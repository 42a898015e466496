// SPDX-License-Identifier: PostgreSQL
// A piece of shared memory that has a lock of its own, for what processes of all databases keep together. Exists under
// preload only. It begins unused whenever the server starts, and holds no pointers. What is in it is the matter of
// whoever reserved it: store/change_memory.
#pragma once

#include <cstddef>

namespace atelier::pg {

// Says, as a static object that is made while the library is loaded, how large it is to be.
struct SharedAreaWish {
  explicit SharedAreaWish(size_t bytes) noexcept;
};

// Under preload: how much shared memory that takes.
size_t reserve_shared_area();

// The lock on it. Nothing that PostgreSQL may refuse belongs into its life.
class SharedArea {
 public:
  enum class For { reading, writing };

  static bool exists() noexcept;

  explicit SharedArea(For use);
  ~SharedArea();
  SharedArea(const SharedArea&) = delete;
  SharedArea& operator=(const SharedArea&) = delete;

  void* memory() const noexcept;
  // Whether somebody has said so since the server started; what is there before is noise.
  bool is_in_use() const noexcept;
  void set_in_use() noexcept;
};

}  // namespace atelier::pg
