/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: where the leak checker cannot look.
 *
 * Linked into the husk of the sanitizers' build alone. LeakSanitizer looks at a process from a child of it, by
 * ptrace(2), at its end. A client of exec has joined the container's pid namespace for its children: such a
 * child does not see its parent, dies, and is waited for without an end. That process is not looked at. */
#include <string.h>
#include <unistd.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void) /* NOLINT(bugprone-reserved-identifier): its name for it */
{
        char ours[64] = "", theirs[64] = "";

        if (readlink("/proc/self/ns/pid", ours, sizeof ours - 1) < 0 ||
            readlink("/proc/self/ns/pid_for_children", theirs, sizeof theirs - 1) < 0)
                return 1; /* no /proc: nor has the checker */
        return strcmp(ours, theirs) != 0;
}
