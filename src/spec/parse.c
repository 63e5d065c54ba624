/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: bytes to JSON to structs, and after that the few rules of the specification
 * that no table can say: the version, and the lists in which a type stands once at most. Rules that
 * tie members to what the runtime does with them (cwd absolute, mappings with a user namespace)
 * belong to the plan's compiler. */

static int parse_json(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct json **ret_root)
{
        if (size > SPEC_SIZE_MAX)
                return trail(
                        -EFBIG, "%s: %zu bytes are too many, at most %zu (16 MiB) are read", name,
                        size, SPEC_SIZE_MAX);
        return json_parse(arena, name, bytes, size, ret_root);
}

/* A number without a leading zero; 0 digits is none. */
static const char *semver_number(const char *at)
{
        if (at && *at == '0')
                return at + 1;
        if (!at || *at < '1' || *at > '9')
                return NULL;
        return at + strspn(at, "0123456789");
}

static const char *semver_dot(const char *at)
{
        return at && *at == '.' ? at + 1 : NULL;
}

/* Identifiers with dots between them; in a pre-release a number has no leading zero. */
static const char *semver_identifiers(const char *at, bool numbers)
{
        static const char digits[] = "0123456789";
        static const char words[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";

        for (;; at++) {
                size_t size = strspn(at, words);

                if (!size || (numbers && size > 1 && *at == '0' && strspn(at, digits) == size))
                        return NULL;
                at += size;
                if (*at != '.')
                        return at;
        }
}

/* MAJOR.MINOR.PATCH[-pre][+build] (semver.org 2.0.0). */
static bool is_semver(const char *version)
{
        const char *at =
                semver_number(semver_dot(semver_number(semver_dot(semver_number(version)))));

        if (at && *at == '-')
                at = semver_identifiers(at + 1, true);
        if (at && *at == '+')
                at = semver_identifiers(at + 1, false);
        return at && !*at;
}

static int check_version(struct arena *arena, const char *name, const struct spec *spec)
{
        const struct json *at = json_member(spec->at, "ociVersion");
        struct text version = { .arena = arena };

        text_add_visible(&version, spec->oci_version);
        if (!is_semver(spec->oci_version))
                return spec_error(
                        at, name, "/ociVersion",
                        "expected a version like " SPEC_VERSION ", found '%s'",
                        text_string(&version));
        if (!text_starts(spec->oci_version, "1."))
                return spec_error(
                        at, name, "/ociVersion", "version '%s' is not supported, expected 1.x",
                        text_string(&version));
        return 0;
}

static int check_once(
        const char *name, const struct json *at, const char *pointer, const char *type)
{
        return spec_error(at, name, pointer, "a second entry of type '%s'", type);
}

/* config.md, "POSIX process": duplicated rlimits are an error. */
static int check_rlimits(
        struct arena *arena, const char *name, const char *pointer,
        const struct spec_process *process)
{
        const struct spec_rlimit_list *list = &process->rlimits;

        for (size_t i = 1; i < list->n; i++)
                for (size_t j = 0; j < i; j++)
                        if (text_equal(list->items[i].type, list->items[j].type))
                                return check_once(
                                        name, list->items[i].at,
                                        arena_format(arena, "%s/rlimits/%zu", pointer, i),
                                        list->items[i].type);
        return 0;
}

/* config-linux.md, "Namespaces": duplicated types are an error. */
static int check_namespaces(struct arena *arena, const char *name, const struct spec_linux *linux_)
{
        const struct spec_namespace_list *list = &linux_->namespaces;

        for (size_t i = 1; i < list->n; i++)
                for (size_t j = 0; j < i; j++)
                        if (text_equal(list->items[i].type, list->items[j].type))
                                return check_once(
                                        name, list->items[i].at,
                                        arena_format(arena, "/linux/namespaces/%zu", i),
                                        list->items[i].type);
        return 0;
}

/* config-linux.md, "Huge page limits": the size becomes part of a file's name, so it must be one. */
static bool is_page_size(const char *size)
{
        const size_t digits = strspn(size, "0123456789");

        return digits && *size != '0' && strchr("KMG", size[digits]) && size[digits] &&
               text_equal(size + digits + 1, "B");
}

static int check_resources(
        struct arena *arena, const char *name, const char *pointer,
        const struct spec_resources *resources)
{
        const struct spec_hugepage_limit_list *list = &resources->hugepage_limits;

        for (size_t i = 0; i < list->n; i++) {
                struct text size = { .arena = arena };

                if (is_page_size(list->items[i].page_size))
                        continue;
                text_add_visible(&size, list->items[i].page_size);
                return spec_error(
                        list->items[i].at, name,
                        arena_format(arena, "%s/hugepageLimits/%zu", pointer, i),
                        "expected a pageSize like 64KB, 2MB or 1GB, found '%s'",
                        text_string(&size));
        }
        return 0;
}

static int check_linux(struct arena *arena, const char *name, const struct spec_linux *linux_)
{
        int r = check_namespaces(arena, name, linux_);

        if (r < 0 || !linux_->resources)
                return r;
        return check_resources(arena, name, "/linux/resources", linux_->resources);
}

/* config.md, "Annotations". */
static int check_annotations(const char *name, const struct spec *spec)
{
        for (size_t i = 0; i < spec->annotations.n; i++)
                if (!*spec->annotations.items[i].key)
                        return spec_error(
                                json_member(spec->at, "annotations"), name, "/annotations",
                                "a key must not be empty");
        return 0;
}

int spec_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec **ret_spec)
{
        struct spec *spec = arena_new(arena, struct spec);
        const struct json *root = NULL;
        int r;

        r = parse_json(arena, name, bytes, size, &root);
        if (r < 0)
                return r;
        r = spec_decode(arena, name, root, object_of_spec(), spec);
        if (r < 0)
                return r;
        r = check_version(arena, name, spec);
        if (r == 0)
                r = check_annotations(name, spec);
        if (r < 0)
                return r;
        if (spec->process && (r = check_rlimits(arena, name, "/process", spec->process)) < 0)
                return r;
        if (spec->linux_ && (r = check_linux(arena, name, spec->linux_)) < 0)
                return r;
        *ret_spec = spec;
        return 0;
}

