/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

/* Theory of operation: the state is ours to write and never to read back (a container's state is
 * its journal), so it has no table; the order is runc's, which scripts have come to know. */

static void state_put(struct json_writer *w, const char *name, const char *value)
{
        if (value)
                json_put_string(w, name, value);
}

void spec_state_encode(const struct spec_state *state, unsigned indent, struct text *out)
{
        struct json_writer w = { .out = out, .indent = indent };

        json_open_object(&w, NULL);
        state_put(&w, "ociVersion", state->oci_version ? state->oci_version : SPEC_VERSION);
        state_put(&w, "id", state->id);
        json_put_i64(&w, "pid", state->pid);
        state_put(&w, "status", state->status);
        state_put(&w, "bundle", state->bundle);
        state_put(&w, "rootfs", state->rootfs);
        state_put(&w, "created", state->created);
        if (state->annotations.n) {
                json_open_object(&w, "annotations");
                for (size_t i = 0; i < state->annotations.n; i++)
                        json_put_string(
                                &w, state->annotations.items[i].key,
                                state->annotations.items[i].value);
                json_close_object(&w);
        }
        state_put(&w, "owner", state->owner);
        json_close_object(&w);
}
