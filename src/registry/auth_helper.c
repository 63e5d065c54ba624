/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: docker's credential helpers. The program docker-credential-NAME, found in PATH, is called with
 * one word and reads one text:
 *
 *      get     a registry; prints {"Username":NAME,"Secret":PASSWORD}
 *      store   {"ServerURL":REGISTRY,"Username":NAME,"Secret":PASSWORD}
 *      erase   a registry
 *
 * A token instead of a password has the name "<token>". What it has to say against it stands on its standard output,
 * too, and its status is that of every failure. What it was given never stands in a message of ours. */
#include "auth_private.h"
#include "linux/linux.h"

enum {
        ANSWER_BYTES_MAX = 64 << 10,
        INPUT_BYTES_MAX = 60 << 10, /* a pipe holds it: nobody writes while the helper runs */
};

#define TOKEN_NAME "<token>"
#define NOT_FOUND  "credentials not found"

static bool is_helper_name(const char *name)
{
        return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789-_.") == strlen(name);
}

static int call(
        struct arena *arena, const char *name, const char *word, const char *input,
        struct text *ret_output, int *ret_status)
{
        const char *program = arena_format(arena, "docker-credential-%s", name);
        const char *const arguments[] = { program, word, NULL };
        const struct capture_job job = { .arguments = arguments,
                                         .input = input,
                                         .output_only = true,
                                         .most = ANSWER_BYTES_MAX };
        struct text seen = { .arena = arena };
        int r;

        text_add_visible(&seen, name);
        if (!is_helper_name(name)) {
                trail_hint("it is the NAME of a program docker-credential-NAME");
                return trail(
                        -EINVAL, "'%.200s' is no name of a credential helper", text_string(&seen));
        }
        if (strlen(input) > INPUT_BYTES_MAX)
                return trail(
                        -E2BIG, "%zu bytes are too many for the credential helper '%s'",
                        strlen(input), program);
        r = capture_run(arena, &job, ret_output, ret_status);
        if (r == -ENOENT)
                trail_hint("a file of credentials names it: install it, or take it out there");
        return r < 0 ? trail(r, "cannot run the credential helper '%s': %s", program, text_errno(r))
                     : 0;
}

static int refused(struct arena *arena, const char *name, const struct text *output)
{
        struct text seen = { .arena = arena };
        size_t size = strcspn(text_string(output), "\r\n");

        text_add_visible(&seen, arena_copy(arena, text_string(output), size));
        return trail(
                -EACCES, "the credential helper 'docker-credential-%s' says: %.300s", name,
                seen.len ? text_string(&seen) : "nothing, and fails");
}

int helper_get(
        struct arena *arena, const char *name, const char *registry,
        struct registry_credentials *ret)
{
        struct text output = { .arena = arena };
        struct registry_credentials found;
        const struct json *root;
        int status = 0, r = call(arena, name, "get", auth_key(registry), &output, &status);

        if (r < 0)
                return r;
        if (status && strstr(text_string(&output), NOT_FOUND)) {
                *ret = (struct registry_credentials){ 0 };
                return 0;
        }
        if (status)
                return refused(arena, name, &output);
        r = json_parse(
                arena, arena_format(arena, "docker-credential-%s", name), text_string(&output),
                output.len, &root);
        if (r < 0)
                return r;
        found = (struct registry_credentials){
                .username = json_string(json_member(root, "Username")),
                .password = json_string(json_member(root, "Secret")),
        };
        if (!found.username || !found.password)
                return trail(
                        -EINVAL, "docker-credential-%s: no Username and Secret in what it says",
                        name);
        if (text_equal(found.username, TOKEN_NAME))
                found = (struct registry_credentials){ .identity_token = found.password };
        *ret = found;
        return 0;
}

/* It has nothing to say. */
static int tell(struct arena *arena, const char *name, const char *word, const char *input)
{
        struct text output = { .arena = arena };
        int status = 0, r = call(arena, name, word, input, &output, &status);

        if (r == 0 && status &&
            !(text_equal(word, "erase") && strstr(text_string(&output), NOT_FOUND)))
                r = refused(arena, name, &output);
        return r;
}

int helper_store(
        struct arena *arena, const char *name, const char *registry,
        const struct registry_credentials *credentials)
{
        struct text input = { .arena = arena };
        struct json_writer w = { .out = &input };

        json_open_object(&w, NULL);
        json_put_string(&w, "ServerURL", auth_key(registry));
        json_put_string(
                &w, "Username", credentials->identity_token ? TOKEN_NAME : credentials->username);
        json_put_string(
                &w, "Secret",
                credentials->identity_token ? credentials->identity_token : credentials->password);
        json_close_object(&w);
        return tell(arena, name, "store", text_string(&input));
}

int helper_erase(struct arena *arena, const char *name, const char *registry)
{
        return tell(arena, name, "erase", auth_key(registry));
}
