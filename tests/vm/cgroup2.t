#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is another thing where cgroup v2 is all there is and has its controllers: limits and what holds them; AppArmor,
# which only the guest has; and mapped ids and the freezer on its kernel, which is older than most. An emulated machine
# takes seconds for each test, and this is part of `make check`: what needs no controllers is in view.t, all else is for
# `make vm`.
exec "$(dirname "$0")/suite" 'cgroup v2' tests/system/{oci_resources,oci_apparmor}.bats \
        tests/system/oci_idmap.bats='its own can be mapped' \
        tests/system/oci_pause.bats='SIGKILL' \
        tests/system/oci_events.bats='one line|first process' \
        tests/system/oci_update.bats='every option|memory and swap|refuses|less memory' \
        tests/system/oci_delegated.bats='limits hold' \
        tests/system/run_flags_limits.bats='memory: limit|cgroup-conf|device-read' \
        tests/system/attack_privileges.bats='limits hold'
