#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`, typed as for another engine, or wrongly: what is said, and with which exit status.

# shellcheck disable=SC2154 # set by the helper
load engine_helper

@test 'a word of other engines is refused with what to do instead' {
        run -125 husk run --rm -p 80:80 host true
        has "$output" 'there is no option -p here'
        has "$output" '--network host'
        run -125 husk explain run --dns 1.1.1.1 host true
        has "$output" '/etc/resolv.conf'
        run -125 husk logs x
        has "$output" "there is no command 'logs' here"
}

@test '--net is --network' {
        run -0 husk run --rm --net host host readlink /proc/self/ns/net
        same "$output" "$(readlink /proc/self/ns/net)"
}

@test 'a limit of memory that the set-up does not fit into is named as the suspect' {
        run -125 husk run --rm --memory 4k host true
        has "$output" 'memory'
        has "$output" 'hint:'
        same "$(husk ps -aq)" ''
}
