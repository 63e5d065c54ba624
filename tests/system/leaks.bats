#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The leak meter itself: a test file that leaves something behind fails, and what it left is named.

# shellcheck disable=SC2016,SC2154 # the words of other shells; set by bats
setup() {
        [ "$(id -u)" = 0 ] || skip 'needs root'
        leaky=$BATS_TEST_TMPDIR/leaky.bats
}

# Whatever the leaky test has left, by the word that it was given.
teardown() {
        local word pid
        word=$(cat "$BATS_TEST_TMPDIR/word" 2>/dev/null) || return 0
        # shellcheck disable=SC2013 # a number a line
        for pid in $(grep -lzsxF "HUSK_TEST_WORD=$word" /proc/[0-9]*/environ | cut -d/ -f3); do
                kill -KILL "$pid" 2>/dev/null || :
        done
        awk -v word="$word" 'index($5, word) { print $5 }' /proc/self/mountinfo | xargs -r umount -l
        find /sys/fs/cgroup -depth -type d -name "*$word*" -exec rmdir {} + 2>/dev/null || :
        find /tmp /var/tmp "$TMPDIR" -maxdepth 1 -name "*$word*" -exec rm -rf --one-file-system {} + || :
}

# leaking WORDS...: run-one of a test that does this, and is well apart from it
leaking() {
        printf '#!/usr/bin/env bats\n@test "leaky" {\n%s\n%s\n}\n' \
                "echo \"\$HUSK_TEST_WORD\" >$BATS_TEST_TMPDIR/word" "$*" >"$leaky"
        run env -u HUSK_TEST_WORD LEAK_SECONDS=1 "$BATS_TEST_DIRNAME/../run-one" "$leaky"
        echo "$output"
}

is_caught() {
        [ "$status" != 0 ] && [[ $output == *"ok 1 leaky"* && $output == *"left behind"* &&
                $output == *"#   $1"* ]]
}

@test "a test that leaves nothing passes" {
        leaking 'touch "$BATS_TEST_TMPDIR/file"; mkdir "$TMPDIR/$HUSK_TEST_WORD"; rmdir "$TMPDIR/$HUSK_TEST_WORD"'
        [ "$status" = 0 ]
}

@test "a mount is caught" {
        leaking 'mkdir "$TMPDIR/here"; mount -t tmpfs none "$TMPDIR/here"'
        is_caught 'mount /'
}

@test "a namespace is caught" {
        leaking 'touch "$TMPDIR/here"; unshare --net="$TMPDIR/here" true'
        is_caught 'namespace /'
}

@test "a cgroup is caught" {
        leaking 'mkdir "$(find /sys/fs/cgroup -name cgroup.procs -printf %h -quit)/$HUSK_TEST_WORD"'
        is_caught 'cgroup /'
}

@test "a cgroup of a container with an id of its own is caught" {
        leaking 'mkdir "$(find /sys/fs/cgroup -name cgroup.procs -printf %h -quit)/husk-$HUSK_TEST_WORD"'
        is_caught 'cgroup /'
}

@test "a process is caught" {
        leaking 'setsid sleep 1000 >/dev/null 2>&1 3>&- &'
        is_caught 'process '
}

@test "a socket is caught, and who listens" {
        leaking 'setsid python3 -c "import socket, os, time
s = socket.socket(socket.AF_UNIX)
s.bind(\"\\0\" + os.environ[\"HUSK_TEST_WORD\"])
open(os.environ[\"TMPDIR\"] + \"/bound\", \"w\")
time.sleep(1000)" >/dev/null 2>&1 3>&- &
        until [ -e "$TMPDIR/bound" ]; do sleep 0.05; done; rm "$TMPDIR/bound"'
        is_caught 'socket @'
        is_caught 'process '
}

@test "a file is caught, and a lock on it" {
        leaking 'touch "$TMPDIR/file"; setsid flock "$TMPDIR/file" sleep 1000 >/dev/null 2>&1 3>&- &
        until grep -q ":$(stat -c %i "$TMPDIR/file") " /proc/locks; do sleep 0.05; done'
        is_caught 'file /'
        is_caught 'lock '
}

# Others make and remove what is theirs meanwhile: what is said of it is not looked at.
@test "what is left behind a run of all tests is caught, and what was there before is not" {
        local old new meter=$BATS_TEST_DIRNAME/../leak-meter last=$BATS_TEST_DIRNAME/../nothing_left.t tree pid
        tree=$(find /sys/fs/cgroup -name cgroup.procs -printf %h -quit)
        old=$(mktemp -d /tmp/husk-old.XXXXXX) new=/tmp/husk-new.$$
        "$meter" -a >"$BATS_TEST_TMPDIR/before"
        mkdir "$new" "$tree/husk-test-new-$$" "$BATS_TEST_TMPDIR/here"
        pid=$(CHECK_WORD=$$ sleep 100 >/dev/null 2>&1 3>&- & echo $!)
        mount -t tmpfs none "$BATS_TEST_TMPDIR/here"
        run env BEFORE="$BATS_TEST_TMPDIR/before" CHECK_WORD=$$ LEAK_SECONDS=1 "$last"
        kill "$pid"
        umount "$BATS_TEST_TMPDIR/here"
        rmdir "$old" "$new" "$tree/husk-test-new-$$"
        echo "$output"
        [ "$status" = 1 ]
        [[ $output == *"not ok 1"* && $output == *"# file $new"* && $output == *"# cgroup $tree/husk-test-new-$$"* &&
                $output == *"# process $pid sleep"* && $output == *"# mount $BATS_TEST_TMPDIR/here"* ]]
        [[ $output != *"$old"* ]]
        run env -u BEFORE "$last"
        [[ $output == *"SKIP needs the list"* ]]
}
