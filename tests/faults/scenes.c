/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the commands of the sweep, and what makes them right.
 *
 * Each is run once without a fault; what the container's program (tests/probe.c) reports of its
 * namespaces, mounts, capabilities, limits and filters is then what it has to report whenever the
 * command says that it has succeeded. A fault may cost the command, but never a protection. */
#include "calls.h"

#define RUN_D "run --detach --bundle BUNDLE ID"
/* The store is whole as it is, what is said of its size is true, and the next command finds its way. */
#define WHOLE    "system check;DU;" SCENE_PULL ";system check;DU;prune --all"
#define OF_IMAGE SCENE_PULL ";create --name ID localhost/layout /one"
/* After an error the next of them tries again what the kernel does for an ordinary user. */
#define AGAIN  "?rm -f ID;create " SCENE_RUN_USER ";rm -f ID"
#define IMAGES "images --format {{.Repository}}:{{.Tag}}"

const struct scene scenes[] = {
        { "create", "plain", "create --bundle BUNDLE ID", .then = "start ID", .writes = true,
          .makes = true },
        { "run", "plain", "run --bundle BRIEF ID", .writes = true, .makes = true },
        { "run-d", "plain", RUN_D, .writes = true, .makes = true },
        { "run-user", "user", RUN_D, .writes = true, .makes = true },
        { "run-init", "init", RUN_D, .writes = true, .makes = true },
        { "start", "plain", "start ID", .before = "create --bundle BUNDLE ID", .writes = true },
        { "exec", "plain", "exec ID /bin/probe", .before = RUN_D, .stays = true, .writes = true },
        { "exec-d", "plain", "exec --detach ID /bin/probe", .before = RUN_D, .stays = true,
          .writes = true },
        { "kill", "plain", "kill ID KILL", .before = RUN_D, .look = "state ID", .want = "stopped" },
        { "delete", "plain", "delete --force ID", .before = RUN_D, .look = "list -q" },
        { "pause", "plain", "pause ID", .before = RUN_D, .look = "state ID" },
        { "resume", "plain", "resume ID", .before = RUN_D ";pause ID", .look = "state ID" },
        { "update", "plain", "update --pids-limit 77 --memory 50331648 ID", .before = RUN_D,
          .look = "exec ID /bin/probe limits" },
        { "state", "plain", "state ID", .before = RUN_D, .stays = true },
        { "list", "plain", "list -q", .before = RUN_D, .stays = true },
        { "husk-run", NULL, "run --rm " SCENE_RUN, .engine = true, .writes = true, .makes = true },
        { "husk-run-d", NULL, "run -d " SCENE_RUN " stay", .engine = true,
          .look = "exec ID /bin/probe", .makes = true, .mute = true },
        { "husk-create", NULL, "create " SCENE_RUN, .engine = true, .look = "start -a ID",
          .makes = true, .mute = true },
        { "husk-start", NULL, "start ID", .before = "create " SCENE_RUN " stay", .engine = true,
          .look = "exec ID /bin/probe" },
        { "husk-start-a", NULL, "start -a ID", .before = "create " SCENE_RUN, .engine = true,
          .writes = true },
        { "husk-exec", NULL, "exec ID /bin/probe", .before = "run -d " SCENE_RUN " stay",
          .engine = true, .stays = true, .writes = true },
        { "husk-kill", NULL, "kill ID", .before = "run -d " SCENE_RUN " stay", .engine = true,
          .look = "wait ID" },
        { "husk-stop", NULL, "stop ID", .before = "run -d --stop-signal KILL " SCENE_RUN " stay",
          .engine = true, .look = "wait ID" },
        { "husk-rm", NULL, "rm -f ID", .before = "run -d " SCENE_RUN " stay", .engine = true,
          .look = "ps -aq" },
        { "husk-ps", NULL, "ps -a --format {{.Names}}", .before = "run -d " SCENE_RUN " stay",
          .engine = true, .stays = true },
        { "husk-restart", NULL, "restart -t 0 ID", .before = "run -d " SCENE_RUN " stay",
          .engine = true, .look = "exec ID /bin/probe" },
        { "husk-rename", NULL, "rename ID renamed", .before = "create " SCENE_RUN, .engine = true,
          .look = "ps -a --format {{.Names}}", .want = "renamed",
          .after = "?rm -f ID;?rm -f renamed" },
        { "husk-pull", NULL, SCENE_PULL, .engine = true, .look = "images",
          .want = "localhost/layout", .after = WHOLE },
        { "husk-load", NULL, "load -q -i ARCHIVE", .engine = true, .look = "images",
          .want = "localhost/layout", .after = "system check;load -q -i ARCHIVE;" WHOLE },
        { "husk-rmi", NULL, "rmi localhost/layout", .before = SCENE_PULL, .engine = true,
          .look = "images", .after = WHOLE },
        { "husk-prune", NULL, "prune --all", .before = SCENE_PULL, .engine = true, .look = "images",
          .after = WHOLE },
        { "husk-commit", NULL, "commit ID made:1", .before = OF_IMAGE ";cp TREE ID:/new",
          .engine = true, .mute = true, .look = IMAGES, .want = "made:1",
          .after = "system check;DU;?rm -f ID;" WHOLE },
        { "husk-import", NULL, "import LAYER made:1", .engine = true, .mute = true, .look = IMAGES,
          .want = "made:1", .after = "system check;import LAYER made:1;" WHOLE },
        { "husk-build-host", NULL, "image build-host made:1 /bin/true", .engine = true,
          .mute = true, .look = IMAGES, .want = "made:1", .after = WHOLE },
        { "husk-repair", NULL, "system check --repair", .before = SCENE_PULL ";DAMAGE",
          .engine = true, .code = 1, .after = "?system check --repair;" SCENE_PULL ";" WHOLE },
        { "husk-cp-in", NULL, "cp TREE ID:/new", .before = OF_IMAGE, .engine = true,
          .look = "cp ID:/new -", .after = "?rm -f ID;" WHOLE },
        { "husk-cp-out", NULL, "cp -q ID:/two OUT", .before = OF_IMAGE ";cp ID:/two -",
          .engine = true, .file = true, .stays = true, .after = WHOLE },
        { "husk-export", NULL, "export -o OUT ID", .before = OF_IMAGE, .engine = true, .file = true,
          .whole = true, .stays = true, .after = WHOLE },
        { "husk-save", NULL, "save -o OUT localhost/layout", .before = OF_IMAGE, .engine = true,
          .file = true, .whole = true, .stays = true, .after = WHOLE },
        { "user-run", NULL, "run --rm " SCENE_RUN_USER, .engine = true, .user = true,
          .writes = true, .makes = true, .after = AGAIN },
        { "user-run-d", NULL, "run -d " SCENE_RUN_USER " stay", .engine = true, .user = true,
          .look = "exec ID /bin/probe", .makes = true, .mute = true, .after = AGAIN },
        { "user-trial", NULL, "create " SCENE_RUN_USER, .before = "DOUBT", .engine = true,
          .user = true, .look = "start -a ID", .mute = true, .after = AGAIN },
        { "user-fuse", NULL, "run --rm " SCENE_FUSE SCENE_RUN_USER, .engine = true, .user = true,
          .writes = true, .makes = true },
        { "user-fuse-exec", NULL, "exec ID /bin/probe",
          .before = "run -d " SCENE_FUSE SCENE_RUN_USER " stay", .engine = true, .user = true,
          .stays = true, .writes = true },
        { "user-fuse-rm", NULL, "rm -f ID", .before = "run -d " SCENE_FUSE SCENE_RUN_USER " stay",
          .engine = true, .user = true, .look = "ps -aq" },
};
const size_t scenes_n = ARRAY_SIZE(scenes);
