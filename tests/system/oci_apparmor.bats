#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# AppArmor: the profile of config.json on the first process and on those that join. Where the kernel
# runs without it, oci_identity.bats has what is said then; Debian's kernel in a guest runs with it.

load helper
PROBE=${PROBE:-$BATS_TEST_DIRNAME/../../build/dev/tests/probe}
setup() {
        [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip "AppArmor is not enabled"
        command -v apparmor_parser >/dev/null || skip "no apparmor_parser"
        [ -d /sys/kernel/security/apparmor ] || mount -t securityfs securityfs /sys/kernel/security
        begin
        cp "$PROBE" "$BUNDLE/rootfs/bin/probe"
        echo secret >"$BUNDLE/rootfs/etc/secret"
        printf 'profile %s flags=(attach_disconnected, mediate_deleted) {\n file,\n capability,\n network,\n signal,\n ptrace,\n deny /etc/secret r,\n}\n' \
                "$WORD" >"$BUNDLE/profile"
        apparmor_parser --replace --skip-cache "$BUNDLE/profile"
}
teardown() {
        [ -z "${BUNDLE:-}" ] || {
                finish
                apparmor_parser --remove "$BUNDLE/profile"
        }
}

@test "the profile confines the first process and those that join" {
        config --arg profile "$WORD" '.process.apparmorProfile = $profile'
        for nnp in true false; do
                config --argjson nnp $nnp '.process.noNewPrivileges = $nnp'
                script '/bin/probe label; cat /etc/secret 2>&1; echo $?'
                run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
                [ "${lines[0]}" = "label $WORD (enforce)" ]
                [[ ${lines[1]} == *"Permission denied" ]]
                [ "${lines[2]}" = 1 ]
        done
        script 'sleep 1000'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
        [ "$(cat "/proc/$(pid_of "$WORD")/attr/current")" = "$WORD (enforce)" ]
        run --separate-stderr oci exec "$WORD" /bin/sh -c '/bin/probe label; cat /etc/secret'
        [ "$output" = "label $WORD (enforce)" ]
        [[ $stderr == *"Permission denied"* ]]
}

@test "without a profile, and with 'unconfined', there is none" {
        script '/bin/probe label; cat /etc/secret'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'label unconfined\nsecret' ]
        config '.process.apparmorProfile = "unconfined"'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = $'label unconfined\nsecret' ]
}

@test "a profile that is not loaded is refused by name" {
        config '.process.apparmorProfile = "nobody-loaded-this"'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/process/apparmorProfile"*"'nobody-loaded-this'"*"apparmor_parser"* ]]
}
