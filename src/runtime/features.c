/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what this runtime knows, as the features structure (features.md).
 *
 * Written from the tables that the decoder and the compiler read a document by, so it cannot promise
 * a word that they would refuse. It is about husk and not about the host, as the specification has
 * it, but for one list: seccomp's supportedFlags are those that this kernel takes. What has no table
 * is said here in words; tests hold each of them against what a document with it becomes. */
#include "compile/compile.h"

#include <ctype.h>

static void put_words(struct json_writer *w, const char *name, const struct spec_texts *words)
{
        json_open_array(w, name);
        for (size_t i = 0; i < words->n; i++)
                json_put_string(w, NULL, words->items[i]);
        json_close_array(w);
}

static void put_known(
        struct json_writer *w, struct arena *arena, const char *name, const char *path)
{
        struct spec_texts words = spec_known(arena, path);

        put_words(w, name, &words);
}

static void put_names(struct json_writer *w, const char *name, const char *(*name_of)(size_t))
{
        json_open_array(w, name);
        for (size_t i = 0; name_of(i); i++)
                json_put_string(w, NULL, name_of(i));
        json_close_array(w);
}

static void put_capabilities(struct json_writer *w)
{
        json_open_array(w, "capabilities");
        for (unsigned n = 0; caps_name(n); n++) {
                char name[64];

                text_format(name, sizeof name, "CAP_%s", caps_name(n));
                for (char *at = name; *at; at++)
                        *at = (char)toupper((unsigned char)*at);
                json_put_string(w, NULL, name);
        }
        json_close_array(w);
}

static void put_cgroup(struct json_writer *w)
{
        json_open_object(w, "cgroup");
        json_put_bool(w, "v1", true);
        json_put_bool(w, "v2", true);
        json_put_bool(w, "systemd", true);
        json_put_bool(w, "systemdUser", true);
        json_put_bool(w, "rdma", true);
        json_close_object(w);
}

static void put_seccomp(struct json_writer *w)
{
        const char *name;
        unsigned flag;

        json_open_object(w, "seccomp");
        json_put_bool(w, "enabled", true);
        put_names(w, "actions", seccomp_action_name);
        put_names(w, "operators", seccomp_compare_name);
        put_names(w, "archs", seccomp_architecture_name);
        put_names(w, "knownFlags", seccomp_flag_name);
        json_open_array(w, "supportedFlags");
        for (size_t i = 0; (name = seccomp_flag_name(i)); i++)
                if (seccomp_flag(name, &flag) == 0 && process_has_seccomp_flag(flag))
                        json_put_string(w, NULL, name);
        json_close_array(w);
        json_close_object(w);
}

static void put_enabled(struct json_writer *w, const char *name)
{
        json_open_object(w, name);
        json_put_bool(w, "enabled", true);
        json_close_object(w);
}

static void put_linux(struct json_writer *w, struct arena *arena)
{
        json_open_object(w, "linux");
        put_known(w, arena, "namespaces", "linux/namespaces/type");
        put_capabilities(w);
        put_cgroup(w);
        put_seccomp(w);
        put_enabled(w, "apparmor");
        put_enabled(w, "selinux");
        json_open_object(w, "memoryPolicy");
        put_known(w, arena, "modes", "linux/memoryPolicy/mode");
        put_known(w, arena, "flags", "linux/memoryPolicy/flags");
        json_close_object(w);
        json_open_object(w, "intelRdt");
        json_put_bool(w, "enabled", true);
        json_put_bool(w, "schemata", true);
        json_put_bool(w, "monitoring", true);
        json_close_object(w);
        json_open_object(w, "mountExtensions");
        put_enabled(w, "idmap");
        json_close_object(w);
        put_enabled(w, "netDevices");
        json_close_object(w);
}

void runtime_features(struct arena *arena, const char *version, struct text *out)
{
        struct json_writer w = { .out = out, .indent = 2 };
        struct spec_texts annotations = { (const char **)(uintptr_t)compile_annotations,
                                          ANNOTATIONS };

        json_open_object(&w, NULL);
        json_put_string(&w, "ociVersionMin", SPEC_VERSION_MIN);
        json_put_string(&w, "ociVersionMax", SPEC_VERSION);
        put_known(&w, arena, "hooks", "hooks");
        mount_options_encode(&w, "mountOptions");
        put_linux(&w, arena);
        json_open_object(&w, "annotations");
        json_put_string(&w, "dev.husk.version", version);
        /* As runc and crun have it: there are these commands. criu is looked for when one is given. */
        json_put_string(&w, "org.opencontainers.runc.checkpoint.enabled", "true");
        json_close_object(&w);
        put_words(&w, "potentiallyUnsafeConfigAnnotations", &annotations);
        json_close_object(&w);
        text_add_char(out, '\n');
}
