/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <string.h>

/* Theory of operation: words are cut from behind (digest, tag) and from the front (registry), and each
 * piece is held against its grammar. What passes holds no byte that means something to a path or a URL:
 * no "..", no empty part, no percent sign. */

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum {
        NAME_MAX_BYTES = 255,
        TAG_MAX_BYTES = 128,
};

static int refuse(struct arena *arena, const char *words, const char *what)
{
        struct text seen = { .arena = arena };

        text_add_visible(&seen, words);
        trail_hint(
                "a name is [REGISTRY/]NAME[:TAG][@DIGEST], such as localhost:5000/tools/web:1.2");
        return trail(-EINVAL, "'%.300s' is no name of an image: %s", text_string(&seen), what);
}

/* -- grammar ---------------------------------------------------------------------------------------- */

/* alnum, with '.', '_', "__" or any number of '-' between two. */
static bool is_component(const char *at, size_t size)
{
        const char *end = at + size;

        for (;;) {
                size_t word = strspn(at, LOWER DIGITS), dashes;

                if (word > (size_t)(end - at))
                        word = (size_t)(end - at);
                if (!word)
                        return false;
                at += word;
                if (at == end)
                        return true;
                dashes = strspn(at, "-");
                if (dashes)
                        at += dashes;
                else if (*at == '.')
                        at++;
                else if (*at == '_')
                        at += at[1] == '_' ? 2 : 1;
                else
                        return false;
                if (at >= end)
                        return false;
        }
}

static bool is_repository(const char *repository)
{
        for (const char *at = repository;;) {
                size_t size = strcspn(at, "/");

                if (!is_component(at, size))
                        return false;
                at += size;
                if (!*at++)
                        return true;
        }
}

static bool is_tag(const char *tag)
{
        return *tag && strspn(tag, LOWER UPPER DIGITS "_.-") == strlen(tag) && *tag != '.' &&
             *tag != '-' && strlen(tag) <= TAG_MAX_BYTES;
}

static bool is_port(const char *port)
{
        uint64_t number;

        return text_u64(port, &number) == 0 && number >= 1 && number <= 65535;
}

/* Words of letters, digits and inner dashes, with dots between them. */
static bool is_host(const char *host, size_t size)
{
        const char *end = host + size;

        for (const char *at = host;; at++) {
                size_t word = strspn(at, LOWER UPPER DIGITS "-");

                if (word > (size_t)(end - at))
                        word = (size_t)(end - at);
                if (!word || at[0] == '-' || at[word - 1] == '-')
                        return false;
                at += word;
                if (at == end)
                        return true;
                if (*at != '.')
                        return false;
        }
}

static bool is_registry(const char *registry)
{
        size_t size;

        if (*registry == '[') {
                size = strcspn(registry, "]");
                if (size < 3 || strspn(registry + 1, DIGITS "abcdefABCDEF:") != size - 1 ||
                    !registry[size])
                        return false;
                size++;
        } else {
                size = strcspn(registry, ":");
                if (!is_host(registry, size))
                        return false;
        }
        return !registry[size] || (registry[size] == ':' && is_port(registry + size + 1));
}

/* -- parts ------------------------------------------------------------------------------------------ */

/* Is the first part of a name with a slash behind it a registry's? */
static bool names_registry(const char *part)
{
        return strpbrk(part, ".:" UPPER) || text_equal(part, "localhost");
}

static void split_registry(struct arena *arena, char *name, struct image_reference *reference)
{
        char *slash = strchr(name, '/');

        reference->registry = IMAGE_DEFAULT_REGISTRY;
        reference->repository = name;
        if (slash) {
                const char *first = arena_copy(arena, name, (size_t)(slash - name));

                if (names_registry(first)) {
                        reference->registry = first;
                        reference->repository = slash + 1;
                }
        }
        /* The old name of the same place. */
        if (text_equal(reference->registry, "index.docker.io"))
                reference->registry = IMAGE_DEFAULT_REGISTRY;
        if (text_equal(reference->registry, IMAGE_DEFAULT_REGISTRY) &&
            !strchr(reference->repository, '/'))
                reference->repository =
                        arena_format(arena, IMAGE_DEFAULT_NAMESPACE "/%s", reference->repository);
}

