/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

/* Theory of operation: the default is kept as the document that its reader knows, JSON, with the
 * four places in which the rootless one differs cut out, and goes through the decoder like any
 * other. That costs some 20 us and spares a second, longer spelling of the same in C. It has
 * today's runc's content: an empty ambient set, /proc/scsi masked, a cgroup namespace; and
 * /proc/dynamic_debug, where root of any user namespace's owner turns the host's messages on, cannot be
 * written. */

#define CAPS "[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]"

static const char head[] =
        "{\"ociVersion\":\"" SPEC_VERSION "\",\n"
        "\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],\n"
        "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
        "\"TERM=xterm\"],\"cwd\":\"/\",\n"
        "\"capabilities\":{\"bounding\":" CAPS ",\"effective\":" CAPS ",\"permitted\":" CAPS "},\n"
        "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\n"
        "\"noNewPrivileges\":true},\n"
        "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\n"
        "\"hostname\":\"husk\",\n"
        "\"mounts\":[\n"
        "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},\n"
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\n"
        "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},\n"
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\n"
        "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"";

static const char tail[] =
        "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\",\n"
        "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\n"
        "\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],\n"
        "\"readonlyPaths\":[\"/proc/bus\",\"/proc/dynamic_debug\",\"/proc/fs\",\"/proc/irq\",\n"
        "\"/proc/sys\",\n"
        "\"/proc/sysrq-trigger\"]}}\n";

static const char shm_and_mqueue[] =
        "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\n"
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},\n"
        "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\n"
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},\n";

static const char cgroup[] =
        "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\n"
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],\n";

/* gid 5 is not mapped in a rootless user namespace, and a sysfs of one's own needs a network
 * namespace that the user owns. */
static const char rootful_sys[] =
        "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\n"
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},\n";
static const char rootless_sys[] =
        "{\"destination\":\"/sys\",\"type\":\"none\",\"source\":\"/sys\",\n"
        "\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},\n";

static const char rootful_linux[] =
        "\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},\n"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},\n"
        "{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}],\n";
static const char rootless_linux[] =
        "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],\n"
        "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],\n"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},\n"
        "{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"cgroup\"}],\n";

struct spec *spec_default(struct arena *arena, bool rootless)
{
        struct text text = { .arena = arena };
        struct spec *copy = arena_new(arena, struct spec);
        const struct spec *spec;

        text_add(&text, head);
        text_add(&text, rootless ? "]},\n" : ",\"gid=5\"]},\n");
        text_add(&text, shm_and_mqueue);
        text_add(&text, rootless ? rootless_sys : rootful_sys);
        text_add(&text, cgroup);
        text_add(&text, rootless ? rootless_linux : rootful_linux);
        text_add(&text, tail);
        /* a constant of ours: the unit tests hold it to this */
        if (spec_parse(arena, "default", text.data, text.len, &spec) < 0)
                __builtin_trap();
        *copy = *spec;
        return copy;
}
