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

# This program, those that started it and what they have beside it (run-one an awk) bear CHECK_WORD, too. What was left
# behind is no child of theirs any more.
pid=$$ ours=''
while [ "$pid" -gt 1 ]; do
        ours+=$(ps -o pid= --ppid "$pid" -p "$pid" | sed 's/ *\(.*\)/^process \1 /')$'\n'
        pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
done

left() {
        comm -13 "$BEFORE" <(tests/leak-meter -a) | grep -vf <(printf %s "$ours")
}

until=$((SECONDS + ${LEAK_SECONDS:-20}))
found=$(left)
while [ -n "$found" ]; do
        sleep 0.5
        found=$(comm -12 <(echo "$found") <(left))
        [ $SECONDS -lt $until ] || break
done
echo 1..1
[ -z "$found" ] && echo 'ok 1 - nothing is left behind' && exit 0
echo 'not ok 1 - nothing is left behind'
echo "# ${found//$'\n'/$'\n# '}"
exit 1
