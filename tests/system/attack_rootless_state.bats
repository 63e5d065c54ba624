#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# attack_state and attack_terminal once more with an ordinary user's containers: their own journals, which are no files,
# torn, or full of names; a number that was used again by a process of theirs; words that a terminal would obey.

# shellcheck disable=SC2154,SC2016,SC2086,SC2034 # set by bats; the container's own words; words
load ../attacks/attack
ATTACKS='state terminal'
load ../attacks/rootless

own setup
own teardown
own number_reuse

# Tests call the program by itself, too: it becomes the user, whose all is that root has made meanwhile.
setup() {
        root_setup
        cat >"$BATS_TEST_TMPDIR/husk-oci" <<WRAP
#!/bin/sh
chown -hR --from 0:0 $ID:$ID "$ROOT" "$BUNDLE"
exec $AS NO_COLOR=1 "$HUSK_OCI" "\$@"
WRAP
        chmod 755 "$BATS_TEST_TMPDIR/husk-oci"
        HUSK_OCI=$BATS_TEST_TMPDIR/husk-oci
}

teardown() {
        [ -z "${stranger:-}" ] || kill -9 "$stranger"
        root_teardown
}

oci() {
        timeout -k 5 60 "$HUSK_OCI" --root "$ROOT" "$@"
}

# Who has the number then is a process of the user's.
number_reuse() {
        root_number_reuse
        sed -i "s|sleep 1000|$AS sleep 1000|" "$REUSE"
}

strange_process() {
        $AS sleep 1000 3>&- &
        stranger=$!
        eventually 10 grep -qx sleep "/proc/$stranger/comm"
        START=$(awk '{ print $22 }' "/proc/$stranger/stat")
}

@test "a journal that is a pipe, a link, a directory, a socket, a device" {
        the_test_a_journal_that_is_a_pipe_a_link_a_directory_a_socket_a_device
}

@test "a journal that others can write, that is too large, of another version, no JSON" {
        # root alone makes another's file in a directory of theirs
        eval "$(declare -f the_test_a_journal_that_others_can_write_that_is_too_large_of_another_version_no_JSON |
                sed "s/'chown 1000 \"\$JOURNAL\"'//")"
        the_test_a_journal_that_others_can_write_that_is_too_large_of_another_version_no_JSON
}

@test "a journal cut off at any place, and zeroes in it" {
        the_test_a_journal_cut_off_at_any_place_and_zeroes_in_it
}

@test "the user's own journal with a wrong name in it: what is not the container's stays" {
        the_test_our_own_journal_with_a_wrong_name_in_it_what_is_not_the_container_s_stays
}

# (Who chooses the number is root, by ns_last_pid: an ordinary user has to try often.)
@test "a number that was used again: neither killed nor entered nor shown as the container" {
        the_test_a_number_that_was_used_again_neither_killed_nor_entered_nor_shown_as_the_container
}

@test "what others named is text to the user's terminal: state, list, ps, explain, errors of config.json" {
        export NO_COLOR=1 HUSK HUSK_OCI ROOT BUNDLE WORD EVIL
        # (who has no cgroups of theirs has no ps)
        eval "$(declare -f the_test_husk_oci_state_list_ps_explain | sed '/ ps \$WORD/d')"
        the_test_husk_oci_state_list_ps_explain
        oci delete --force "$WORD"
        fresh
        the_test_errors_of_a_hostile_config_json_to_the_terminal_and_to_the_log
}
