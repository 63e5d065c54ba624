#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Cgroups that containers share: parents, which come with the first of them and go with the last, and a path
# that two want at one moment.

load crash_helper

# Where cgroups are mounted, the one that all containers begin with in front.
hierarchies() {
        awk '$9 == "cgroup" || $9 == "cgroup2" || $8 == "cgroup" || $8 == "cgroup2" { print $5 }' \
                /proc/self/mountinfo
}

first_hierarchy() {
        oci create --bundle "$BUNDLE" "$WORD.probe" >/dev/null 2>&1 </dev/null
        sed -n 's,^{"undo":"remove_cgroup"\,"path":"\(.*\)/[^/]*"}$,\1,p' "$ROOT/$WORD.probe/journal" | head -n 1
        oci delete --force "$WORD.probe"
}

# in_cgroup PATH: what containers are made of now lies there
in_cgroup() {
        config --arg path "$1" '.linux.cgroupsPath = $path'
}

parents() {
        find /sys/fs/cgroup -type d -name "$1" 2>/dev/null
}

@test "parents come with the container and go with it" {
        in_cgroup "/$WORD.p/a/b"
        oci create --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 </dev/null
        [ -n "$(parents "$WORD.p")" ]
        oci start "$WORD"
        oci delete --force "$WORD"
        [ -z "$(parents "$WORD.p")" ]
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 </dev/null
        oci delete --force "$WORD"
        only_the_other
}

@test "parents that were there stay" {
        for mount in $(hierarchies); do
                mkdir "$mount/$WORD.p"
        done
        before=$(parents "$WORD.p" | wc -l)
        in_cgroup "/$WORD.p/a/b"
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 </dev/null
        oci delete --force "$WORD"
        after=$(parents "$WORD.p" | wc -l)
        # What others remove meanwhile is an error of find.
        below=$(find /sys/fs/cgroup -path "*/$WORD.p/*" -type d 2>/dev/null) || :
        for mount in $(hierarchies); do
                rmdir "$mount/$WORD.p"
        done
        [ "$after" = "$before" ]
        [ -z "$below" ]
}

@test "the last that leaves takes the parents away, whoever made them" {
        for name in a b c; do
                in_cgroup "/$WORD.p/q/$name"
                oci create --bundle "$BUNDLE" "$WORD.$name" >/dev/null 2>&1 </dev/null
        done
        oci delete --force "$WORD.a"
        oci delete --force "$WORD.c"
        [ -n "$(parents "$WORD.p")" ]
        oci start "$WORD.b"
        running "$WORD.b"
        oci delete --force "$WORD.b"
        only_the_other
}

@test "parents come and go while others are made beneath them" {
        cp -a "$BUNDLE" "$BUNDLE.b"
        in_cgroup "/$WORD.p/q/a"
        jq --arg path "/$WORD.p/q/b" '.linux.cgroupsPath = $path' "$BUNDLE/config.json" >"$BUNDLE.b/config.json"
        rounds() {
                for _ in $(seq "$(sample 30)"); do
                        oci create --bundle "$1" "$2" >/dev/null 2>"$1/said" </dev/null &&
                                oci delete --force "$2" 2>>"$1/said" || return 1
                done
        }
        rounds "$BUNDLE" "$WORD.a" 3>&- &
        rounds "$BUNDLE.b" "$WORD.b" || { cat "$BUNDLE.b/said"; false; }
        wait $! || { cat "$BUNDLE/said"; false; }
        only_the_other
}

@test "create beneath new parents killed, then delete --force" {
        in_cgroup "/$WORD.p/a/b"
        calls_of create --bundle "$BUNDLE" "$WORD"
        oci delete --force "$WORD"
        # Each call from the journal on to the last cgroup's, or a sample of them.
        from=$(awk '/^write.*"version/ { print NR; exit }' "$BUNDLE/calls")
        to=$(awk '/^clone3/ { print NR; exit }' "$BUNDLE/calls")
        for n in $(moments 16 $((to - from))); do
                killed_at $((from + n)) create --bundle "$BUNDLE" "$WORD"
                oci delete --force "$WORD"
                only_the_other
        done
}

@test "a cgroup in which another is just being made is refused" {
        in_cgroup "/$WORD.p"
        first=$(first_hierarchy)/$WORD.p
        mkdir "$first"
        # as the other has it between its claim and its process
        status=0
        flock "$first" timeout 60 "$HUSK_OCI" --root "$ROOT" create --bundle "$BUNDLE" "$WORD" \
                >/dev/null 2>"$BUNDLE/said" </dev/null || status=$?
        oci delete --force "$WORD"
        stays=$([ -d "$first" ] && echo it stays)
        rmdir "$first" || :
        cat "$BUNDLE/said"
        [ "$status" -ne 0 ]
        [[ $(cat "$BUNDLE/said") == *"/linux/cgroupsPath"*"$WORD.p"*"another container is made in it now"* ]]
        [ "$stays" = "it stays" ]
        only_the_other
}

@test "one of those who want a path at one moment gets it" {
        in_cgroup "/$WORD.p"
        for _ in $(seq "$(sample 12)"); do
                made=0 children=()
                for name in a b c; do
                        oci create --bundle "$BUNDLE" "$WORD.$name" >/dev/null 2>"$BUNDLE/said.$name" </dev/null 3>&- &
                        children+=($!)
                done
                for child in "${children[@]}"; do
                        wait "$child" && made=$((made + 1))
                done
                cat "$BUNDLE"/said.?
                [ "$made" = 1 ]
                [ "$(cat "$BUNDLE"/said.? | grep -c "another container is made in it now")" = 2 ]
                for name in a b c; do
                        oci delete --force "$WORD.$name"
                done
        done
        only_the_other
}

@test "the path of a stopped container: who has it now keeps it when that one is deleted" {
        in_cgroup "/$WORD.s"
        config '.process.args = ["true"]'
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1 </dev/null
        eventually 20 stopped "$WORD"
        config '.process.args = ["sleep", "1000"]'
        oci run --detach --bundle "$BUNDLE" "$WORD.later" >/dev/null 2>&1 </dev/null
        run oci kill --all "$WORD" KILL
        running "$WORD.later"
        oci delete --force "$WORD"
        running "$WORD.later"
        pid=$(pid_of "$WORD.later")
        grep -q "/$WORD.s\$" "/proc/$pid/cgroup"
        oci delete --force "$WORD.later"
        [ -z "$(parents "$WORD.s")" ]
}
