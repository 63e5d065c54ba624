#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The last of `make check` (tests/rules.yml): nothing is there that was not there before it. BEFORE is the file that
# has what leak-meter said of the host then. What others make and remove meanwhile is not counted, nor what needs a
# moment to go: only what stays for all of LEAK_SECONDS.
set -u
cd "$(dirname "$0")/.." || exit 1
if [ -z "${BEFORE:-}" ]; then
        echo '1..0 # SKIP needs the list of before: make check'
        exit 0
fi

# This program and those that started it bear CHECK_WORD, too.
pid=$$ ours=''
while [ "$pid" -gt 1 ]; do
        ours+="^process $pid "$'\n'
        pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
done

left() {
        comm -13 "$BEFORE" <(tests/leak-meter -a) | grep -vf <(printf %s "$ours")
}

until=$((SECONDS + ${LEAK_SECONDS:-20}))
found=$(left)
while [ -n "$found" ] && [ $SECONDS -lt $until ]; do
        sleep 0.5
        found=$(comm -12 <(echo "$found") <(left))
done
echo 1..1
[ -z "$found" ] && echo 'ok 1 - nothing is left behind' && exit 0
echo 'not ok 1 - nothing is left behind'
echo "# ${found//$'\n'/$'\n# '}"
exit 1
