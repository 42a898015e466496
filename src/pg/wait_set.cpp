// SPDX-License-Identifier: PostgreSQL
#include "pg/wait_set.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/wait_event.h"
}

namespace atelier::pg {

namespace {
constexpr int kMostEvents = 3;
}

WaitSet::WaitSet(int descriptor) {
  set_ = guard([&] {
    WaitEventSet* set = compat::create_wait_event_set(TopMemoryContext, kMostEvents);
    AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
    AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
    if (descriptor != kNoDescriptor) AddWaitEventToSet(set, WL_SOCKET_READABLE, descriptor, nullptr, nullptr);
    return set;
  });
}

WaitSet::Woken WaitSet::wait(long timeout_ms) {
  return guard([&] {
    Woken woken;
    WaitEvent events[kMostEvents];
    const int count = WaitEventSetWait(set_, timeout_ms, events, kMostEvents, PG_WAIT_EXTENSION);
    for (int i = 0; i < count; ++i) {
      if (events[i].events & WL_LATCH_SET) woken.by_latch = true;
      if (events[i].events & WL_SOCKET_READABLE) woken.by_descriptor = true;
    }
    if (woken.by_latch) ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    return woken;
  });
}

}  // namespace atelier::pg
