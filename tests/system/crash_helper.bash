# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# husk-oci killed at a chosen system call, for the tests of crashes. A second container stands beside the
# one that is tried: what is cleaned up must not be its.
#
#   other    that container's first process
# With HUSK_EVERY_CALL set each system call is tried, else a sample of them.

load helper

setup() {
        begin
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD.other" >/dev/null 2>&1
        other=$(pid_of "$WORD.other")
}

teardown() {
        finish
}

# calls_of ARGUMENTS...: what husk-oci itself calls for this is in $BUNDLE/calls, how many are in $total.
# The last of all, exit_group, is none that anything could follow.
calls_of() {
        timeout 60 strace -qq -e signal=none -o "$BUNDLE/calls" "$HUSK_OCI" --root "$ROOT" "$@" >/dev/null 2>&1 </dev/null
        total=$(($(wc -l <"$BUNDLE/calls") - 1))
        [ "$total" -gt 20 ]
}

# killed_at N ARGUMENTS...: husk-oci is killed as it enters its Nth system call. strace counts the calls of
# each name apart: the Nth of all is the Kth of its name. One that is too new for strace to name is passed over
# for the call behind it; tests/faults/calls kills there, too.
killed_at() {
        local n=$1 call status=0
        shift
        call=$(awk -F '(' -v n="$n" '{ seen[$1]++ }
                NR >= n && !/^syscall_0x/ { print $1 ":signal=KILL:when=" seen[$1]; exit }' "$BUNDLE/calls")
        echo "at call $n of $total: $(sed -n "${n}p" "$BUNDLE/calls")"
        { timeout 60 strace -qq -o /dev/null -e inject="$call" \
                "$HUSK_OCI" --root "$ROOT" "$@" >/dev/null </dev/null || status=$?; } 2>/dev/null
        [ "$status" = 137 ] || {
                echo "it was not killed: $status"
                return 1
        }
}

# Nothing of $WORD but for $WORD.other, which lives as before.
only_the_other() {
        local left
        left=$("$BATS_TEST_DIRNAME/../leak-meter" "$WORD" | grep -vF -e "$WORD.other" -e "process $other " || true)
        [ -z "$left" ] && [ "$(ls "$ROOT")" = "$WORD.other" ] || {
                echo "left: $left $(ls "$ROOT")"
                return 1
        }
        [ "$(pid_of "$WORD.other")" = "$other" ] && running "$WORD.other"
}

# moments COUNT OF: COUNT numbers spread over 2..OF, the same in every run; or all of them. The first call is
# strace's execve.
moments() {
        [ -z "${HUSK_EVERY_CALL:-}" ] || echo "# $BATS_TEST_DESCRIPTION: $2 calls" >&3
        awk -v count="$(sample "$1")" -v of="$2" -v all="${HUSK_EVERY_CALL:+1}" 'BEGIN {
                if (all || count > of - 1) count = of - 1
                for (i = 0; i < count; i++) print 2 + int(i * (of - 2) / (count - 1)) }'
}
