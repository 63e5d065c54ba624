# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
# A user in front of a terminal, played by script(1). Needs engine_helper.

# The command in a terminal, keys from descriptor 7; $screen is what the user sees.
open_terminal() {
        screen=$box/screen
        mkfifo "$box/keys"
        : >"$screen"
        cat >"$box/job" <<'JOB'
tty >"$box/tty"
stty rows 30 cols 100
stty -a >"$box/before"
timeout --foreground 60 "$husk" "${flags[@]}" "$@"
echo "status $?"
stty -a >"$box/after"
JOB
        declare -p husk flags box >"$box/words"
        printf '. %q; set -- %s\n' "$box/words" "$(printf '%q ' "$@")" | cat - "$box/job" >"$box/script"
        SHELL=/bin/bash script -qefc "bash $(printf %q "$box/script")" /dev/null \
                <"$box/keys" >"$screen" 2>&1 3>&- 7>&- &
        terminal=$!
        exec 7>"$box/keys"
}

close_terminal() {
        await grep -q '^status' "$screen" || { cat -v "$screen" && return 1; }
        exec 7>&-
        await gone "$terminal"
}

shows() { await grep -q -- "$1" "$screen" || { cat -v "$screen" && return 1; }; }
