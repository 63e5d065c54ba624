/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the script's mounts.
 *
 * The plan makes a mount detached, sets it up and attaches it; mount(8) does all of that in one or
 * two commands at the target. So the operations before `attach` only fill a slot, and those after
 * it change what is mounted already. A read-only mount of a new filesystem is said in two steps,
 * because `-o ro` would make the filesystem itself read-only, which mountinfo tells apart. */
#include "shell.h"

#include <string.h>

#include <linux/mount.h>

const char shell_functions[] =
        "# Refuse what leads out of the root; husk would resolve it inside. Where no step is a link,\n"
        "# nothing leads out.\n"
        "inside() {\n"
        "        at=$root below=${1#\"$root\"}\n"
        "        while [ \"$below\" ]; do\n"
        "                below=${below#/}\n"
        "                at=$at/${below%%/*}\n"
        "                case $at in */..) break ;; esac\n"
        "                [ ! -L \"$at\" ] || break\n"
        "                case $below in */*) below=/${below#*/} ;; *) below= ;; esac\n"
        "        done\n"
        "        [ \"$below\" ] || return 0\n"
        "        case $(realpath -m -- \"$1\") in\n"
        "        \"$root\" | \"${root%/}\"/*) ;;\n"
        "        *) echo \"$1 leads out of the root\" >&2; exit 125 ;;\n"
        "        esac\n"
        "}\n"
        "make_dir() { inside \"$1\"; [ -d \"$1\" ] || mkdir -p -- \"$1\"; }\n"
        "make_file() {\n"
        "        inside \"$1\"\n"
        "        [ -e \"$1\" ] || { mkdir -p -- \"${1%/*}\"; : >\"$1\"; }\n"
        "}\n"
        "make_like() {\n"
        "        if [ -d \"$1\" ]; then make_dir \"$2\"; else make_file \"$2\"; fi\n"
        "}\n"
        "# Options for a mount and all that is mounted below it, and not below what it covers.\n"
        "remount_all() {\n"
        "        path=$(realpath -- \"$1\")\n"
        "        table=$(cat /proc/self/mountinfo)\n"
        "        while read -r id parent device base target rest; do\n"
        "                case $target in *\\\\*) target=$(printf %b \"$target\") ;; esac\n"
        "                [ \"$target\" != \"$path\" ] || tree=\" $id \"\n"
        "        done <<TABLE\n"
        "$table\n"
        "TABLE\n"
        "        while read -r id parent device base target rest; do\n"
        "                case $tree in\n"
        "                *\" $id \"*) ;;\n"
        "                *\" $parent \"*) tree=\"$tree$id \" ;;\n"
        "                *) continue ;;\n"
        "                esac\n"
        "                case $target in *\\\\*) target=$(printf %b \"$target\") ;; esac\n"
        "                mount -o \"remount,bind,$2\" -- \"$target\" || exit 125\n"
        "        done <<TABLE\n"
        "$table\n"
        "TABLE\n"
        "}\n"
        "# A tmpfs on a directory, with what it covers copied into it.\n"
        "fill() {\n"
        "        whole=$1 at=$2\n"
        "        shift 2\n"
        "        exec 9<\"$at\"\n"
        "        \"$@\"\n"
        "        find /proc/self/fd/9/ -mindepth 1 -maxdepth 1 -exec cp -a -t \"$at\" {} +\n"
        "        if [ \"$whole\" = whole ]; then\n"
        "                chown --reference=/proc/self/fd/9/. \"$at\"\n"
        "                chmod --reference=/proc/self/fd/9/. \"$at\"\n"
        "                touch --reference=/proc/self/fd/9/. \"$at\"\n"
        "        fi\n"
        "        exec 9<&-\n"
        "}\n"
        "lock() {\n"
        "        inside \"$1\"\n"
        "        [ -e \"$1\" ] || return 0\n"
        "        mount --rbind \"$1\" \"$1\"\n"
        "        remount_all \"$1\" ro\n"
        "}\n";

static bool in_root(const char *words)
{
        return text_starts(words, "\"$root\"");
}

static void add_option(struct text *options, const char *option)
{
        if (options->len)
                text_add_char(options, ',');
        text_add(options, option);
}

