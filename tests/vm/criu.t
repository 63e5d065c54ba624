#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore: Debian's criu does not start on every newer kernel, and does on Debian's own.
# A dump takes a slow guest half a minute: all of the file is for `tests/vm/suite criu FILE`.
exec "$(dirname "$0")/suite" criu tests/system/oci_criu.bats='counter in memory|lazy-pages|without criu' \
        tests/system/attack_restore.bats='rights that'
