#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pass of the system tests with a husk, and a husk-registry beside it, that were built with AddressSanitizer,
# LeakSanitizer and UndefinedBehaviorSanitizer (make asan): a report of theirs, of whichever process, is a failure.
cd "$(dirname "$0")/.." || exit 1
HUSK=$PWD/build/asan/husk HUSK_OCI=$PWD/build/asan/husk-oci
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 711 "$work"
# What no process has anywhere to write to is missing in the reports alone: it ends with an error, too.
ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:log_path=$work/report
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:log_path=$work/report
export HUSK HUSK_OCI ASAN_OPTIONS UBSAN_OPTIONS
files=(run_basic oci_lifecycle oci_bad_input attack_terminal engine_crash registry_pull registry_push)
echo "1..$((${#files[@]} + 1))"
n=0
for file in "${files[@]}"; do
        n=$((n + 1))
        if timeout -k 10 280 bats --tap "tests/system/$file.bats" >"$work/$file" 2>&1; then
                echo "ok $n - sanitized: $file"
        else
                echo "not ok $n - sanitized: $file"
                grep -A 12 '^not ok' "$work/$file" | while read -r line; do echo "# $line"; done
        fi
done
n=$((n + 1))
if compgen -G "$work/report*" >/dev/null; then
        echo "not ok $n - sanitized: no report"
        head -n 40 "$work"/report* | while read -r line; do echo "# $line"; done
else
        echo "ok $n - sanitized: no report"
fi
