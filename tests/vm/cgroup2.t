#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where cgroup v2 is all there is: the tests of what a container is and gets. The rest of the system
# tests does not ask about cgroups; an emulated machine takes minutes for it: `make vm` runs it all.
exec "$(dirname "$0")/suite" 'cgroup v2' \
        tests/system/{oci_lifecycle,oci_inside,oci_exec,run_basic,run_limits,explain}.bats
