#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Class C of docs/security.md: descriptors, directories and rights of husk's own processes.
load ../attacks/attack

setup() { begin_attack; }
teardown() { finish; }

PROBES=${PROBES:-$BATS_TEST_DIRNAME/../../build/dev/tests}

# -- CVE-2016-9962: who enters a container ----------------------------------------------------------

# lurk FILTER WANTED [MORE]: someone in the container looks into every process of `exec` that he can get
# hold of. Success is a line of what he found that matches WANTED; MORE goes to the document.
lurk() {
        local found=$BUNDLE/rootfs/tmp/found i
        cp "$PROBES/probe_lurk" "$BUNDLE/rootfs/bin/lurk"
        config --arg victim "$VICTIM/file" '.process.args = ["/bin/lurk", $victim, "/tmp/found"]
                | .root.readonly = false
                | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
        config "$1"
        oci run --detach --bundle "$BUNDLE" "$WORD" >"$BUNDLE/output" 2>&1 || return 2
        eventually 20 grep -qs lurking "$found" || return 3
        for ((i = 0; i < $(sample 60); i++)); do
                oci exec "$WORD" /bin/true || return 4
                ! grep -Eqx "$2" "$found" || break
        done
        ! grep -q broken "$found" || return 5
        [ "$1" = . ] || grep -q seen "$found" || return 6
        echo "# $(sort "$found" | tr '\n' ' ') after $i of exec" >&3
        grep -Eqx "$2" "$found"
}

TRACES='(.process.capabilities | .bounding, .effective, .permitted) += ["CAP_SYS_PTRACE"]'

@test "CVE-2016-9962: nothing of the host is found in a process that enters the container" {
        immune lurk . 'root|cwd|fd .*|exe|rights .*'
        weak dumpable,close_others lurk . 'fd .*'
}

@test "CVE-2016-9962: nor by who has CAP_SYS_PTRACE" {
        immune lurk "$TRACES" 'root|cwd|fd .*|exe|rights .*'
        weak close_others lurk "$TRACES" 'fd .*'
        weak set_caps,keep_caps lurk "$TRACES" 'rights .*'
}
