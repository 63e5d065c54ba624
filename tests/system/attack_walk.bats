#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The walk: a program in the container tries to open every file of /proc and /sys for writing, as its root.
# Each that opens is on a reviewed list, tests/attacks/writable.golden (CVE-2022-0492, CVE-2015-3630 and
# their kin: release_agent, core_pattern, uevent_helper, modprobe, binfmt_misc, sysrq-trigger and all others
# by which the kernel acts for the container). The control: the same walk where nothing is masked or
# read-only finds what is on no list.

# shellcheck disable=SC2154,SC2016,SC2086,SC1003 # set by bats; the container's own words; words
load ../attacks/attack

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}
GOLDEN=$BATS_TEST_DIRNAME/../attacks/writable.golden

setup() {
        [ -x "$PROBES/probe_writable" ] || skip "there are no probes in $PROBES (make dev)"
        begin
        cp "$PROBES/probe_writable" "$BUNDLE/rootfs/bin/writable"
        chmod 755 "$BUNDLE" "$BUNDLE/rootfs"
}
teardown() { [ -z "${WORD:-}" ] || finish; }

husk() {
        timeout -k 5 100 "$HUSK" --root "$BATS_TEST_TMPDIR/store" --runroot "$BATS_TEST_TMPDIR/run" "$@" 3>&-
}

# unknown COMMAND...: what the walk finds that is on no list. At least something was found: /proc/N/mem.
unknown() {
        "$@" | sort -u >"$BATS_TEST_TMPDIR/walk"
        grep -qx /proc/N/mem "$BATS_TEST_TMPDIR/walk" || {
                echo "the walk did not take place: $*"
                return 0
        }
        grep -vxEf <(sed -n 's/^\(\/[^ ]*\)  *[^ ].*/\1/p' "$GOLDEN") "$BATS_TEST_TMPDIR/walk" || :
}

all_known() {
        run -0 unknown "$@"
        [ -z "$output" ] || {
                echo "not on the list:" "$output"
                return 1
        }
}

core_pattern_is_unknown() {
        run -0 unknown "$@"
        grep -qx /proc/sys/kernel/core_pattern <<<"$output"
}

# Others than root have to get to the bundle.
open_way() {
        local directory=$BUNDLE
        while [ "$directory" != / ] && [ "$directory" != /tmp ]; do
                chmod a+x "$directory"
                directory=${directory%/*}
        done
}

# The document of `husk-oci spec`, with the right to open whatever its owner's mode forbids.
walks_document() {
        config '.process.args = ["/bin/writable", "/proc", "/sys"] |
                .process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])'"${1:-}"
        oci run --bundle "$BUNDLE" "$WORD"
}

@test "the walk over /proc and /sys: husk run" {
        all_known husk run --rm --rootfs "$BUNDLE/rootfs" writable /proc /sys
        all_known husk run --rm --cgroupns host --rootfs "$BUNDLE/rootfs" writable /proc /sys
}

@test "the walk over /proc and /sys: husk run with a user namespace" {
        open_way
        chown -R 100000:100000 "$BUNDLE/rootfs"
        all_known husk run --rm --uidmap 0:100000:65536 --rootfs "$BUNDLE/rootfs" writable /proc /sys
}

@test "the walk over /proc and /sys: the default document, and without a cgroup namespace" {
        all_known walks_document
        all_known walks_document ' | .linux.namespaces |= map(select(.type != "cgroup"))'
}

@test "the walk over /proc and /sys: an ordinary user" {
        local user=2000200000
        open_way
        cp "$HUSK_OCI" "$BUNDLE/husk-oci"
        mkdir "$BUNDLE/state"
        chown -R "$user:$user" "$BUNDLE"
        as() {
                setpriv --reuid $user --regid $user --clear-groups env -i PATH=/usr/bin:/bin HOME=/ \
                        timeout -k 5 60 "$BUNDLE/husk-oci" --root "$BUNDLE/state" "$@"
        }
        rm "$BUNDLE/config.json"
        as spec --rootless --bundle "$BUNDLE"
        config '.process.terminal = false | .process.args = ["/bin/writable", "/proc", "/sys"] |
                .process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE"])'
        all_known as run --bundle "$BUNDLE" "$WORD"
        config '.linux.namespaces |= map(select(.type != "cgroup"))'
        all_known as run --bundle "$BUNDLE" "$WORD"
}

@test "the walk over /proc and /sys: the control finds what is on no list" {
        core_pattern_is_unknown husk run --rm --security-opt systempaths=unconfined \
                --rootfs "$BUNDLE/rootfs" writable /proc /sys
        ln -s "$WEAK" "$BATS_TEST_TMPDIR/husk-oci"
        HUSK_OCI=$BATS_TEST_TMPDIR/husk-oci HUSK_WEAK=lock_path core_pattern_is_unknown walks_document
}

@test "the counts of the host: interrupts and energy are not to be read" {
        tells() {
                husk run --rm "$@" --rootfs "$BUNDLE/rootfs" sh -c 'cat /proc/interrupts; ls /sys/devices/virtual/powercap' \
                        2>/dev/null
        }
        run tells
        [ -z "$output" ]
        # the control: unmasked they are
        run tells --security-opt unmask=/proc/interrupts
        [[ $output == *CPU0* ]]
}
