# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Podman with directories of its own.

podman_conf() {
        local pids= # how many it allows each container, unasked
        ! is_v2 || grep -qw pids /sys/fs/cgroup/cgroup.controllers || pids='pids_limit = 0'
        cat <<CONF
[containers]
$pids
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
network_config_dir = "$BOX/networks"
[engine]
cgroup_manager = "${MANAGER:-cgroupfs}"
events_logger = "file"
helper_binaries_dir = ["/usr/lib/podman", "/usr/libexec/podman"]
hooks_dir = ["$BOX/hooks"]
tmp_dir = "$BOX/tmp"
runtime = "$RUNTIME"
runtime_supports_json = ["husk-oci", "crun", "runc"]
runtime_supports_nocgroup = ["husk-oci", "crun"]
[engine.runtimes]
$RUNTIME = ["$BINARY"]
CONF
}

# The words of podman before those of the command.
podman_flags() {
        flags=(--root "$BOX/data" --runroot "$BOX/run" --storage-driver "${DRIVER:-overlay}")
}

# Every container goes into a cgroup that bears WORD.
parent_flags() {
        case ${PARENT:-${MANAGER:-cgroupfs}} in
        cgroupfs) parent=(--cgroup-parent "/$WORD") ;;
        *) parent=() ;;
        esac
}

pod() {
        local flags parent
        podman_flags
        parent_flags
        case $1 in
        run | create) set -- "$1" ${parent[@]+"${parent[@]}"} "${@:2}" ;;
        esac
        CONTAINERS_CONF=$BOX/containers.conf bounded podman "${flags[@]}" "$@"
}

# The same on a terminal.
pod_terminal() {
        local flags parent
        podman_flags
        parent_flags
        case $1 in
        run | create) set -- "$1" ${parent[@]+"${parent[@]}"} "${@:2}" ;;
        esac
        CONTAINERS_CONF=$BOX/containers.conf on_terminal podman "${flags[@]}" "$@"
}

state_of() { pod inspect --format '{{.State.Status}}' "$1"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
