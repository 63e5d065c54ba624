/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: kill and delete, of one container or of all whose id a regular expression
 * matches. Of several, one that fails is told and the others go on. */
#include "oci.h"

#include <regex.h>

enum {
        PATIENCE_MS = 10000
};

struct each {
        const char *root;
        int (*one)(const void *request, const char *id);
        const void *request;
};

/* "^a" or "a|b": extended, as of regex(7), anywhere in the id. */
static int for_each_match(const struct each *each, const char *pattern)
{
        auto_arena arena = { 0 };
        const char **ids;
        char words[200];
        size_t n;
        regex_t regex;
        int failed = 0, r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

        if (r != 0) {
                regerror(r, &regex, words, sizeof words);
                return trail(-EINVAL, "'%s' is not a regular expression: %s", pattern, words);
        }
        r = container_list(&arena, each->root, &ids, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                int one;

                if (regexec(&regex, ids[i], 0, NULL, 0) != 0)
                        continue;
                one = each->one(each->request, ids[i]);
                if (one == 0)
                        continue;
                trail_warn("%s", trail_text());
                trail_reset();
                failed = one;
        }
        regfree(&regex);
        if (r == 0 && failed)
                return trail(failed, "not all of them: see above");
        return r;
}

static int kill_one(const void *data, const char *id)
{
        const struct oci_kill_request *request = data;
        auto_arena arena = { 0 };
        struct container container;
        int r = container_open(&arena, request->oci.root, id, false, &container);

        if (r < 0)
                return r;
        r = container_signal_all(&arena, &container, request->signal, request->all);
        if (r == -ESRCH && !*trail_text())
                trail(r, "container not running: '%s'", id);
        container_close(&container);
        return r;
}

int engine_oci_kill(const struct oci_kill_request *request)
{
        struct each each = { request->oci.root, kill_one, request };

        return request->regex ? for_each_match(&each, request->id) : kill_one(request, request->id);
}

static int delete_one(const void *data, const char *id)
{
        const struct oci_delete_request *request = data;
        auto_arena arena = { 0 };
        struct container container;
        int r;

        /* Before we wait for the lock: who has it may wait for a hook of this container. */
        if (request->force &&
            container_open(&arena, request->oci.root, id, false, &container) == 0) {
                auto_close process = NO_FD;

                r = container_check_own(&container, "change it");
                if (r == 0) {
                        process = container_process(&container);
                        if (container_signal(&container, 9) == 0 && process >= 0)
                                process_poll(process, PATIENCE_MS);
                }
                container_close(&container);
                if (r < 0)
                        return r; /* else it would be dead, and all that it leaves would stay */
        }
        trail_reset();
        r = container_open(&arena, request->oci.root, id, true, &container);
        if (r == -ENOENT && request->force) {
                trail_reset();
                return 0;
        }
        if (r == -EUCLEAN && request->force) {
                trail_reset();
                return container_discard(&arena, request->oci.root, id);
        }
        if (r < 0)
                return r;
        /* "creating" under the lock is a crash: whoever made it is gone. */
        if (container.status != CONTAINER_STOPPED && container.status != CONTAINER_CREATING &&
            !request->force) {
                trail_hint("stop it first, or use --force to kill it");
                r =
                        trail(-EBUSY, "container '%s' is %s", id,
                              container_status_word(container.status));
        } else {
                r = container_put_down(&arena, &container);
                if (r == 0)
                        r = container_remove(&arena, &container);
        }
        container_close(&container);
        if (r == -ENOTEMPTY && request->force) {
                trail_reset();
                return container_discard(&arena, request->oci.root, id);
        }
        return r;
}

int engine_oci_delete(const struct oci_delete_request *request)
{
        struct each each = { request->oci.root, delete_one, request };

        return request->regex ? for_each_match(&each, request->id)
                              : delete_one(request, request->id);
}