/* The words of mount(8) for attributes to set and to clear. */
static const char *attr_options(struct shell *sh, ATTRS set, ATTRS clear)
{
        static const struct {
                uint64_t bit;
                const char *cleared;
        } words[] = {
                { MOUNT_ATTR_RDONLY, "rw" },           { MOUNT_ATTR_NOSUID, "suid" },
                { MOUNT_ATTR_NODEV, "dev" },           { MOUNT_ATTR_NOEXEC, "exec" },
                { MOUNT_ATTR_NODIRATIME, "diratime" }, { MOUNT_ATTR_NOSYMFOLLOW, "symfollow" },
        };
        struct text options = { .arena = sh->arena };
        const char *names[16];
        uint64_t rest;
        size_t n = attrs_names(set & ~(uint64_t)MOUNT_ATTR_IDMAP, names, ARRAY_SIZE(names), &rest);

        for (size_t i = 0; i < n; i++)
                add_option(&options, names[i]);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (clear & ~set & words[i].bit)
                        add_option(&options, words[i].cleared);
        if (clear & MOUNT_ATTR__ATIME && !(set & MOUNT_ATTR__ATIME))
                add_option(&options, "relatime");
        return text_string(&options);
}

static void put_propagation(struct shell *sh, PROPAGATION kind, bool recursive, const char *where)
{
        if (kind != PROPAGATE_UNCHANGED)
                shell_line(
                        sh, "mount --make-%s%s %s", recursive ? "r" : "", propagation_name(kind),
                        where);
}

static void put_attrs(struct shell *sh, const struct shell_slot *tree, const char *where)
{
        const char *options = attr_options(sh, tree->set, tree->clear);

        if (!*options)
                return;
        if (tree->recursive_set)
                shell_line(sh, "remount_all %s %s", where, options);
        else
                shell_line(sh, "mount -o remount,bind,%s %s", options, where);
}

/* The command that mounts; its attributes as far as they go with it. */
static const char *mount_command(struct shell *sh, const struct shell_slot *tree, const char *where)
{
        struct text options = { .arena = sh->arena };
        const char *attrs;

        if (!tree->type)
                return arena_format(
                        sh->arena, "mount --%sbind %s %s", tree->recursive ? "r" : "",
                        tree->source ? tree->source : "/nowhere", where);
        if (tree->server)
                return arena_format(sh->arena, "%s %s", tree->server, where);
        attrs = attr_options(sh, tree->set & ~(uint64_t)MOUNT_ATTR_RDONLY, 0);
        text_add(&options, text_string(&tree->options));
        if (*attrs)
                add_option(&options, attrs);
        return arena_format(
                sh->arena, "mount -t %s%s%s %s %s", tree->type, options.len ? " -o " : "",
                options.len ? shell_word(sh, text_string(&options)) : "",
                tree->source ? tree->source : "none", where);
}

/* What mount_command() could not say. */
static void put_rest(struct shell *sh, const struct shell_slot *tree, const char *where)
{
        if (!tree->type || tree->set & MOUNT_ATTR_RDONLY)
                put_attrs(sh, tree, where);
        put_propagation(sh, tree->propagation, tree->recursive_propagation, where);
        if (tree->set & MOUNT_ATTR_IDMAP)
                shell_cannot(sh, "set_mount", "mount(8) maps no ids here");
}

/* The command; for a tmpfs that is to be filled with what it covers in a function's hands. */
static void put_fill(struct shell *sh, const struct shell_slot *tree, const char *where)
{
        const char *command = mount_command(sh, tree, where);

        if (tree->fill)
                shell_line(
                        sh, "fill %s %s %s", tree->fill == FILL_WHOLE ? "whole" : "content", where,
                        command);
        else
                shell_line(sh, "%s", command);
}

static void put_mount(struct shell *sh, const struct shell_slot *tree, const char *where)
{
        const struct shell_slot *other = tree->other;

        if (!other) {
                put_fill(sh, tree, where);
                put_rest(sh, tree, where);
                return;
        }
        shell_line(sh, "if %s 2>/dev/null; then", mount_command(sh, tree, where));
        sh->indent += 8;
        shell_line(sh, ":");
        put_rest(sh, tree, where);
        sh->indent -= 8;
        shell_line(sh, "else");
        sh->indent += 8;
        shell_line(sh, "%s", mount_command(sh, other, where));
        put_rest(sh, other, where);
        sh->indent -= 8;
        shell_line(sh, "fi");
}

