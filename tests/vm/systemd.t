#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With systemd as pid 1, on cgroup v2, in a delegated service: the tests that a manager of the cgroup
# tree could disturb.
exec "$(dirname "$0")/suite" systemd -s tests/system/{run_limits,engine_exec}.bats
