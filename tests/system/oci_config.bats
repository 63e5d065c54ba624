#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --config: a document that stands in for the bundle's.

load helper
setup() { begin; }
teardown() { finish; }

@test "run --config: another document, the bundle's root" {
        script 'echo of the bundle'
        jq '.process.args = ["/bin/echo", "of another"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/other.json"
        run -0 oci run --bundle "$BUNDLE" --config "$BATS_TEST_TMPDIR/other.json" "$WORD"
        [ "$output" = "of another" ]
        run -0 oci run --bundle "$BUNDLE" "$WORD"
        [ "$output" = "of the bundle" ]
}

@test "--config: a name is looked up where the caller is, and the bundle needs no document" {
        config '.process.args = ["sleep", "1000"]'
        mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/other.json"
        cd "$BATS_TEST_TMPDIR"
        oci create --bundle "$BUNDLE" -f other.json "$WORD" </dev/null >/dev/null 2>&1
        # From here on the journal has it.
        rm other.json
        oci start "$WORD"
        [ "$(oci state "$WORD" | jq -r '.status + " " + .bundle')" = "running $BUNDLE" ]
        run -0 oci exec "$WORD" /bin/echo inside
        [ "$output" = inside ]
}

@test "--config: errors name that document" {
        run -1 oci run --bundle "$BUNDLE" --config "$BATS_TEST_TMPDIR/none.json" "$WORD"
        [[ $output == *"cannot read $BATS_TEST_TMPDIR/none.json: "* ]]
        echo '{' >"$BATS_TEST_TMPDIR/torn.json"
        run -1 oci run --bundle "$BUNDLE" --config "$BATS_TEST_TMPDIR/torn.json" "$WORD"
        [[ $output == *"$BATS_TEST_TMPDIR/torn.json:2:1: "* ]]
        jq '.root.path = "nowhere"' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/rootless.json"
        run -1 oci run --bundle "$BUNDLE" --config "$BATS_TEST_TMPDIR/rootless.json" "$WORD"
        [[ $output == *"$BATS_TEST_TMPDIR/rootless.json:"*"/root/path: "* ]]
}