void shell_set_propagation(struct shell *sh, const struct op_set_propagation *o)
{
        bool root = sh->pivoted && text_equal(o->target, "/");

        put_propagation(sh, o->kind, !o->single, root ? "\"$root\"" : shell_word(sh, o->target));
}

void shell_open_fs(struct shell *sh, const struct op_open_fs *o)
{
        struct shell_slot *fs = shell_slot(sh, o->fs);

        *fs = (struct shell_slot){ .type = shell_word(sh, o->type) };
        fs->options.arena = sh->arena;
}

void shell_set_fs(struct shell *sh, const struct op_set_fs *o)
{
        struct shell_slot *fs = shell_slot(sh, o->fs);
        const char *quote = o->value && strchr(o->value, ',') ? "\"" : "";

        if (text_equal(o->key, "source") && o->value) {
                fs->source = shell_word(sh, o->value);
                return;
        }
        fs->options.arena = sh->arena;
        add_option(&fs->options, o->key);
        if (o->value)
                text_addf(&fs->options, "=%s%s%s", quote, o->value, quote);
}

void shell_set_fs_fd(struct shell *sh, const struct op_set_fs_fd *o)
{
        const struct shell_slot *layer = shell_slot(sh, o->fd);
        struct shell_slot *fs = shell_slot(sh, o->fs);
        const char *path = layer->where ? layer->where : layer->source;

        if (layer->set & MOUNT_ATTR_IDMAP)
                shell_cannot(sh, "set_fs_fd", "mount(8) maps no ids here");
        add_option(&fs->options, o->key);
        text_addf(&fs->options, "=%s", path ? path : "");
}

/* The program that waits for the next one of these mounts. Who is started by hand asks for /dev/fuse himself. */
void shell_serve_overlay(struct shell *sh, const struct op_serve_overlay *o)
{
        struct text options = { .arena = sh->arena };

        if (sh->n_served == ARRAY_SIZE(sh->served))
                return;
        text_add(&options, "lowerdir=");
        for (size_t i = 0; i < o->lower.n; i++)
                text_addf(&options, "%s%s", i ? ":" : "", o->lower.items[i]);
        text_addf(&options, ",upperdir=%s,workdir=%s", o->upper, o->work);
        sh->served[sh->n_served++] = arena_format(
                sh->arena, "%s -o %s", shell_word(sh, o->program),
                shell_word(sh, text_string(&options)));
}

void shell_open_fuse(struct shell *sh, const struct op_open_fuse *o)
{
        if (sh->n_mounted < sh->n_served)
                shell_slot(sh, o->fs)->server = sh->served[sh->n_mounted++];
}

void shell_make_mount(struct shell *sh, const struct op_make_mount *o)
{
        struct shell_slot *tree = shell_slot(sh, o->tree);

        *tree = *shell_slot(sh, o->fs);
        tree->set = o->attrs;
}

void shell_make_layered(struct shell *sh, const struct op_make_layered *o)
{
        struct shell_slot *tree = shell_slot(sh, o->tree);

        *tree = *shell_slot(sh, o->fs);
        tree->set = o->attrs;
        for (size_t i = 0; i < o->lower.n; i++) {
                if (i)
                        text_add_char(&tree->options, ':');
                else
                        add_option(&tree->options, "lowerdir=");
                text_add(&tree->options, o->lower.items[i]);
        }
}

static void change(struct shell_slot *tree, const struct op_set_mount *o)
{
        tree->set = (tree->set & ~o->clear) | o->set;
        tree->clear = (tree->clear | o->clear) & ~o->set;
        if (o->clear & MOUNT_ATTR__ATIME && !(o->set & MOUNT_ATTR__ATIME))
                tree->clear |= MOUNT_ATTR__ATIME;
        tree->recursive_set |= o->recursive != 0;
        if (o->propagation != PROPAGATE_UNCHANGED) {
                tree->propagation = o->propagation;
                tree->recursive_propagation = o->recursive != 0;
        }
}