static int check_parts(
        struct arena *arena, const char *words, const struct image_reference *reference)
{
        if (!is_registry(reference->registry))
                return refuse(arena, words, "what is before the first slash is no registry");
        if (strpbrk(reference->repository, UPPER))
                return refuse(arena, words, "capital letters are for registries and tags");
        if (!is_repository(reference->repository))
                return refuse(
                        arena, words,
                        "parts of a name are small letters and digits, with '.', '_' or '-' "
                        "between them");
        if (strlen(reference->registry) + 1 + strlen(reference->repository) > NAME_MAX_BYTES)
                return refuse(arena, words, "it is longer than 255 bytes");
        if (reference->tag && !is_tag(reference->tag))
                return refuse(
                        arena, words,
                        "a tag is at most 128 letters, digits, '_', '.' or '-', and begins with "
                        "none of the last two");
        if (reference->digest && image_digest_check(reference->digest) == -EOPNOTSUPP)
                return refuse(arena, words, "only sha256 digests are supported");
        if (reference->digest && image_digest_check(reference->digest) < 0)
                return refuse(arena, words, "a digest is sha256: and 64 small hexadecimal digits");
        return 0;
}

int image_reference_parse(
        struct arena *arena, const char *words, struct image_reference *ret_reference)
{
        struct image_reference reference = { 0 };
        char *name = arena_string(arena, words), *at, *colon, *slash;

        if (strlen(words) == 64 && strspn(words, DIGITS "abcdef") == 64)
                return refuse(arena, words, "64 hexadecimal digits are an image's id");
        at = strchr(name, '@');
        if (at) {
                *at = '\0';
                reference.digest = at + 1;
        }
        colon = strrchr(name, ':');
        slash = strrchr(name, '/');
        if (colon && (!slash || colon > slash)) {
                *colon = '\0';
                reference.tag = colon + 1;
        }
        if (!*name)
                return refuse(arena, words, "there is nothing before the tag or digest");
        split_registry(arena, name, &reference);
        if (check_parts(arena, words, &reference) < 0)
                return -EINVAL;
        *ret_reference = reference;
        return 0;
}

/* -- words ------------------------------------------------------------------------------------------ */

const char *image_reference_tag(const struct image_reference *reference)
{
        return reference->tag || reference->digest ? reference->tag : IMAGE_DEFAULT_TAG;
}

static const char *with_version(
        struct arena *arena, const char *name, const struct image_reference *reference)
{
        const char *tag = image_reference_tag(reference), *digest = reference->digest;

        return arena_format(
                arena, "%s%s%s%s%s", name, tag ? ":" : "", tag ? tag : "", digest ? "@" : "",
                digest ? digest : "");
}

const char *image_reference_full(struct arena *arena, const struct image_reference *reference)
{
        return with_version(
                arena, arena_format(arena, "%s/%s", reference->registry, reference->repository),
                reference);
}

const char *image_reference_short(struct arena *arena, const struct image_reference *reference)
{
        static const char library[] = IMAGE_DEFAULT_NAMESPACE "/";
        const char *name = reference->repository;

        if (!text_equal(reference->registry, IMAGE_DEFAULT_REGISTRY))
                return image_reference_full(arena, reference);
        if (text_starts(name, library) && !strchr(name + strlen(library), '/'))
                name += strlen(library);
        /* "docker.io/a.b/c" must not become "a.b/c", which is a registry's. */
        if (strchr(name, '/') && names_registry(arena_copy(arena, name, strcspn(name, "/"))))
                return image_reference_full(arena, reference);
        return with_version(arena, name, reference);
}

bool image_reference_is_local(const struct image_reference *reference)
{
        const char *registry = reference->registry;
        const size_t size = *registry == '[' ? strcspn(registry, "]") + 1 : strcspn(registry, ":");
        char host[NAME_MAX_BYTES + 1];

        text_format(host, sizeof host, "%.*s", (int)size, registry);
        return text_equal(host, "localhost") || text_equal(host, "[::1]") ||
               (text_starts(host, "127.") && strspn(host, DIGITS ".") == strlen(host));
}
