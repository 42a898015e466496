// SPDX-License-Identifier: PostgreSQL
#include "pg/fault.hpp"

#ifdef ATELIER_FAULT_POINTS

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

#include "pg/error.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/wait_event.h"
}

namespace atelier::pg::fault {

namespace {

constexpr const char* kNames[] = {
#define ATELIER_FAULT_POINT(name) #name,
    ATELIER_FAULT_POINT_LIST(ATELIER_FAULT_POINT)
#undef ATELIER_FAULT_POINT
};
constexpr size_t kPoints = sizeof(kNames) / sizeof(kNames[0]);
constexpr long kStepMs = 10;

char* folder_value = nullptr;
char* off_value = nullptr;
double time_scale_value = 1.0;
int passes[kPoints];  // since the point was armed for a later time

std::string text_of(const std::string& path) {
  std::string text;
  if (FILE* file = fopen(path.c_str(), "r")) {
    char buffer[64];
    text.assign(buffer, fread(buffer, 1, sizeof(buffer), file));
    fclose(file);
  }
  while (!text.empty() && text.back() <= ' ') text.pop_back();
  return text;
}

void add_line(const std::string& path, const std::string& line) {
  if (FILE* file = fopen(path.c_str(), "a")) {
    fputs((line + "\n").c_str(), file);
    fclose(file);
  }
}

// Until a test lets it go on or ends it from outside.
void hang(const std::string& base) {
  const std::string path = base + ".hanging";
  add_line(path + ".new", std::to_string(MyProcPid));
  rename((path + ".new").c_str(), path.c_str());
  while (access(path.c_str(), F_OK) == 0) {
    guard([] {
      if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_POSTMASTER_DEATH, kStepMs, PG_WAIT_EXTENSION) &
          WL_POSTMASTER_DEATH)
        _exit(1);
      ResetLatch(MyLatch);
      CHECK_FOR_INTERRUPTS();
    });
  }
  // What woke it meanwhile has not been looked at.
  SetLatch(MyLatch);
}

void act(const std::string& action, const std::string& base, const char* name) {
  if (action == "crash") kill(MyProcPid, SIGKILL);
  if (action == "exit") proc_exit(1);
  if (action == "error") fail(Code::internal_error, std::string("fault point ") + name);
  if (action == "hang") {
    hang(base);
    const std::string then = base + ".then";
    const std::string next = text_of(then);
    unlink(then.c_str());
    if (next != "hang") act(next, base, name);
  }
}

}  // namespace

void define_settings() {
  DefineCustomStringVariable("atelier.fault_folder", "Folder in which tests arm fault points.", nullptr, &folder_value,
                             "", PGC_SIGHUP, GUC_SUPERUSER_ONLY | GUC_NO_SHOW_ALL, nullptr, nullptr, nullptr);
  DefineCustomStringVariable("atelier.fault_off", "What the mutation control switches off.", nullptr, &off_value, "",
                             PGC_SIGHUP, GUC_SUPERUSER_ONLY | GUC_NO_SHOW_ALL, nullptr, nullptr, nullptr);
  DefineCustomRealVariable("atelier.fault_time_scale", "Factor on grace times of the workers.", nullptr,
                           &time_scale_value, 1.0, 0.001, 1.0, PGC_SIGHUP, GUC_SUPERUSER_ONLY | GUC_NO_SHOW_ALL,
                           nullptr, nullptr, nullptr);
}

void reach(Point point) {
  if (folder_value == nullptr || *folder_value == '\0') return;
  const size_t number = static_cast<size_t>(point);
  const std::string base = std::string(folder_value) + "/" + kNames[number];
  if (access(base.c_str(), R_OK) != 0) return;
  std::string action = text_of(base);
  int wanted = 1;
  if (const size_t colon = action.find(':'); colon != std::string::npos) {
    wanted = atoi(action.c_str() + colon + 1);
    action.resize(colon);
  }
  if (++passes[number] < wanted) return;
  passes[number] = 0;
  // Whoever removes the file may act on it.
  if (unlink(base.c_str()) != 0) return;
  add_line(base + ".fired", std::to_string(MyProcPid) + " " + action);
  act(action, base, kNames[number]);
}

bool is_off(Guarantee guarantee) {
  const std::string_view off = off_value == nullptr ? "" : off_value;
  if (off.empty()) return false;
  switch (guarantee) {
    case Guarantee::fencing:
      return off == "fencing";
    case Guarantee::intent:
      return off == "intent";
    case Guarantee::rescue:
      return off == "rescue";
  }
  return false;
}

int64_t scaled(int64_t time) { return static_cast<int64_t>(static_cast<double>(time) * time_scale_value); }

}  // namespace atelier::pg::fault

#endif
