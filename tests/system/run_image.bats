#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run IMAGE`: what an image's configuration says of its containers, by docker's rules, and what the
# command line makes of it.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper
load image_helper

# In a user namespace the container's ids have to get to the store.
setup() {
        engine_setup
        open_way "$box"
}

@test 'Entrypoint and Cmd, and what the command line says instead' {
        image_simple '{"Entrypoint":["/bin/echo","entry"],"Cmd":["cmd","1"]}'
        run -0 husk run --rm t
        same "$output" 'entry cmd 1'
        run -0 husk run --rm t other
        same "$output" 'entry other'
        run -0 husk run --rm --entrypoint /bin/echo t
        same "$output" ''
        run -0 husk run --rm --entrypoint '["/bin/echo","a"]' t b
        same "$output" 'a b'
        run -0 husk run --rm --entrypoint '' t echo plain
        same "$output" plain
        nothing_left
}

@test 'Cmd alone, and nothing at all' {
        image_simple '{"Cmd":["sh","-c","echo $0 $#","x","y"]}'
        run -0 husk run --rm t
        same "$output" 'x 1'
        run -0 husk run --rm t:latest echo docker.io/library/t@
        run -0 husk run --rm docker.io/library/t echo full
        same "$output" full
        image_make docker.io/library/bare:latest '{}' "$layer" >/dev/null
        run -125 husk run --rm bare
        has "$output" 'the image bare has neither Entrypoint nor Cmd'
        run -0 husk run --rm bare echo said
        same "$output" said
        nothing_left
}

@test 'Env: the image'\''s, then -e; never the caller'\''s' {
        export SECRET=mine
        image_simple '{"Env":["PATH=/bin","A=1","A=2","B=image","SECRET","=x","EMPTY="],"Cmd":["env"]}'
        run -0 --separate-stderr husk run --rm -e B=own -e C=c t
        grep -qx A=2 <<<"$output"
        grep -qx B=own <<<"$output"
        grep -qx C=c <<<"$output"
        grep -qx EMPTY= <<<"$output"
        grep -qx PATH=/bin <<<"$output"
        grep -qx HOME=/root <<<"$output"
        [[ $output != *SECRET* ]]
        has "$stderr" "/config/Env: 'SECRET'"
        has "$stderr" 'has no value: passed over'
        run -0 --separate-stderr husk run --rm --unsetenv B t
        [[ $output != *B=* ]]
        run -0 --separate-stderr husk run --rm -e SECRET t
        grep -qx SECRET=mine <<<"$output"
}

@test 'User: names of the image'\''s own files, and its groups' {
        image_simple '{"User":"web","Cmd":["sh","-c","id; echo $HOME"]}'
        run -0 husk run --rm t
        same "$output" $'uid=33(web) gid=34(web) groups=34(web),35(extra)\n/srv/web'
        run -0 husk run --rm -u root t id
        has "$output" 'uid=0(root) gid=0(root) groups=0(root),35(extra)'
        run -0 husk run --rm -u 33:35 t id
        same "$output" 'uid=33(web) gid=35(extra) groups=35(extra)'
        run -0 husk run --rm --group-add extra -u 7 t id -G
        same "$output" '0 35'
        run -125 husk run --rm -u nobody t id
        has "$output" "--user: there is no user 'nobody' in the container's /etc/passwd"
}

@test 'WorkingDir is made inside, as is -w' {
        image_simple '{"WorkingDir":"/srv/a b/c","Cmd":["pwd"]}'
        run -0 husk run --rm t
        same "$output" '/srv/a b/c'
        run -0 husk run --rm -w /made/here t
        same "$output" /made/here
        run -0 husk run --rm t stat -c %u:%g:%a /srv
        same "$output" 0:0:755
}

