#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With systemd as pid 1, on cgroup v2, in a delegated service: the tests that a manager of the cgroup
# tree could disturb, and the systemd cgroup driver with the system's manager and with a user's.
exec "$(dirname "$0")/suite" systemd -s tests/system/{run_limits,engine_exec}.bats \
        tests/system/oci_systemd.bats='a scope with|rules of devices|ordinary user: a scope'
