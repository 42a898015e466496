// SPDX-License-Identifier: PostgreSQL
// What the statement that is running is meant as, where an UPDATE of a generation's status does not say it: rpc/ sets
// it around the statement, store/films.hpp around its own, and the triggers on generations read it. Nothing that
// arrives as SQL can set it, so it gives a right to nobody: whose generation it is has been checked before.
#pragma once

namespace atelier::store::wish {

enum class Wish {
  none,
  cancel,  // how it ends is what the provider says, whoever asks; also a row that was not handed over ends
  retry,   // failed or cancelled back to queued, or an error that says why not
  film,    // a film moves itself or its parts (store/films.hpp)
};

Wish current() noexcept;

// Sets the wish for the length of a block, also when an error passes through it.
class Expressed {
 public:
  explicit Expressed(Wish wish) noexcept;
  ~Expressed();
  Expressed(const Expressed&) = delete;
  Expressed& operator=(const Expressed&) = delete;

 private:
  Wish previous_;
};

}  // namespace atelier::store::wish
