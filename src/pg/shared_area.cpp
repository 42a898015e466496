// SPDX-License-Identifier: PostgreSQL
#include "pg/shared_area.hpp"

#include "pg/guard.hpp"
#include "pg/shared_struct.hpp"

namespace atelier::pg {

namespace {

struct Head {
  LWLock lock;
  bool in_use;
};

constinit size_t wished = 0;
constinit bool reserved = false;
constinit Head* head = nullptr;

size_t size() { return MAXALIGN(sizeof(Head)) + MAXALIGN(wished); }

void set_up(Head& fresh) { fresh.in_use = false; }

Head& shared() {
  if (head == nullptr) head = shared_struct<Head>("atelier shared area", size(), set_up);
  return *head;
}

}  // namespace

SharedAreaWish::SharedAreaWish(size_t bytes) noexcept { wished = bytes; }

size_t reserve_shared_area() {
  reserved = true;
  return size();
}

bool SharedArea::exists() noexcept { return reserved; }

SharedArea::SharedArea(For use) {
  Head& place = shared();
  guard([&] { LWLockAcquire(&place.lock, use == For::reading ? LW_SHARED : LW_EXCLUSIVE); });
}

SharedArea::~SharedArea() { LWLockRelease(&head->lock); }

void* SharedArea::memory() const noexcept { return reinterpret_cast<char*>(head) + MAXALIGN(sizeof(Head)); }

bool SharedArea::is_in_use() const noexcept { return head->in_use; }

void SharedArea::set_in_use() noexcept { head->in_use = true; }

}  // namespace atelier::pg
