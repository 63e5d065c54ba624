/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a seccomp profile from a file.
 *
 * What the file holds is config.json's /linux/seccomp, or docker's wider form of it, in which a rule
 * may be for some containers only (`includes`, `excludes`: capabilities, architectures, kernel
 * versions) and `archMap` says which architectures go with the machine's. An OCI document has no such
 * words, and a rule without its condition would allow what it should not: so they are resolved here,
 * for the one container that is made. */
#include "store.h"

#include <fcntl.h>

#if defined(__aarch64__)
#        define MACHINE      "arm64"
#        define ARCHITECTURE "SCMP_ARCH_AARCH64"
#else
#        define MACHINE      "amd64"
#        define ARCHITECTURE "SCMP_ARCH_X86_64"
#endif

struct situation {
        const char *path;
        const struct facts *facts;
        const struct spec_texts *bounding;
};

static const struct json *items_of(const struct json *object, const char *name)
{
        const struct json *list = json_member(object, name);

        return list && list->kind == JSON_ARRAY ? list : NULL;
}

static bool has_text(const struct json *list, const char *text)
{
        for (size_t i = 0; list && i < list->n; i++)
                if (text_equal(json_string(&list->items[i]), text))
                        return true;
        return false;
}

static bool may_have(const struct situation *s, const char *capability)
{
        for (size_t i = 0; i < s->bounding->n; i++)
                if (text_equal(s->bounding->items[i], capability))
                        return true;
        return false;
}

/* "4.8" or "4.8.3": is this kernel that or newer? 1, 0, or -EINVAL. */
static int kernel_fits(const struct situation *s, const struct json *version)
{
        const char *at = json_string(version);
        unsigned long numbers[2] = { 0 };

        for (int i = 0; i < 2; i++) {
                if (!at || *at < '0' || *at > '9')
                        return spec_error(
                                version, s->path, "minKernel", "is not a version like \"4.8\"");
                while (*at >= '0' && *at <= '9' && numbers[i] < 100000)
                        numbers[i] = numbers[i] * 10 + (unsigned long)(*at++ - '0');
                at += *at == '.';
        }
        return facts_kernel(s->facts, (unsigned)numbers[0], (unsigned)numbers[1]);
}

/* One of `includes` and `excludes`: each member that is there, `arches`, `caps`, `minKernel`, is a
 * test. Of the capabilities all must be there to be included (`all`), any to be excluded. */
static int group_holds(const struct situation *s, const struct json *group, bool all)
{
        const struct json *arches = items_of(group, "arches"), *caps = items_of(group, "caps");
        const struct json *version = json_member(group, "minKernel");
        size_t held = 0;
        int r;

        if (arches && arches->n && has_text(arches, MACHINE) != all)
                return !all;
        for (size_t i = 0; caps && i < caps->n; i++) {
                const char *name = json_string(&caps->items[i]);

                if (!name || caps_number(name) < 0)
                        return spec_error(
                                &caps->items[i], s->path, "caps", "'%s' is no capability",
                                name ? name : "");
                held += may_have(s, name);
        }
        if (caps && caps->n && (all ? held < caps->n : held > 0))
                return !all;
        if (version) {
                r = kernel_fits(s, version);
                if (r < 0)
                        return r;
                if ((r > 0) != all)
                        return !all;
        }
        return all;
}

/* Is a rule for this container? 1, 0, or -EINVAL. */
static int rule_applies(const struct situation *s, const struct spec_seccomp_syscall *rule)
{
        const struct json *excludes = json_member(rule->at, "excludes");
        const struct json *includes = json_member(rule->at, "includes");
        int r = excludes ? group_holds(s, excludes, false) : 0;

        if (r != 0)
                return r < 0 ? r : 0;
        return includes ? group_holds(s, includes, true) : 1;
}

/* The architectures that `archMap` gives this machine. */
static int map_architectures(
        struct arena *arena, const struct situation *s, struct spec_seccomp *profile)
{
        const struct json *map = items_of(profile->at, "archMap");

        if (!map)
                return 0;
        if (profile->architectures.n)
                return spec_error(
                        map, s->path, "archMap", "there are `architectures`, too: which counts?");
        for (size_t i = 0; i < map->n; i++) {
                const struct json *more = items_of(&map->items[i], "subArchitectures");
                const char *name = json_string(json_member(&map->items[i], "architecture"));
                struct spec_texts *to = &profile->architectures;

                if (!text_equal(name, ARCHITECTURE))
                        continue;
                to->items = arena_array(arena, (more ? more->n : 0) + 1, sizeof *to->items);
                to->items[to->n++] = name;
                for (size_t k = 0; more && k < more->n; k++) {
                        uint32_t architecture;

                        name = json_string(&more->items[k]);
                        if (!name || seccomp_architecture(name, &architecture) < 0)
                                return spec_error(
                                        &more->items[k], s->path, "archMap",
                                        "this is no architecture");
                        to->items[to->n++] = name;
                }
        }
        return 0;
}

static int resolve(struct arena *arena, const struct situation *s, struct spec_seccomp *profile)
{
        size_t n = 0;
        int r = map_architectures(arena, s, profile);

        for (size_t i = 0; r == 0 && i < profile->syscalls.n; i++) {
                int applies = rule_applies(s, &profile->syscalls.items[i]);

                if (applies < 0)
                        r = applies;
                else if (applies)
                        profile->syscalls.items[n++] = profile->syscalls.items[i];
        }
        profile->syscalls.n = n;
        return r;
}

int profile_read(
        struct arena *arena, const char *path, const struct facts *facts,
        const struct spec_texts *bounding, const struct spec_seccomp **ret_profile)
{
        const struct situation s = { path, facts, bounding };
        struct text file, text = { .arena = arena };
        struct spec_seccomp *profile;
        const struct json *alone;
        const struct spec *spec;
        int r = file_read(arena, AT_FDCWD, path, SPEC_SIZE_MAX / 2, &file);

        if (r < 0)
                return trail(r, "--security-opt seccomp=%s: %s", path, text_errno(r));
        /* By itself first: positions are the file's own then, and nothing else can hide in it. */
        r = json_parse(arena, path, text_string(&file), file.len, &alone);
        if (r < 0)
                return r;
        text_addf(
                &text, "{\"ociVersion\":\"" SPEC_VERSION "\",\"linux\":{\"seccomp\":%s}}",
                text_string(&file));
        r = spec_parse(arena, path, text_string(&text), text.len, &spec);
        if (r < 0)
                return r;
        if (!spec->linux_->seccomp)
                return trail(-EINVAL, "%s: this is no seccomp profile", path);
        profile = arena_new(arena, struct spec_seccomp);
        *profile = *spec->linux_->seccomp;
        r = resolve(arena, &s, profile);
        if (r == 0)
                *ret_profile = profile;
        return r;
}
