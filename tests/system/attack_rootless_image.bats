#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images made to harm an ordinary user who runs them: attack_image once more, with husk, its store and the victim's
# files those of a user who is made for this file, with ids of /etc/subuid. And what takes more than one id: a setuid
# program.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2086,SC2034 # set by bats; the container's own words; words
load ../attacks/attack
ATTACKS='image privileges'
load ../attacks/rootless
load image_helper
load user

own config
own setup

# (root_setup_file is called by this one)
eval "user_$(declare -f setup_file)"
setup_file() {
        user_setup_file
        make_user "hkimg$$" 2000500000
}
teardown_file() { remove_user; }

# Where the layers are, an overlay can be.
setup() {
        ID=$RUID
        AS="setpriv --reuid $RUID --regid $RGID --init-groups env -i PATH=/usr/bin:/bin HOME=$RHOME"
        root_setup
        new_store
}

new_store() {
        box=$RHOME/$WORD
        [ ! -d "$box" ] || as_husk_in_store system prune -af >/dev/null 2>&1 || :
        rm -rf --one-file-system "$box"
        mkdir -p "$box"
        store=$box/store
        layer=$(image_layer)
        image_busybox "$layer"
}

as_husk_in_store() {
        chown -hR --from 0:0 "$RUID:$RGID" "$box" "$BUNDLE"
        as timeout -k 5 60 "$HUSK" --root "$store" --runroot "$store.run" "$@" 3>&-
}

husk() {
        as_husk_in_store "$@"
}

@test "hosts, hostname, resolv.conf are links out of the image; and /etc itself" {
        the_test_hosts_hostname_resolv_conf_are_links_out_of_the_image
        the_test__etc_is_a_link_out_of_the_image
}

@test "hosts is a directory, a pipe, a device: one error, or a file on it" {
        the_test_hosts_is_a_directory_a_pipe_a_device_one_error_or_a_file_on_it
}

@test "passwd is a link to the user's, a pipe, a directory, a device, a gigabyte" {
        the_test_passwd_is_a_link_to_the_host_s
        the_test_passwd_is_a_pipe_a_directory_a_device_a_gigabyte_the_user_is_not_found_at_once
}

@test "users that are odd numbers (CVE-2024-40635)" {
        the_test_users_that_are_odd_numbers_CVE_2024_40635_
}

# By the root of a process of the user's. No control: who is in a user namespace is not let through that of a process
# outside of it, whatever is left out.
@test "the working directory is made nowhere but inside" {
        $AS sleep 1000 3>&- &
        stranger=$!
        eval "$(declare -f workdir | sed "s/\\\$\\\$/$stranger/")"
        immune workdir "/proc/$stranger/root$VICTIM/directory/made"
        immune workdir /way/made
        immune workdir "/../../../../../..$VICTIM/directory/made"
        still_immune in_root,strict workdir /way/made
        [ "$(readlink "$layer/way")" = "/proc/$stranger/root$VICTIM/directory" ]
        kill "$stranger"
}

@test "a volume's place is a link out of the image; and those that are no places" {
        the_test_a_volume_s_place_is_a_link_out_of_the_image
        the_test_volumes_that_are_no_places
}

@test "/dev, /proc, /sys are links out of the image" {
        the_test__dev_proc_sys_are_links_out_of_the_image
}

@test "an environment that is none, and escapes in what is told of" {
        the_test_an_environment_that_is_none_and_escapes_in_what_is_told_of
}

# To change an owner takes the bit away.
own theirs
theirs() {
        root_theirs
        [ ! -e "$BUNDLE/rootfs/bin/root" ] || chmod 4755 "$BUNDLE/rootfs/bin/root"
}

# What the functions ask of root is asked of the user's ids.
config() {
        root_config "$@"
        root_config --argjson uid "$RUID" --argjson gid "$RGID" '
                .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1},
                        {containerID: 1, hostID: 2000500000, size: 65536}] |
                .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1},
                        {containerID: 1, hostID: 2000500000, size: 65536}]'
}

@test "a setuid program of the user's does not make root of the container's user 1000" {
        immune becomes_root first
        immune becomes_root joined
        weak no_new_privs becomes_root first
        weak no_new_privs becomes_root joined
}

# The same layer as in images_hostile, for a store whose layers are directories.
@test "ways through links that cost more than all entries" {
        python3 - "$box/ways.tar" <<'PYTHON'
import sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        def add(name, type=tarfile.REGTYPE, link=''):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname, entry.mode = type, link, 0o755
                tar.addfile(entry)
        add('x', tarfile.DIRTYPE)
        for i in range(39):
                add('l%d' % i, tarfile.SYMTYPE, 'x/../' * 800 + ('l%d' % (i + 1) if i < 38 else '.'))
        for i in range(100):
                add('l0/a%d' % i)
                add('x/a%d' % i)
PYTHON
        run as_husk_in_store import -q "$box/ways.tar" ways:1
        [ "$status" = 1 ]
        [[ $output == *"'l0/a16': the ways to the layer's entries, through links, are too long together"* ]]
        [ -z "$(ls "$store/layers")" ]
}
