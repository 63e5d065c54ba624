/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a mount, sorted by whom they are for. */
#pragma once

#include "../runtime.h"

struct mount_options {
        uint64_t set, clear;         /* MOUNT_ATTR_*; win over the recursive ones at the top */
        uint64_t set_all, clear_all; /* the recursive forms, "rro" */
        PROPAGATION propagation;
        bool propagation_all;
        bool bind, recursive;
        bool idmap, idmap_all;
        bool copy_up, remount;
        const char *unheard; /* the last word that the kernel has no place for any more, or NULL */
        const char **super;  /* flags of the superblock, "sync"; n_super of them */
        size_t n_super;
        const char **data; /* what no table knows: the file system's own, "size=64k" */
        size_t n_data;
};

/* Never fails: what is not known is data. The strings are the words' own. */
void mount_options_parse(
        struct arena *arena, const struct spec_texts *words, struct mount_options *ret_options);
/* "rslave" and the like; PROPAGATE_UNCHANGED when it is no such word. */
PROPAGATION mount_options_propagation(const char *word, bool *ret_recursive);
/* Every word that is not data, as an array of strings: for `features`. */
void mount_options_encode(struct json_writer *w, const char *name);
