#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# husk in a container of husk, and in user namespaces that somebody else has made: with as few rights as
# docs/seccomp.md says.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other shells' words
load engine_helper

# In the outer container: a bundle in /tmp, then $1, where `oci` is husk-oci and DIR that directory.
inside() {
        local program=${HUSK_OCI:-$BATS_TEST_DIRNAME/../../build/husk-oci}
        cat >"$host/script" <<S
set -e
D=\$(mktemp -d) && chmod 755 \$D && cd \$D
trap "rm -rf \$D" EXIT
mkdir -p rootfs/bin && cp $(command -v busybox) rootfs/bin/busybox
ln -s busybox rootfs/bin/sh && ln -s busybox rootfs/bin/id && ln -s busybox rootfs/bin/stat
bundle() {
        rm -f config.json
        $program spec "\$@"
        jq 'del(.mounts[].options[]? | select(. == "gid=5")) | .process.terminal = false | .process.args = ["/bin/sh", "-c", "echo inner \$(id -u) \$\$ \$(stat -c %t:%T /dev/null)"]' config.json >new
        mv new config.json
}
oci() { $program --root \$D/state "\$@"; }
$1
S
}

@test 'husk in husk: root with CAP_SYS_ADMIN and cgroups that may be written' {
        # Each husk has an overlay of its own on the root file system of what it runs in.
        [ "$(stat -f -c %T /)" != overlayfs ] ||
                skip 'the root file system is an overlay, and the kernel puts no third one on two'
        # A cgroup of v2 that gives controllers to its children has no processes itself.
        run -0 --separate-stderr husk run --rm --cap-add SYS_ADMIN --security-opt seccomp=nesting \
                --security-opt systempaths=unconfined --security-opt writable-cgroups=true \
                --tmpfs /srv host sh -c 'if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
                        mkdir /sys/fs/cgroup/outer && echo $$ >/sys/fs/cgroup/outer/cgroup.procs || exit
                fi
                exec "$@"' sh "$husk" --root /srv/store --runroot /srv/run run --rm host \
                sh -c 'echo inner $$ $(stat -c %t:%T /dev/null)'
        same "$output" 'inner 1 1:3'
}

@test 'husk in husk: what root lacks is named' {
        run -125 husk run --rm --cap-add SYS_ADMIN --security-opt seccomp=nesting --tmpfs /srv \
                host "$husk" --root /srv/store --runroot /srv/run run --rm host true
        has "$output" 'Read-only file system'
        has "$output" 'writable-cgroups=true'
}

@test 'husk-oci in husk: an ordinary user, and root of a user namespace, without any capability' {
        inside 'chown 1000:1000 . rootfs
                as() { HOME=/ setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
                export -f oci bundle; export D
                as bash -ec "bundle --rootless; oci run a"
                bundle
                chown -R 0:0 .
                unshare -Ur bash -ec "oci run b"
                unshare -Urm bash -ec "oci run c; oci list -q"'
        run -0 --separate-stderr husk run --rm --security-opt seccomp=nesting --security-opt systempaths=unconfined \
                host bash "$host/script"
        same "$output" $'inner 0 1 1:3\ninner 0 1 1:3\ninner 0 1 1:3'
}

@test 'root of a user namespace that somebody else has made' {
        inside 'bundle
                unshare -Ur bash -ec "$(declare -f oci); D=$D; oci run b; oci list -q"
                unshare -Urm bash -ec "$(declare -f oci); D=$D; oci run c; oci list -q"'
        run -0 --separate-stderr bash "$host/script"
        same "$output" $'inner 0 1 1:3\ninner 0 1 1:3'
}