void shell_clone_tree(struct shell *sh, const struct op_clone_tree *o)
{
        const struct shell_slot *dir = shell_slot(sh, o->dir);
        struct shell_slot *tree = shell_slot(sh, o->tree);

        *tree = (struct shell_slot){ .recursive = o->recursive != 0 };
        if (o->dir < 0)
                tree->source = shell_word(sh, o->path);
        else if (dir->where || *o->path)
                tree->source = shell_under(sh, o->dir, o->path);
        else
                *tree = *dir; /* a clone of what is not attached yet: the same again */
        if (o->set || o->clear || o->propagation != PROPAGATE_UNCHANGED)
                change(tree, &(struct op_set_mount){
                                     .set = o->set,
                                     .clear = o->clear,
                                     .propagation = o->propagation,
                                     .recursive = o->recursive,
                             });
}

/* A new one in its place: the rest of the script has what it needs. */
void shell_borrow_mount(struct shell *sh, const struct op_borrow_mount *o)
{
        struct shell_slot *tree = shell_slot(sh, o->tree);

        *tree = (struct shell_slot){
                .type = "tmpfs", .set = o->set, .clear = o->clear, .propagation = o->propagation
        };
        tree->options.arena = sh->arena;
        shell_cannot(
                sh, "borrow_mount",
                "mount(8) takes no mount out of another namespace: here it is a new one");
}

/* It needs a place here, which the script leaves behind. */
void shell_mount_image(struct shell *sh, const struct op_mount_image *o)
{
        const char *name = arena_format(sh->arena, "$image%d", (int)o->tree);

        shell_line(sh, "%s=$(mktemp -d)", name + 1);
        shell_line(sh, "mount -t erofs -o ro,nodev %s \"%s\"", shell_word(sh, o->path), name);
        *shell_slot(sh, o->tree) = (struct shell_slot){ .source = name };
}

void shell_set_mount(struct shell *sh, const struct op_set_mount *o)
{
        struct shell_slot *tree = shell_slot(sh, o->tree), now = { 0 };

        if (!tree->where) {
                change(tree, o);
                if (tree->other) {
                        struct shell_slot *other = arena_new(sh->arena, struct shell_slot);

                        *other = *tree->other;
                        change(other, o);
                        tree->other = other;
                }
                return;
        }
        change(&now, o);
        put_attrs(sh, &now, tree->where);
        put_propagation(sh, o->propagation, o->recursive != 0, tree->where);
}

/* Only its name is needed: map_mount says the rest. */
void shell_make_idmap(struct shell *sh, const struct op_make_idmap *o)
{
        (void)sh;
        (void)o;
}

void shell_map_mount(struct shell *sh, const struct op_map_mount *o)
{
        shell_slot(sh, o->tree)->set |= MOUNT_ATTR_IDMAP;
}

/* The owner would be one that only a mapped mount shows. */
void shell_copy_owner(struct shell *sh, const struct op_copy_owner *o)
{
        (void)o;
        shell_cannot(sh, "copy_owner", "mount(8) maps no ids here");
}

void shell_copy_up(struct shell *sh, const struct op_copy_up *o)
{
        shell_slot(sh, o->tree)->fill = o->whole ? FILL_WHOLE : FILL;
}

void shell_open_mount(struct shell *sh, const struct op_open_mount *o)
{
        *shell_slot(sh, o->tree) =
                (struct shell_slot){ .where = shell_under(sh, o->root, o->path) };
        shell_line(sh, "inside %s", shell_slot(sh, o->tree)->where);
}

void shell_remount(struct shell *sh, const struct op_remount *o)
{
        const struct shell_slot *tree = shell_slot(sh, o->tree);
        const char *options = attr_options(sh, o->attrs, o->clear);

        if (!tree->where)
                return;
        if (*options)
                shell_line(sh, "mount -o remount,bind,%s %s", options, tree->where);
        put_propagation(sh, o->propagation, o->recursive != 0, tree->where);
}

/* The target, made as the plan says. */
static void put_target(
        struct shell *sh, const struct shell_slot *tree, TARGET make, const char *where)
{
        switch (make) {
        case TARGET_EXISTS:
                shell_line(sh, "inside %s", where);
                break;
        case TARGET_DIRECTORY:
                shell_line(sh, "make_dir %s", where);
                break;
        case TARGET_FILE:
                shell_line(sh, "make_file %s", where);
                break;
        case TARGET_PLAIN_FILE:
                shell_line(sh, "[ ! -L %s ] || rm %s", where, where);
                shell_line(sh, "make_file %s", where);
                break;
        case TARGET_DIRECTORY_OR_FILE:
                if (tree->type)
                        shell_line(sh, "make_dir %s", where);
                else
                        shell_line(sh, "make_like %s %s", tree->source, where);
                break;
        }
}

