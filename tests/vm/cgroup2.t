#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where cgroup v2 is all there is: what a container is and gets, and the script that makes it again.
# The other system tests do not ask about cgroups, and an emulated machine takes minutes for them:
# `make vm` runs them all.
exec "$(dirname "$0")/suite" 'cgroup v2' tests/system/{oci_inside,explain,oci_apparmor}.bats
