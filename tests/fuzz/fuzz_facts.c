/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what the kernel says in files of text: /proc/PID/cgroup, also of a restored process against
 * what it is to be, and mountinfo; and facts as a document, which must come back as they were written. The first byte
 * chooses. */
#include "engine/store.h"
#include "linux/linux.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void parse_document(struct arena *arena, const char *text, size_t size)
{
        struct text once = { .arena = arena }, twice = { .arena = arena };
        struct facts facts;

        if (facts_parse(arena, "fuzz", text, size, &facts) < 0)
                return;
        facts_encode(&facts, &once);
        if (facts_parse(arena, "again", once.data, once.len, &facts) < 0)
                __builtin_trap();
        facts_encode(&facts, &twice);
        if (!text_equal(text_string(&once), text_string(&twice)))
                __builtin_trap();
}

/* The next of the texts with a NUL between. */
static const char *behind(const char *text, const char *end)
{
        text += strlen(text);
        return text < end ? text + 1 : text;
}

/* Three lists of cgroups: what is outside is a line of the first. */
static void look_at_places(const char *list, const char *end)
{
        const char *place = behind(list, end);
        const char *found = cgroups_outside(list, place, behind(place, end));

        if (found &&
            (found < list || found >= list + strlen(list) || (found > list && found[-1] != '\n')))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct runtime_overlay *overlays;
        struct facts facts = { 0 };
        char *text;
        size_t n;

        if (!size)
                return 0;
        trail_reset();
        text = arena_copy(&arena, (const char *)bytes + 1, size - 1);
        if (bytes[0] == 'c') {
                facts_parse_cgroups(&arena, text, &facts);
                for (size_t i = 0; i < facts.n_v1; i++)
                        if (!facts.v1[i].mount || !facts.v1[i].names || !facts.v1[i].own)
                                __builtin_trap();
        } else if (bytes[0] == 'm') {
                host_parse_mounts(&arena, "/state", text, &overlays, &n);
                for (size_t i = 0; i < n; i++)
                        if (overlays[i].lower.n != 1 || overlays[i].lower.items[0][0] != '/')
                                __builtin_trap();
        } else if (bytes[0] == 'p') {
                look_at_places(text, text + size - 1);
        } else {
                parse_document(&arena, text, size - 1);
        }
        return 0;
}
