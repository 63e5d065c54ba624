/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what fingers that know docker or podman type and husk does not have. Not one
 * of these words is accepted; each is refused with what to do instead, where there is something. A
 * row goes when the thing comes. */
#include "commands.h"

const struct absent *cli_absent_find(const struct absent *rows, const char *name, char letter)
{
        for (; rows && *rows->name; rows++)
                if (name ? text_equal(rows->name, name) : letter && rows->letter == letter)
                        return rows;
        return NULL;
}

#define NETWORKS "there is no network with addresses yet: --network host shares the host's"
#define DAEMON   "there is no daemon that could: let the service manager of the host do it"

const struct absent cli_run_absent[] = {
        { "add-host", 0, "bind a hosts file of your own: -v FILE:/etc/hosts:ro" },
        { "cpu-count", 0, "it is for Windows: see --cpus" },
        { "cpu-percent", 0, "it is for Windows: see --cpus" },
        { "disable-content-trust", 0,
          "signatures are not looked at: name the image by its digest" },
        { "dns", 0, "bind a resolv.conf of your own: -v FILE:/etc/resolv.conf:ro" },
        { "dns-option", 0, "bind a resolv.conf of your own: -v FILE:/etc/resolv.conf:ro" },
        { "dns-search", 0, "bind a resolv.conf of your own: -v FILE:/etc/resolv.conf:ro" },
        { "expose", 0, NETWORKS },
        { "gpus", 0, "give it the devices by name: --device" },
        { "health-cmd", 0, DAEMON },
        { "health-interval", 0, DAEMON },
        { "health-retries", 0, DAEMON },
        { "health-start-period", 0, DAEMON },
        { "health-timeout", 0, DAEMON },
        { "ip", 0, NETWORKS },
        { "ip6", 0, NETWORKS },
        { "kernel-memory", 0, "the kernel has dropped this limit: see --memory" },
        { "link", 0, NETWORKS },
        { "link-local-ip", 0, NETWORKS },
        { "log-driver", 0,
          "husk logs shows what a container with -d writes; there are no drivers" },
        { "log-opt", 0, "husk logs shows what a container with -d writes; there are no drivers" },
        { "mac-address", 0, NETWORKS },
        { "network-alias", 0, NETWORKS },
        { "no-healthcheck", 0, "there are no health checks: leave it out" },
        { "pod", 0, "there are no pods: --network, --ipc and --pid take container:NAME" },
        { "publish", 'p', NETWORKS },
        { "publish-all", 'P', NETWORKS },
        { "runtime", 0, "husk makes containers itself: leave it out" },
        { "volume-driver", 0, "there are no named volumes yet: -v /DIR:/DIR" },
        { "volumes-from", 0, "there are no named volumes yet: -v /DIR:/DIR" },
        { "", 0, "" },
};

const struct absent cli_commands_absent[] = {
        { "attach", 0,
          "a container in the background cannot be met again yet: husk logs -f, husk exec -it" },
        { "build", 0,
          "husk image build-host packs programs of this host, husk commit what a container has" },
        { "info", 0, "husk version, and husk inspect for a container" },
        { "network", 0, NETWORKS },
        { "volume", 0, "there are no named volumes yet: husk run -v /DIR:/DIR" },
        { "", 0, "" },
};
