# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034,SC1090,SC2086 # set by bats; used there; files of functions; words
# Attacks of other files once more, where husk is an ordinary user's, and root of the container is that user: who is
# attacked is the user, whose the victim's files are. The functions are those files' own. ATTACKS names them (of
# tests/system/attack_*.bats); load ../attacks/attack, then this.

# own NAME: a function of that name is called root_NAME from now on
own() {
        eval "root_$(declare -f "$1")"
}

own setup_file
# A test of theirs is a function here, named by its words with "_" for all that is between them.
for file in $ATTACKS; do
        source <(awk '/^load / { next } /^@test / { name = $0; sub(/^@test ./, "", name); sub(/. \{$/, "", name)
                gsub(/[^A-Za-z0-9]+/, "_", name); $0 = "the_test_" name "() {" } { print }' \
                "$BATS_TEST_DIRNAME/attack_$file.bats")
done
own make_victim

# An id that is nobody's.
ID=54321
AS="setpriv --reuid $ID --regid $ID --clear-groups env -i PATH=/usr/bin:/bin HOME=/"

# as COMMAND...: the user, without anything of root's. Who watches is root.
as() {
        ${WATCH:-} $AS HUSK_WEAK="${HUSK_WEAK:-}" HUSK_WEAK_NULL="${HUSK_WEAK_NULL:-}" "$@"
}

# as_husk COMMAND...: husk of the user's
as_husk() {
        theirs
        install -d -o "$ID" -g "$ID" "$STORE" "$STORE.run"
        as timeout -k 5 60 "$HUSK" --root "$STORE" --runroot "$STORE.run" "$@" 3>&-
}

# What root has made in the bundle meanwhile is theirs; names in it may be exchanged at this moment.
theirs() {
        chown -hR "$ID:$ID" "$BUNDLE" "$BATS_TEST_TMPDIR/$WORD/copy" 2>/dev/null || true
}

oci() {
        local r=0
        theirs
        as timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" "$@" || r=$?
        # Who lurks is to have his turn; the user may not say so.
        [ "$1 ${2:-} $r" != "run --detach 0" ] || renice -n -19 -p "$(pid_of "$WORD")" >/dev/null
        return $r
}

make_victim() {
        root_make_victim "$1"
        chown -hR "$ID:$ID" "$1"
}

setup_file() {
        [ "$(id -u)" = 0 ] || skip "needs root, to become an ordinary user"
        root_setup_file
        open_way "$BATS_FILE_TMPDIR"
        # The programs where the user can get at them.
        cp "$HUSK_OCI" "$BATS_FILE_TMPDIR/husk-oci"
        cp "$HUSK" "$BATS_FILE_TMPDIR/husk"
        cd "$BATS_FILE_TMPDIR/bundle" || return 1
        rm config.json
        chown -hR "$ID:$ID" .
        as "$BATS_FILE_TMPDIR/husk-oci" spec --rootless
        jq '.process.terminal = false' config.json >new
        mv new config.json
}

setup() {
        HUSK_OCI=$BATS_FILE_TMPDIR/husk-oci HUSK=$BATS_FILE_TMPDIR/husk
        chmod a+x "$BATS_TEST_TMPDIR"
        begin_attack
        chmod a+x "$BATS_TEST_TMPDIR/$WORD"
        install -d -o "$ID" -g "$ID" "$ROOT"
        STORE=$BATS_TEST_TMPDIR/$WORD/store
}

teardown() {
        [ -z "${RACER:-}" ] || kill "$RACER" || true
        finish
}
