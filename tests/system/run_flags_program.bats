#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `husk run`: environment, groups, entrypoint, files of ids, stop signal: what the program is given.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034 # set by bats and the helper; other shells' words
load engine_helper

@test '--env-file, --env-host, --unsetenv; exec --env-file' {
        printf '# comment\nA=1\nB=two words\nHUSK_OUTSIDE\n' >"$box/env"
        export HUSK_OUTSIDE=outside
        same "$(husk run --rm --env-file "$box/env" -e A=2 host sh -c 'echo $A $B $HUSK_OUTSIDE')" \
                '2 two words outside'
        same "$(husk run --rm --env-host host sh -c 'echo $HUSK_OUTSIDE')" outside
        same "$(husk run --rm host sh -c 'echo $HUSK_OUTSIDE')" ''
        same "$(husk run --rm --unsetenv-all -e X=1 host /usr/bin/env)" X=1
        not grep ^HOME= <<<"$(husk run --rm --unsetenv HOME host env)"
        id=$(husk run -d host sleep 1000)
        same "$(husk exec --env-file "$box/env" -e A=3 "$id" sh -c 'echo $A $B')" '3 two words'
        echo 'BAD NAME=1' >"$box/env"
        run -125 husk run --rm --env-file "$box/env" host true
        has "$output" "$box/env:1: the name 'BAD NAME' has white space in it"
}

@test '--group-add, --umask, --personality, --init' {
        same "$(husk run --rm -u 1000:1000 --group-add 7 --group-add daemon host id -G)" '1000 1 7'
        run -125 husk run --rm --group-add no-such host true
        has "$output" "there is no group 'no-such'"
        same "$(husk run --rm --umask 027 host sh -c umask)" 0027
        run -125 husk run --rm --umask 8 host true
        same "$(husk run --rm --personality LINUX32 host uname -m)" i686
}

@test '--entrypoint: a word, an array' {
        same "$(husk run --rm --entrypoint /bin/echo host a b)" 'a b'
        same "$(husk run --rm --entrypoint '["/bin/echo","-n","x"]' host y)" 'x y'
        run -125 husk run --rm --entrypoint '[1]' host true
}

@test '--cidfile, --pidfile' {
        id=$(husk run -d --cidfile "$box/id" --pidfile "$box/pid" host sleep 1000)
        same "$(cat "$box/id")" "$id"
        same "$(cat "$box/pid")" "$(pid_of "$id")"
        run -125 husk run --rm --cidfile "$box/id" host true
        has "$output" 'File exists'
        same "$(cat "$box/id")" "$id"
        run -127 husk run --rm --cidfile "$box/id2" host no-such-program
        [ ! -e "$box/id2" ]
}

# Of one that was killed there is an empty file; one that lives has it locked.
@test '--cidfile: what is left of one that was killed is free, what others have is not' {
        : >"$box/id"
        id=$(husk create --cidfile "$box/id" host true)
        same "$(cat "$box/id")" "$id"
        : >"$box/held"
        exec 9<"$box/held"
        flock 9
        run -125 husk run --rm --cidfile "$box/held" host true
        has "$output" 'File exists'
        exec 9<&-
        run -0 husk run --rm --cidfile "$box/held" host true
        : >"$box/theirs"
        chown 1234 "$box/theirs"
        run -125 husk run --rm --cidfile "$box/theirs" host true
        : >"$box/one"
        ln "$box/one" "$box/other"
        run -125 husk run --rm --cidfile "$box/one" host true
        mkfifo "$box/pipe"
        run -125 timeout 20 "$husk" "${flags[@]}" run --rm --cidfile "$box/pipe" host true
        [ ! -s "$box/other" ]
}

# Whoever may write to the directory exchanges the files for links as soon as they are there.
@test '--cidfile and --pidfile in a directory of somebody else: nothing is written through links' {
        mkdir "$box/theirs"
        chown 1234:1234 "$box/theirs"
        printf precious >"$box/victim"
        ln -s "$box/victim" "$box/theirs/pid"
        run -125 husk run --rm --pidfile "$box/theirs/pid" host true
        has "$output" 'symbolic links'
        # Neither waited for nor written to.
        rm "$box/theirs/pid"
        mkfifo -m 666 "$box/theirs/pid" "$box/theirs/.pid.husk"
        run -125 timeout -k 5 20 "$husk" "${flags[@]}" run --rm --pidfile "$box/theirs/pid" host true
        has "$output" "cannot write the pid file $box/theirs/pid: File exists"
        rm "$box/theirs/pid"
        : >"$box/theirs/pid"
        chown 1234 "$box/theirs/pid"
        chmod 666 "$box/theirs/pid"
        run -0 timeout -k 5 20 "$husk" "${flags[@]}" run --rm --pidfile "$box/theirs/pid" host true
        same "$(stat -c '%u %a' "$box/theirs/pid")" '0 644'
        same "$(ls -A "$box/theirs")" pid
        # The name that it has until it is whole is a directory of theirs.
        mkdir "$box/theirs/.pid.husk"
        run -0 timeout -k 5 20 "$husk" "${flags[@]}" run --rm --pidfile "$box/theirs/pid" host true
        same "$(ls -A "$box/theirs")" $'.pid.husk\npid'
        rm -r "$box/theirs/pid" "$box/theirs/.pid.husk"
        python3 - "$box" <<'PYTHON' &
import os, sys
os.chdir(sys.argv[1] + '/theirs')
while not os.path.exists('stop'):
        try:
                if os.path.lexists('id') and not os.path.islink('id'):
                        os.symlink('../victim', 'new')
                        os.rename('new', 'id')
        except FileNotFoundError:
                pass
PYTHON
        for i in $(seq 20); do
                rm -f "$box/theirs/id"
                husk run --rm --cidfile "$box/theirs/id" host true || :
        done
        touch "$box/theirs/stop"
        wait
        same "$(cat "$box/victim")" precious
}

@test '--stop-signal and --stop-timeout are what stop goes by' {
        id=$(husk run -d --stop-signal USR1 host bash -c 'trap "exit 7" USR1; trap : TERM; echo >/dev/shm/ready; while :; do sleep 0.05; done')
        await husk exec "$id" test -e /dev/shm/ready
        husk stop "$id"
        same "$(husk wait "$id")" 7
        id=$(husk run -d --stop-timeout 0 host bash -c 'trap : TERM; echo >/dev/shm/ready; while :; do sleep 0.05; done')
        await husk exec "$id" test -e /dev/shm/ready
        husk stop "$id"
        same "$(husk wait "$id")" 137
}

@test '--annotation, --label-file, --restart' {
        printf 'a=1\n# no\nb\n' >"$box/labels"
        id=$(husk run -d --annotation org.x=1 --label-file "$box/labels" -l a=2 host sleep 1000)
        same "$(husk inspect "$id" | jq -c '.[0] | [.OCIConfig.annotations["org.x"], .Config.Labels]')" '["1",{"b":"","a":"2"}]'
        husk run --rm --restart no host true
        run -125 husk run --rm --restart always host true
        has "$output" 'there is no daemon'
}
