#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The weak control itself (tests/attacks): it leaves out what it is told to, says when it is told what
# it does not know, and with nothing left out it is husk.
load ../attacks/attack

setup() { begin_attack; }
teardown() { finish; }

# A file that a mask hides.
sees_masked() {
        mkdir -p "$BUNDLE/rootfs/secret"
        echo open >"$BUNDLE/rootfs/secret/file"
        config '.linux.maskedPaths = ["/secret", "/tmp"]'
        script 'cat /secret/file 2>/dev/null || echo hidden'
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = open ] || { [ "$output" = hidden ] && return 1 || return 2; }
}

@test "the weak control: an operation, by its name, its actor and its number" {
        immune sees_masked
        weak mask_path sees_masked
        weak init:mask_path sees_masked
        weak verify,mask_path@1 sees_masked
        still_immune host:mask_path sees_masked
        still_immune mask_path@2 sees_masked
        still_immune '' sees_masked
}

@test "the weak control: a protection that it does not know is an error" {
        for word in mask_paths in-root init:in_root host: @1; do
                HUSK_WEAK=verify,$word run -125 --separate-stderr "$WEAK" --version
                [ "$stderr" = "weak: HUSK_WEAK: there is no $word" ]
        done
        HUSK_WEAK=in_root,strict,one_mount,magic,seal_executable,dumpable,close_range,inside,verify,destination,null,exec@3 \
                run -0 "$WEAK" --version
}

@test "the weak control: what a victim's state tells" {
        victim_is_whole
        local change
        for change in 'touch "$VICTIM/new"' 'chmod 640 "$VICTIM/file"' 'echo x >>"$VICTIM/directory/file"' \
                'ln "$VICTIM/file" "$BUNDLE/link"' 'rm "$VICTIM/link"' 'chown 1 "$VICTIM/pipe"' \
                'touch -h "$VICTIM/link"' 'mkdir "$VICTIM/directory/deeper/directory"' \
                'rm "$VICTIM/null"; mkfifo "$VICTIM/null"'; do
                fresh
                victim_is_whole
                eval "$change"
                run ! victim_is_whole
        done
}
