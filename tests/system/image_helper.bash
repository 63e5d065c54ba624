# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Images for the tests of `husk run IMAGE`: written straight into the test's own store, in the form
# that a pull leaves there: an OCI layout in images/, and each layer unpacked in layers/HEX/fs. What is
# hostile about an image is then exactly what the test put there.

# image_layer: a new, empty layer; prints its directory, which is to be filled. The digests of layers are numbers
# here: nobody looks at their blobs again.
image_layer() {
        local n=0 hex
        mkdir -p "$store/layers"
        while printf -v hex '%064x' "$n" && [ -e "$store/layers/$hex" ]; do n=$((n + 1)); done
        mkdir -p "$store/layers/$hex/fs"
        echo '{"size":1,"entries":1}' >"$store/layers/$hex/layer.json"
        printf '%s\n' "$store/layers/$hex/fs"
}

# image_busybox DIR: a root file system that can run things.
image_busybox() {
        mkdir -p "$1"/{bin,etc,tmp,root,usr}
        cp /bin/busybox "$1/bin/busybox"
        # Links by one program: a process each is what the tests would spend their time on.
        busybox sh -c 'cd "$0" && for name; do ln busybox "$name"; done' "$1/bin" \
                sh cat ls env id pwd stat sleep echo true false readlink touch rm mkdir ln hostname grep kill \
                head wc sort test mount cut sed tr dd find printf mv chmod
        chmod 1777 "$1/tmp"
        printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv/web:/bin/sh\n' >"$1/etc/passwd"
        printf 'root:x:0:\nweb:x:34:\nextra:x:35:web,root\n' >"$1/etc/group"
}

# image_blob FILE: puts it among the blobs; prints its descriptor's digest and size as JSON members.
image_blob() {
        local hex
        hex=$(sha256sum "$1" | cut -d' ' -f1)
        mkdir -p "$store/images/blobs/sha256"
        cp "$1" "$store/images/blobs/sha256/$hex"
        printf '"digest":"sha256:%s","size":%d' "$hex" "$(stat -c %s "$1")"
}

# image_make NAME CONFIG LAYER...: an image of these layers, the lowest first. CONFIG is the member
# "config" of its configuration; ARCHITECTURE may be set. Prints its id.
image_make() {
        local name=$1 config=$2 dir hex ids='' layers='' about
        shift 2
        mkdir -p "$store/images/blobs/sha256" "$store/tmp"
        for dir; do
                hex=${dir%/fs}
                hex=${hex##*/}
                layers+=",{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:$hex\",\"size\":1}"
                ids+=",\"sha256:$hex\""
        done
        printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
                "${ARCHITECTURE:-$(go_architecture)}" "$config" "${ids#,}" >"$box/config.json"
        about=$(image_blob "$box/config.json")
        printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},"layers":[%s]}' \
                "$about" "${layers#,}" >"$box/manifest.json"
        [ -e "$store/images/index.json" ] ||
                echo '{"schemaVersion":2,"manifests":[]}' >"$store/images/index.json"
        echo '{"imageLayoutVersion":"1.0.0"}' >"$store/images/oci-layout"
        jq -c --arg name "$name" --argjson image "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",$(image_blob "$box/manifest.json")}" \
                '.manifests += [$image + {annotations: {"org.opencontainers.image.ref.name": $name}}]' \
                "$store/images/index.json" >"$box/index.json"
        mv "$box/index.json" "$store/images/index.json"
        jq -nr "{$about} | .digest"
}

# image_simple CONFIG: an image t of one layer, $layer, with busybox in it and what $FILL does there; its id is $id.
image_simple() {
        layer=$(image_layer)
        image_busybox "$layer"
        [ -z "${FILL:-}" ] || (cd "$layer" && eval "$FILL")
        id=$(image_make docker.io/library/t:latest "$1" "$layer")
}

go_architecture() {
        case $(uname -m) in
        x86_64) echo amd64 ;;
        aarch64) echo arm64 ;;
        *) uname -m ;;
        esac
}