@test 'labels, stop signal and id are kept, the request'\''s win' {
        image_simple '{"Labels":{"a":"image","b":"image"},"StopSignal":"SIGUSR1","StopTimeout":3,"ExposedPorts":{"80/tcp":{}},
                "Healthcheck":{"Test":["CMD","true"]},"Cmd":["sh","-c","trap \"exit 7\" USR1; touch /ready; while :; do sleep 0.05; done"]}'
        husk run -d --name one -l b=own -l c t
        run -0 husk inspect one
        same "$(jq -c '.[0].Config.Labels' <<<"$output")" '{"a":"image","b":"own","c":""}'
        same "$(jq -r '.[0].Image' <<<"$output")" t
        same "$(jq -r '.[0].ImageID' <<<"$output")" "$id"
        same "$(jq -c '.[0].Config.ExposedPorts' <<<"$output")" '{"80/tcp":{}}'
        same "$(jq -c '.[0].Config.Healthcheck.Test' <<<"$output")" '["CMD","true"]'
        await husk exec one test -e /ready
        husk stop one
        same "$(husk inspect one | jq '.[0].State.ExitCode')" 7
        run -0 husk ps -a
        has "$output" ' t '
        husk rm one
        nothing_left
}

@test 'layers: the topmost wins, what was removed is gone' {
        a=$(image_layer)
        image_busybox "$a"
        mkdir "$a/d" "$a/gone"
        echo low >"$a/d/low"
        echo low >"$a/d/both"
        echo low >"$a/d/removed"
        b=$(image_layer)
        mkdir -p "$b/d" "$b/etc"
        echo high >"$b/d/both"
        mknod "$b/d/removed" c 0 0
        mknod "$b/gone" c 0 0
        # The user that only the upper layer knows.
        echo 'late:x:77:78::/:' >"$b/etc/passwd"
        c=$(image_layer)
        echo top >"$c/top"
        image_make docker.io/library/t:latest '{"User":"late"}' "$a" "$b" "$c" >/dev/null
        run -0 husk run --rm t sh -c 'cd /d; echo *; cat low both; cat /top; ls -d /gone; id -u'
        same "$output" $'both low\nlow\nhigh\ntop\nls: /gone: No such file or directory\n77'
        nothing_left
}

@test 'a hundred layers, and one hundred containers of them differ in nothing but what they write' {
        layer=$(image_layer)
        image_busybox "$layer"
        layers=("$layer")
        for ((i = 1; i < 100; i++)); do
                layer=$(image_layer)
                echo "$i" >"$layer/file$i"
                echo "$i" >"$layer/last"
                layers+=("$layer")
        done
        image_make docker.io/library/t:latest '{}' "${layers[@]}" >/dev/null
        run -0 husk run --rm t sh -c 'cat /last; ls -d /file* | wc -l; echo own >/last; cat /last'
        same "$output" $'99\n99\nown'
        run -0 husk run --rm t cat /last
        same "$output" 99
        nothing_left
}

@test 'hosts, hostname and resolv.conf are the container'\''s own' {
        FILL='echo image >etc/hosts; ln -s /tmp/elsewhere etc/resolv.conf' image_simple '{}'
        run -0 husk run --rm --hostname box t sh -c 'cat /etc/hostname /etc/hosts; cat /etc/resolv.conf; ls /tmp'
        same "${lines[0]}" box
        same "${lines[1]}" $'127.0.0.1\tlocalhost box'
        [[ $output != *image* && $output != *elsewhere* ]]
        # One that is mounted by the user is the user's.
        echo mine >"$host/mine"
        run -0 husk run --rm -v "$host/mine:/etc/hosts" t cat /etc/hosts
        same "$output" mine
        run -0 husk run --rm --read-only t sh -c 'cat /etc/hostname >/dev/null && ! touch /x 2>/dev/null'
        nothing_left
}

