// SPDX-License-Identifier: PostgreSQL
// Blocks every signal for the length of a call into libcurl: its resolver threads inherit the mask, and a handler of
// the server must never run on a foreign thread.
#pragma once

#include <csignal>
#include <pthread.h>

namespace atelier::http {

class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t previous_;
};

}  // namespace atelier::http
