#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# container prune: what has ended goes, what runs stays; filters; what it says.

# shellcheck disable=SC2154 # set by bats and the helper
load engine_helper

names() { husk ps -a --format '{{.Names}}' | sort | tr '\n' ' '; }

@test 'prune: what has ended or was never started, with ids and space' {
        ended=$(husk run -d --name ended host true)
        husk wait ended
        made=$(husk create --name made host true)
        husk run -d --name runs host sleep 1000
        run -0 husk container prune --force
        same "${lines[0]}" 'Deleted Containers:'
        same "$(printf '%s\n' "${lines[@]:1:2}" | sort)" "$(printf '%s\n' "$ended" "$made" | sort)"
        [[ ${lines[3]} =~ ^'Total reclaimed space: '[1-9] ]]
        same "$(names)" 'runs '
        run -0 husk container prune
        same "$output" 'Total reclaimed space: 0B'
        same "$(names)" 'runs '
}

@test 'prune: a paused one stays' {
        husk run -d --name one host sleep 1000
        husk pause one
        run -0 husk container prune
        same "$(names)" 'one '
        husk unpause one
}

@test 'prune: filters' {
        husk create --name a --label keep host true
        husk create --name b --label tier=web host true
        husk create --name c host true
        husk container prune --filter until=1h
        same "$(names)" 'a b c '
        husk container prune --filter label=tier=db
        same "$(names)" 'a b c '
        husk container prune --filter label=tier=web
        same "$(names)" 'a c '
        husk container prune --filter 'label!=keep' --filter "until=$(($(date +%s) + 60))"
        same "$(names)" 'a '
        run -1 husk container prune --filter name=a
        has "$output" "'name=a' is none that is known"
        run -1 husk container prune --filter until=yesterday
        has "$output" "'yesterday' is no time"
        same "$(names)" 'a '
}

@test 'prune: one that is damaged does not keep the others' {
        husk create --name good host true
        id=$(husk create --name bad host true)
        echo garbage >"$store/containers/$id/journal"
        run -0 husk container prune
        has "$output" 'Deleted Containers:'
        [ -e "$store/containers/$id" ]
        same "$(find "$store/containers" -mindepth 1 -maxdepth 1 -name '????????????????*' | wc -l)" 1
}

@test 'prune and df: a tree that is deeper than anybody looks' {
        husk create --name deep host true
        husk create --name good host true
        id=$(husk inspect deep | jq -r '.[0].Id')
        python3 - "$store/containers/$id/upper0" <<'PYTHON'
import os, sys

os.chdir(sys.argv[1])
for _ in range(3000):
        os.mkdir('d')
        os.chdir('d')
PYTHON
        run -0 --separate-stderr husk system df
        has "$output" 'Containers   2'
        has "$stderr" "$id has directories in more than 400 others: what is below is not counted"
        same "$(grep -c warning <<<"$stderr")" 1
        run -0 husk container prune
        has "$output" 'Deleted Containers:'
        not husk inspect good
        # However deep, what is left is no obstacle to the next.
        find "$store/containers/$id/upper0" -depth -delete 2>/dev/null || :
        husk container prune
        nothing_left
}
