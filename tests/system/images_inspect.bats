#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What husk tells about images: inspect, history, filters; and templates.

# shellcheck disable=SC2154,SC2016 # set by bats and the helper; other programs' words
load images_helper

two_images() {
        archive one.tar 'add("etc/", type="dir", mode=0o755); add("etc/a", b"1")'
        archive two.tar 'add("etc/b", b"22")'
        layout tool --config '{"created":"2024-05-01T09:30:00Z","author":"Ann","config":{"User":"33","Env":["A=1","B=x y"],
                "Cmd":["sh"],"Labels":{"role":"tool","empty":""},"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGUSR1"},
                "history":[{"created":"2024-04-30T00:00:00Z","created_by":"ADD one.tar /"},
                {"created_by":"ENV A=1 and a text that is much longer than the column is wide","empty_layer":true},
                {"created":"2024-05-01T09:30:00Z","created_by":"ADD two.tar /","comment":"last"}]}' \
                "$box/one.tar" "$box/two.tar"
        layout docker.io/library/other:1 --config '{"created":"2023-01-01T00:00:00Z"}' "$box/one.tar"
        husk pull -q "oci:$box/layout:tool"
        husk pull -q "oci:$box/layout:docker.io/library/other:1"
}

@test 'inspect: an image as docker tells of it' {
        digest=$(two_images | sed -n 1p)
        husk tag localhost/layout:tool again:7
        run -0 husk image inspect again:7
        same "$(jq -r 'length' <<<"$output")" 1
        same "$(jq -r '.[0] | [.RepoTags[], .Author, .Comment, .Created, .Architecture, .Os, (.Size | tostring),
                .Config.User, .Config.StopSignal, .Config.Labels.role, (.Config.Env | join(","))] | join("|")' <<<"$output")" \
                'localhost/layout:tool|again:7|Ann|last|2024-05-01T09:30:00Z|amd64|linux|3|33|SIGUSR1|tool|A=1,B=x y'
        same "$(jq -r '.[0].Digest + " " + .[0].RepoDigests[1]' <<<"$output")" "$digest again@$digest"
        same "$(jq -r '.[0].RootFS.Layers[1]' <<<"$output")" "sha256:$(digest_of "$box/two.tar")"
        same "$(jq -c '.[0].Config | [.Entrypoint, .OnBuild, .WorkingDir, .Volumes, .ExposedPorts]' <<<"$output")" \
                '[null,null,"",null,{"80/tcp":{}}]'
        # The configuration is that of other programs.
        same "$(jq -S '.[0].Config.Env' <<<"$output")" \
                "$(skopeo inspect --config "oci:$store/images:localhost/layout:tool" | jq -S .config.Env)"
}

@test 'inspect: several names, one of which is missing; containers first' {
        two_images
        husk run -d --name again --network none host sleep 1000
        husk tag other:1 again
        run -0 husk inspect again
        same "$(jq -r '.[0].State.Status' <<<"$output")" running
        run -0 husk inspect --type image again
        same "$(jq -r '.[0].Architecture' <<<"$output")" amd64
        run -1 --separate-stderr husk inspect again nothing other:1
        same "$(jq -r 'length' <<<"$output")" 2
        has "$stderr" "there is no container and no image 'nothing' here"
        run -1 --separate-stderr husk container inspect other:1
        same "$output" '[]'
        run -1 husk image inspect nothing
        has "$output" "there is no image 'nothing' here"
        husk rm -f again
}

@test 'inspect: templates' {
        two_images
        format() { run -0 husk image inspect -f "$1" localhost/layout:tool && same "$output" "$2"; }
        format '{{.Architecture}} {{ .Config.User }}\t{{.Size}}' $'amd64 33\t3'
        format '{{json .Config.Env}}' '["A=1","B=x y"]'
        format '{{.Config.Env}} {{.Config.Labels}} {{.Config.Entrypoint}}' '[A=1 B=x y] map[role:tool empty:] []'
        format '{{index .Config.Labels "role"}}{{index .Config.Env 1}}{{index .Config.Env 9}}' 'toolB=x y<no value>'
        format '{{len .RootFS.Layers}} {{.Config.Labels.nothing}}' '2 <no value>'
        same "$(husk inspect --format json other:1 | wc -l)" 1
        same "$(husk inspect --format json other:1 | jq -r '.[0].Os')" linux
        run -1 husk inspect -f '{{.Nothing}}' other:1
        has "$output" "there is no field 'Nothing'"
        has "$output" 'hint: fields are: .Id .RepoTags'
        run -1 husk inspect -f '{{.Id' other:1
        has "$output" "'{{' without '}}'"
        run -1 husk inspect -f '{{range .RepoTags}}' other:1
        has "$output" 'a field, .NAME, was expected'
        run -1 husk inspect -f '{{.Id | upper}}' other:1
        has "$output" 'jq(1) does more'
        run -1 husk inspect -f yaml other:1
        has "$output" 'expected json or a template'
}

@test 'history: columns, whole and short' {
        two_images
        id=$(husk images -q localhost/layout:tool)
        run -0 husk history localhost/layout:tool
        same "${#lines[@]}" 4
        [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT$ ]]
        [[ ${lines[1]} =~ ^$id\ +[0-9]\ years\ ago\ +ADD\ two.tar\ /\ +2B\ +last$ ]]
        [[ ${lines[2]} =~ ^\<missing\>\ .*ENV\ A=1\ and.*…\ +0B ]]
        run -0 husk image history --no-trunc --format '{{.CreatedBy}} {{.Size}}' localhost/layout:tool
        same "${lines[1]}" 'ENV A=1 and a text that is much longer than the column is wide 0B'
        run -0 husk history --human=false --format '{{.Size}} {{.CreatedAt}}' localhost/layout:tool
        same "$output" $'2 2024-05-01T09:30:00Z\n0 \n1 2024-04-30T00:00:00Z'
        same "$(husk history -q other:1)" "$(husk images -q other)" # of no history at all
        same "$(husk history --format json localhost/layout:tool | jq -rs 'map(.Comment) | join(",")')" last,,
        run -1 husk history nothing
        has "$output" "there is no image 'nothing' here"
}

@test 'images, prune: filters' {
        two_images
        list() { husk images --format '{{.Repository}}' "$@"; }
        same "$(list --filter label=role)" localhost/layout
        same "$(list --filter label=role=tool --filter label=empty)" localhost/layout
        same "$(list --filter label=role=other)" ''
        same "$(list --filter 'label!=role')" other
        same "$(list --filter before=localhost/layout:tool)" other
        same "$(list --filter since=other:1)" localhost/layout
        same "$(list --filter until=2024-01-01)" other
        same "$(list --filter until=24h | wc -l)" 2
        run -1 husk images --filter until=yesterday
        has "$output" "'yesterday' is no time"
        run -1 husk images --filter before=nothing
        has "$output" "there is no image 'nothing' here"
        run -0 husk image prune --all --filter label=none
        has "$output" 'reclaimed space: 0B'
        run -0 husk image prune --all --filter until=2024-01-01
        has "$output" 'Untagged: other:1'
        same "$(list)" localhost/layout
        run -1 husk image prune --filter nonsense
        has "$output" 'none that is known'
        store_is_whole
}
