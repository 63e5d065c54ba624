# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# What the replayed attacks share. load ../attacks/attack; setup() calls begin_attack, teardown() finish.
# On top of tests/system/helper.bash (WORD, ROOT, BUNDLE, config, script, oci):
#
#   VICTIM   a directory of the host with all kinds of files in it, which an attack wants to change or
#            read; CANARY is a word that stands in them and nowhere else. victim_is_whole compares it
#            with what it was: names, types, modes, owners, sizes, times, link counts, xattrs, contents
#   immune ATTACK...          run the attack against $HUSK_OCI and $HUSK: it must be tried, and fail
#   weak PROTECTIONS ATTACK...  run it against the weak control (weak.c) without these protections: it
#            must succeed. So each attack has been seen to be one
#   still_immune PROTECTIONS ATTACK...  the same, where another protection stops it, too
#   peer ATTACK...            run it against Debian's runc, which has the hole: it must succeed. The attack is
#            the same, the plan is not, so it is the control where no protection can be taken out of husk
#   fresh    every container gone, bundle and victim new: each of them begins with it
#   watched COMMAND...        where each mount of COMMAND is attached is noted, for mounted_on_victim
#
# An ATTACK is a function that returns 0 when it has got what it wanted, 1 when it was tried and has
# not, and more than 1 when it could not be tried at all, which is a failure of the test.

load helper

WEAK=${WEAK:-$BATS_TEST_DIRNAME/../../build/dev/tests/weak}

begin_attack() {
        begin
        VICTIM=$BATS_TEST_TMPDIR/$WORD/victim
        CANARY=canary-of-$WORD
        fresh
}

end_containers() {
        local id
        for id in "$ROOT"/*; do
                [ ! -d "$id" ] || oci delete --force "${id##*/}"
        done
}

fresh() {
        end_containers
        rm -rf "$BUNDLE" "$VICTIM"
        cp -a "$BATS_FILE_TMPDIR/bundle" "$BUNDLE"
        make_victim "$VICTIM"
        victim_state >"$BATS_TEST_TMPDIR/$WORD/victim.before"
}

make_victim() {
        mkdir -p "$1/directory/deeper"
        echo "$CANARY" | tee "$1/file" >"$1/directory/file"
        : >"$1/null"
        ln "$1/file" "$1/hardlink"
        ln -s file "$1/link"
        mkfifo "$1/pipe"
        chmod 600 "$1/file"
        chmod 1750 "$1/directory"
        chown 1234:4321 "$1/directory/file"
}

victim_state() {
        /usr/bin/python3 - "$VICTIM" <<'PY'
import hashlib, os, stat, sys
for base, directories, files in os.walk(sys.argv[1].encode()):
    for path in [base] + [os.path.join(base, name) for name in files + directories]:
        st = os.lstat(path)
        words = [os.path.relpath(path, sys.argv[1].encode()), oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev,
                 st.st_nlink, st.st_mtime_ns, st.st_ctime_ns]
        if not stat.S_ISDIR(st.st_mode):
            words.append(st.st_size)
        if not stat.S_ISLNK(st.st_mode):
            words += [(name, os.getxattr(path, name)) for name in os.listxattr(path)]
        if stat.S_ISREG(st.st_mode):
            words.append(hashlib.sha256(open(path, 'rb').read()).hexdigest())
        if stat.S_ISLNK(st.st_mode):
            words.append(os.readlink(path))
        print(*words)
PY
}

victim_is_whole() {
        victim_state | LC_ALL=C sort |
                diff <(LC_ALL=C sort "$BATS_TEST_TMPDIR/$WORD/victim.before") - >&2
}

# What is mounted on a file of the host in a container's mount namespace changes nothing of the file: it is seen
# by the call. The destination is a descriptor, and strace shows its path, which is the host's.
watched() {
        strace -f -qq -y -e trace=move_mount -o "$BATS_TEST_TMPDIR/$WORD/attached" "$@"
}

# mounted_on_victim: the last command of `watched` did; false when it mounted nothing at all, which is none of its ways
mounted_on_victim() {
        grep -qE ", [0-9]+<${VICTIM}[/>].*\) = 0\$" "$BATS_TEST_TMPDIR/$WORD/attached"
}

# attacked WANTED ATTACK...: what ATTACK returns is WANTED, or the test fails and says so
attacked() {
        local wanted=$1 got=0
        shift
        fresh
        "$@" || got=$?
        case $got in
        "$wanted") return 0 ;;
        0) echo "the attack succeeds: $* (${HUSK_WEAK:-nothing taken out})" >&2 ;;
        1) echo "the attack fails, although its protection is out: $* (${HUSK_WEAK:-})" >&2 ;;
        *) echo "the attack could not be tried ($got): $* (${HUSK_WEAK:-nothing taken out})" >&2 ;;
        esac
        return 1
}

immune() {
        attacked 1 "$@"
}

weak() {
        on_weak 0 "$@"
}

still_immune() {
        on_weak 1 "$@"
}

# on_weak WANTED PROTECTIONS ATTACK...
on_weak() {
        local HUSK=$BATS_FILE_TMPDIR/weak/husk HUSK_OCI=$BATS_FILE_TMPDIR/weak/husk-oci wanted=$1
        local -x HUSK_WEAK=$2
        shift 2
        [ -x "$WEAK" ] || {
                echo "there is no $WEAK: make dev" >&2
                return 1
        }
        # A copy, since some attacks overwrite it.
        mkdir -p "${HUSK%/*}"
        cp "$WEAK" "$HUSK" && ln -f "$HUSK" "$HUSK_OCI" && attacked "$wanted" "$@"
}

# Debian 12's, of which is known which holes it has; another one would be a control that may hold.
PEER_VERSION=1.1.5+ds1-1+deb12u1

peer() {
        local got=1 runc i
        end_containers
        if ! runc=$(command -v runc) || ! "$runc" --version | grep -qF "$PEER_VERSION"; then
                echo "# not tried: $* on runc $PEER_VERSION, which is not there" >&3
                return 0
        fi
        local HUSK_OCI=$runc
        # It is not what is tested: where it cannot do its part, it is asked again, not at once.
        for ((i = 0; got && i < 6; i++)); do
                [ "$i" = 0 ] || sleep "$i"
                got=0
                attacked 0 "$@" || got=1
                end_containers # which only the peer knows
        done
        return $got
}
