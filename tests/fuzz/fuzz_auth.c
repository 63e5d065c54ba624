/* SPDX-License-Identifier: Apache-2.0 */
/* Files of credentials and of registries, which may be anybody's: read, and what is found written as JSON. */
#include "linux/linux.h"
#include "place.h"
#include "registry/registry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        const char *path = arena_format(&arena, "%s/files/both.json", place_get("files"));
        const struct registry_files files = { .config = path, .auth = { path } };
        const struct registry_place what = { "a.io", "team/x" };
        const char *settings;
        const struct json *root;
        int r;

        trail_reset();
        /* A helper's name would be run, and a certificate's read. */
        if (memmem(bytes, size, "cred", 4) || memmem(bytes, size, "\"/", 2) ||
            memmem(bytes, size, "\\u", 2))
                return 0;
        place_write("files/both.json", bytes, size);
        r = registry_settings(&arena, &files, &what, NULL, &settings);
        if (r == 0 && json_parse(&arena, "settings", settings, strlen(settings), &root) < 0)
                abort();
        return 0;
}