@test 'a volume begins with what the image has there, and goes with its container' {
        FILL='mkdir -p data/sub; echo one >data/sub/f; chmod 700 data; chown 33:34 data' \
                image_simple '{"Volumes":{"/data":{},"/new/place":{}},"Cmd":["sh","-c","cat /data/sub/f; stat -c %u:%a /data; echo more >/data/more; touch /new/place/x; grep -c \" /data \\| /new/place \" /proc/self/mountinfo"]}'
        run -0 husk run --rm t
        same "$output" $'one\n33:700\n2'
        nothing_left
        husk run --name one t >/dev/null
        run -0 husk diff one
        [[ $output != */data/more* ]]
        husk rm one
        mkdir "$host/own"
        run -0 husk run --rm -v "$host/own:/data" t sh -c 'ls /data | wc -l'
        same "$output" 0
        nothing_left
}

@test 'in a user namespace the layers are mapped, and nothing is copied' {
        image_simple '{"Volumes":{"/data":{}}}'
        run -0 husk run --rm --uidmap 0:100000:65536 t sh -c \
                'stat -c %u:%g /bin/sh /etc/passwd /etc/hosts /data; touch /new /data/new && stat -c %u /new /data/new; cat /proc/self/uid_map | tr -s " "'
        same "$output" $'0:0\n0:0\n0:0\n0:0\n0\n0\n 0 100000 65536'
        nothing_left
}

@test 'an image that is not there, or for another machine' {
        run -125 husk run --rm --pull never nothere true
        has "$output" "there is no image 'nothere' here"
        ARCHITECTURE=riscv64 image_simple '{}'
        run -125 husk run --rm --pull never t true
        has "$output" 'linux/riscv64'
        run -125 husk run --rm --pull never --platform linux/no-such t true
        run -125 husk run --rm 'NoCapitals' true
        nothing_left
}

@test 'explain shows the layers' {
        image_simple '{}'
        run -0 husk explain run t true
        has "$output" "$store/layers/"
        has "$output" 'make=plain_file'
        nothing_left
}

@test "'host' stays the host, whatever an image is called" {
        image_simple '{}'
        image_make docker.io/library/host:latest '{"Cmd":["echo","an image"]}' "$layer" >/dev/null
        run -0 husk run --rm host test -e /bin/bash
        run -0 husk run --rm docker.io/library/host
        same "$output" 'an image'
}

@test 'diff: against all layers, and no place of a mount' {
        a=$(image_layer)
        image_busybox "$a"
        mkdir -p "$a/d" "$a/e"
        echo 1 >"$a/d/one"
        echo 1 >"$a/e/f"
        b=$(image_layer)
        mkdir -p "$b/d"
        echo 2 >"$b/d/two"
        mknod "$b/d/gone" c 0 0
        image_make docker.io/library/t:latest '{"Volumes":{"/data":{}}}' "$a" "$b" >/dev/null
        husk run --name one t true
        run -0 husk diff one
        same "$output" ''
        husk run --name two t sh -c 'rm /d/one; echo 3 >>/d/two; rm -r /e; mkdir /e; echo >/e/g; touch /data/x /new; chmod 700 /etc'
        run -0 husk diff two
        same "$output" $'C /d\nD /d/one\nC /d/two\nC /e\nD /e/f\nA /e/g\nC /etc\nA /new'
        husk rm one two
        nothing_left
}

@test '--pull: always, newer, missing, never, where there is no registry' {
        image_simple '{}'
        image_make localhost:1/t:latest '{}' "$layer" >/dev/null
        run -0 husk run --rm localhost:1/t echo here
        same "$output" here
        run -0 husk run --rm --pull never localhost:1/t echo here
        run -0 --separate-stderr husk run --rm --pull newer localhost:1/t echo here
        same "$output" here
        has "$stderr" 'the image that is here is used'
        run -125 husk run --rm --pull always localhost:1/t echo here
        has "$output" 'localhost:1'
        run -125 husk run --rm localhost:1/none echo here
        has "$output" 'localhost:1'
        run -125 husk run --rm --pull never localhost:1/none echo here
        has "$output" "there is no image 'localhost:1/none' here"
        run -125 husk run --rm --pull sometimes t echo here
        run -0 husk explain run --pull always localhost:1/t true
        nothing_left
}