void shell_attach(struct shell *sh, const struct op_attach *o)
{
        struct shell_slot *tree = shell_slot(sh, o->tree);
        const char *where = shell_under(sh, o->root, o->target);

        if (!tree->type && !tree->source) {
                shell_cannot(sh, "attach", "there is nothing to mount here");
                return;
        }
        if (o->tree == sh->root) {
                /* What is mounted there would hide the layers of the mounts that follow, which the plan
                 * has opened by then. */
                shell_line(sh, "root=$(realpath -- %s)%s", where, tree->type ? "/root" : "");
                if (tree->type)
                        shell_line(sh, "mkdir -p \"$root\" # stays when the script ends");
                where = "\"$root\"";
        } else if (in_root(where) && *o->target) {
                put_target(sh, tree, o->make, where);
        }
        put_mount(sh, tree, where);
        tree->where = where;
}

static void put_parents(struct shell *sh, int16_t dir, const char *path)
{
        const char *leaf = strrchr(path, '/');

        if (leaf && leaf != path)
                shell_line(
                        sh, "make_dir %s",
                        shell_under(sh, dir, arena_copy(sh->arena, path, (size_t)(leaf - path))));
}

void shell_make_node(struct shell *sh, const struct op_make_node *o)
{
        const char *path = shell_under(sh, o->dir, o->path);

        put_parents(sh, o->dir, o->path);
        if (o->device.type == 'p')
                shell_line(sh, "mknod -m %04o %s p", o->mode, path);
        else
                shell_line(
                        sh, "mknod -m %04o %s %c %u %u", o->mode, path,
                        o->device.type ? o->device.type : 'c', o->device.major, o->device.minor);
        if (o->uid || o->gid)
                shell_line(sh, "chown -h %lld:%lld %s", (long long)o->uid, (long long)o->gid, path);
}

void shell_make_link(struct shell *sh, const struct op_make_link *o)
{
        const char *path = shell_under(sh, o->dir, o->path);

        put_parents(sh, o->dir, o->path);
        shell_line(
                sh, "[ -e %s ] || [ -L %s ] || ln -s -- %s %s", path, path,
                shell_word(sh, o->target), path);
}

void shell_mask_path(struct shell *sh, const struct op_mask_path *o)
{
        if (o->null != sh->mask_null || o->empty != sh->mask_empty) {
                shell_line(sh, "mask() {\n        inside \"$1\"\n        if [ -d \"$1\" ]; then");
                sh->indent = 16;
                put_mount(sh, shell_slot(sh, o->empty), "\"$1\"");
                sh->indent = 8;
                shell_line(sh, "elif [ -e \"$1\" ]; then");
                sh->indent = 16;
                put_mount(sh, shell_slot(sh, o->null), "\"$1\"");
                sh->indent = 0;
                shell_line(sh, "        fi\n}");
                sh->mask_null = o->null;
                sh->mask_empty = o->empty;
        }
        shell_line(sh, "mask %s", shell_under(sh, o->root, o->path));
}

void shell_lock_path(struct shell *sh, const struct op_lock_path *o)
{
        shell_line(sh, "lock %s", shell_under(sh, o->root, o->path));
}

/* "self" is the shell, which becomes the program. A label for the next exec would be used up by
 * the tools in between. */
void shell_set_proc(struct shell *sh, const struct op_set_proc *o)
{
        if (strstr(o->file, "attr/"))
                shell_cannot(sh, "set_proc", "a label for the program would go to capsh");
        else
                shell_line(
                        sh, "printf %%s %s >%s", shell_word(sh, o->value),
                        shell_under(sh, o->proc, o->file));
}

/* pivot_root(8) would leave the script without tools: shell_finish() moves the root instead. */
void shell_pivot(struct shell *sh, const struct op_pivot *o)
{
        (void)o;
        sh->pivoted = true;
}
