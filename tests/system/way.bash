# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# open_way DIR: everybody can get to it: an ordinary user, and the ids of a user namespace.
open_way() {
        local dir=$1
        while [ "$dir" != / ] && [ "$dir" != /tmp ] && [ "$dir" != /var/tmp ]; do
                chmod a+x "$dir"
                dir=$(dirname "$dir")
        done
}
