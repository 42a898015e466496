# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: PostgreSQL
# Runs the steps of a check one after the other, keeps their logs and adds up what they counted. Sourced by check.sh, and
# by the demo and the bench for `step`.
#
#   step TITLE COMMAND ...
#     Runs a command that may take a while and says how long it took; what it says goes to the file $log.
#   run_in_group COMMAND ...
#     Runs it in a process group of its own: Ctrl-C reaches this shell at once, which then ends the whole group.
#   run_step NAME COUNTER EXPECTED COMMAND ...
#     COMMAND's output goes to build/log/NAME.log. COUNTER reads that log (its argument) and sets passed and failed.
#     EXPECTED is the least number of tests that must have been counted; what is missing counts as failed, and so does a
#     command that fails without naming a failed test. The status is 0 when nothing failed.
#   print_total         the closing line; its status says whether all is well

log_folder=$atelier_root/build/log
total_passed=0
total_failed=0
step_group=

run_in_group() {
  local status=0
  set -m
  "$@" </dev/null &
  step_group=$!
  set +m
  wait "$step_group" || status=$?
  step_group=
  return "$status"
}

step() {
  local title=$1 start=$SECONDS
  shift
  printf '%-44s' "$title"
  if run_in_group "$@" >>"$log" 2>&1; then
    printf '%4d s\n' $((SECONDS - start))
    return 0
  fi
  echo ' failed'
  tail -30 "$log" | sed 's/^/    /'
  echo "    The whole output is in $log"
  return 1
}

run_step() {
  local name=$1 counter=$2 expected=$3 log=$log_folder/$1.log start=$SECONDS status=0
  shift 3
  printf '%-12s ' "$name"
  run_in_group "$@" >"$log" 2>&1 || status=$?
  passed=0
  failed=0
  "$counter" "$log" "$status" || true
  if [ $((passed + failed)) -lt "$expected" ]; then failed=$((expected - passed)); fi
  if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  printf '%5d passed %5d failed %5d s\n' "$passed" "$failed" $((SECONDS - start))
  [ "$failed" = 0 ] && return 0
  sed 's/^/    /' "$log" | grep -vE '^ *(ok |test .* ok |[a-z+]*g(\+\+|cc) )' | tail -"${FAIL_LINES:-60}"
  echo "    The whole output is in $log"
  return 1
}

# Ends the step that runs, giving it time to clean up after itself.
running_step_end() {
  local tries
  [ -n "$step_group" ] || return 0
  kill -TERM -- "-$step_group" 2>/dev/null || return 0
  for ((tries = 0; tries < 150; tries++)); do
    kill -0 -- "-$step_group" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$step_group" 2>/dev/null || true
}

# A step that passes or fails as a whole.
count_whole() {
  if [ "$2" = 0 ]; then passed=1; else failed=1; fi
}

# The last line of run-tap.pl: "34 passed, 0 failed"
count_tap() {
  read_counts "$1" '^([0-9]+) passed, ([0-9]+) failed$'
}

# ctest: "97% tests passed, 1 tests failed out of 34"
count_ctest() {
  read_counts "$1" 'tests passed, ([0-9]+) tests failed out of ([0-9]+)$' || return 0
  local all=$failed
  failed=$passed
  passed=$((all - failed))
}

# Sets passed and failed to the two numbers of the last line that matches.
read_counts() {
  local line
  line=$(grep -E "$2" "$1" | tail -1)
  [[ $line =~ $2 ]] || return 1
  passed=${BASH_REMATCH[1]}
  failed=${BASH_REMATCH[2]}
}

# pg_regress and pg_isolation_regress: "test name ... ok 12 ms" before 16, TAP since.
count_regress() {
  passed=$(grep -cE '^(test .*\.\.\. ok|ok [0-9]+ )' "$1" || true)
  failed=$(grep -cE '^(test .*\.\.\. FAILED|not ok [0-9]+ )' "$1" || true)
}

print_total() {
  echo "$total_passed passed, $total_failed failed"
  [ "$total_failed" = 0 ] && [ "$total_passed" -gt 0 ]
}