int spec_parse_process(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec_process **ret_process)
{
        struct spec_process *process = arena_new(arena, struct spec_process);
        const struct json *root = NULL;
        int r;

        r = parse_json(arena, name, bytes, size, &root);
        if (r < 0)
                return r;
        r = spec_decode(arena, name, root, object_of_spec_process(), process);
        if (r < 0)
                return r;
        r = check_rlimits(arena, name, "", process);
        if (r < 0)
                return r;
        *ret_process = process;
        return 0;
}

int spec_parse_mounts(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        struct spec_mounts *ret_mounts)
{
        struct spec_mounts mounts = { .pointer = "" };
        const struct json *root, *member;
        int r;

        r = parse_json(arena, name, bytes, size, &root);
        if (r < 0)
                return r;
        member = json_member(root, "mounts");
        if (member) {
                mounts.pointer = "/mounts";
                r = spec_decode_list(
                        arena, name, member, "mounts", object_of_spec_mount(), &mounts.list);
        } else if (root->kind == JSON_ARRAY) {
                r = spec_decode_list(arena, name, root, NULL, object_of_spec_mount(), &mounts.list);
        } else {
                mounts.pointer = NULL;
                mounts.list.items = arena_new(arena, struct spec_mount);
                mounts.list.n = 1;
                r = spec_decode(arena, name, root, object_of_spec_mount(), &mounts.list.items[0]);
        }
        if (r < 0)
                return r;
        if (mounts.list.n == 0)
                return trail(-EINVAL, "%s: no mount in it", name);
        *ret_mounts = mounts;
        return 0;
}

int spec_parse_resources(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec_resources **ret_resources)
{
        struct spec_resources *resources = arena_new(arena, struct spec_resources);
        const struct json *root = NULL;
        int r;

        r = parse_json(arena, name, bytes, size, &root);
        if (r < 0)
                return r;
        r = spec_decode(arena, name, root, object_of_spec_resources(), resources);
        if (r < 0)
                return r;
        r = check_resources(arena, name, "", resources);
        if (r < 0)
                return r;
        *ret_resources = resources;
        return 0;
}
