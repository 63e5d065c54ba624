#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What attack_rootless does not have: what poses as procfs while an ordinary user's husk writes to it, rights and
# keys of theirs, the files by which the kernel acts, names and links that husk's own verbs meet.

# shellcheck disable=SC2154,SC2016,SC2086,SC2034,SC2317 # set by bats; the container's own words; words
load ../attacks/attack
ATTACKS='procfs privileges kernel ids'
load ../attacks/rootless

own config

# The one kind of sysctl that the kernel leaves to who has no more than a user namespace: of its network.
NAME=net/ipv4/ip_default_ttl
SYSCTL=net.ipv4.ip_default_ttl
real_value() {
        nsenter --net="/proc/$(pid_of "$WORD")/ns/net" cat "/proc/sys/$NAME"
}
# What the functions ask for is asked of it, with the one id that there is.
config() {
        root_config "$@"
        root_config --arg sysctl "$SYSCTL" '.linux.namespaces |= (map({type}) + [{type: "network"}] | unique) |
                if .linux.sysctl["kernel.shm_rmid_forced"]? then
                        .linux.sysctl = {($sysctl): .linux.sysctl["kernel.shm_rmid_forced"]} else . end'
}

@test "a directory over /proc/sys, and over /proc" {
        immune over_sysctl
        still_immune destination over_sysctl
        still_immune one_mount over_sysctl
        weak destination,one_mount over_sysctl
        immune over_proc
        still_immune destination over_proc
}

# The mappings are the one that the user has, and a hook is their program.
@test "CVE-2025-52881: a hook binds files over all that is written to" {
        own by_hook
        config() {
                root_config "$@"
                root_config --arg sysctl "$SYSCTL" --argjson id "$ID" '.linux.sysctl = {($sysctl): "1"} |
                        .linux.namespaces |= (map({type}) + [{type: "network"}] | unique) |
                        .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] |
                        .linux.gidMappings = .linux.uidMappings'
        }
        eval "$(declare -f root_by_hook | sed "s/root_by_hook/by_hook/; s/77777/1/g")"
        immune by_hook
}

@test "CVE-2022-0811: values and names of sysctls that would be more than one" {
        the_test_CVE_2022_0811_values_and_names_of_sysctls_that_would_be_more_than_one
}

@test "core_pattern and its kin: by no way, whatever is left out" {
        immune writes_up_call /proc/sys/kernel/core_pattern
        immune writes_up_call /proc/sys/vm/panic_on_oom
        # the kernel asks for root of the host
        still_immune lock_path writes_up_call /proc/sys/kernel/core_pattern
}

# They are the host's: who has no cgroups of theirs can write to none, whatever is left out.
@test "release_agent, notify_on_release, devices.allow, cgroup.procs: not to be written" {
        immune writes_cgroup_files none
        still_immune set_mount,read_only writes_cgroup_files none
}

# caller COMMAND...: husk is called by this, which the user has called
caller() {
        AS="setpriv --reuid $ID --regid $ID --clear-groups $* env -i PATH=/usr/bin:/bin HOME=/"
}

# rights_of WHO: success is to have inheritable or ambient capabilities of the user's, who were given two
inherits_of_user() {
        local got AS
        caller --inh-caps +chown,+kill --ambient-caps +chown,+kill
        [ "$(as cat /proc/self/status | field CapAmb)" = 0000000000000021 ] || return 3
        got=$("$1" cat /proc/self/status)
        [ -n "$got" ] || return 2
        [ "$(field CapInh <<<"$got")" != 0000000000000000 ] || [ "$(field CapAmb <<<"$got")" != 0000000000000000 ]
}

# No control: who enters a user namespace loses both, whatever is left out.
@test "the caller's inheritable and ambient capabilities are not the container's" {
        immune inherits_of_user first
        immune inherits_of_user joined
        still_immune set_caps,set_ambient inherits_of_user first
}

# A key in the session keyring of the user. Its name is shown to all who are them, its words to who possesses it.
reads_key_of_user() {
        local got AS
        cp "$PROBES/probe_calls" "$BUNDLE/rootfs/bin/calls"
        cat >"$BUNDLE/with_key" <<'PY'
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.syscall(250, 1, None)
key = libc.syscall(248, b"user", b"name", b"secret", 6, -3)
if key < 0:
    sys.exit("no key can be made")
open(sys.argv[1], "w").write(str(key))
os.execvp(sys.argv[2], sys.argv[2:])
PY
        caller /usr/bin/python3 "$BUNDLE/with_key" "$BUNDLE/rootfs/tmp/key"
        theirs
        # keyctl(KEYCTL_READ): the size of it
        [[ $(as sh -c '"$0" 250,11,$(cat "$1")' "$PROBES/probe_calls" "$BUNDLE/rootfs/tmp/key") == *": 6" ]] || return 3
        got=$("$1" sh -c 'calls 250,11,$(cat /tmp/key); echo tried')
        [[ $got == *:*tried* ]] || return 2
        [[ $got == *": 6"* ]]
}

@test "the caller's keys are out of reach" {
        immune reads_key_of_user first
        immune reads_key_of_user joined
        weak new_keyring reads_key_of_user first
        weak new_keyring reads_key_of_user joined
}

# Who can set no groups is told so at each run.
husk() {
        local r=0
        as_husk "$@" 2>"$STORE.err" || r=$?
        grep -v '^husk: warning: /process/user/additionalGids: none, ' "$STORE.err" >&2 || :
        return $r
}

in_husk() {
        husk "$@"
}

# husk's victim is the user's; what is bound is theirs.
@test "/etc/hosts and its kin as links to the user's files" {
        the_test__etc_hosts_and_its_kin_as_links_to_the_host
}

# told COMMAND...: that program of the user's says so
own told
told() {
        root_told $AS "$@"
}

@test "ids of containers that are paths, lines, escapes, formats, 10 kB: every verb" {
        theirs
        the_test_ids_of_containers_that_are_paths_lines_escapes_formats_10_kB_every_verb
        the_test_an_id_that_leads_out_of_the_state_root
}

@test "names of husk's containers likewise" {
        theirs
        install -d -o "$ID" -g "$ID" "$STORE" "$STORE.run"
        the_test_names_of_containers_that_are_paths_lines_escapes_10_kB_every_verb
}

@test "users of more than 32 bits, negative, broken: config.json, husk run and husk exec" {
        the_test_users_of_more_than_32_bits_negative_broken_config_json
        eval "$(declare -f the_test_users_of_more_than_32_bits_negative_with_signs_husk_run_and_husk_exec |
                sed 's/1000:1000/0:0/; s/= 1000 \]/= 0 ]/; s/printf .%s.n. high group/printf "%s\\n" high group 1000/')"
        the_test_users_of_more_than_32_bits_negative_with_signs_husk_run_and_husk_exec
}

@test "lines and escapes in variables, HOME, host names" {
        the_test_lines_and_escapes_in_variables_HOME_host_names
}
