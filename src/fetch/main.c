/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: husk-registry is started by husk with one socket and nothing else. It lets libraries read
 * what they read of /etc, gives up every right, and serves. It prints nothing: descriptor 2 is /dev/null unless
 * somebody looks for a fault. */
#include "fetch.h"
#include "linux/linux.h"

#include <signal.h>
#include <unistd.h>

int main(void)
{
        struct fetcher fetcher = { .socket = REGISTRY_SOCKET, .lock = PTHREAD_MUTEX_INITIALIZER };

        signal(SIGPIPE, SIG_IGN);
        if (http_start() < 0)
                _exit(125);
        if (fetch_confine() < 0)
                _exit(126);
        /* Not exit(3): threads may be in the middle of anything. */
        _exit(fetch_serve(&fetcher) < 0 ? 124 : 0);
}
