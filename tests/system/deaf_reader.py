# SPDX-License-Identifier: Apache-2.0
# deaf_reader.py COMMAND...: the command on a terminal that nobody reads, raw. When it has filled that, SIGTERM to it
# until it has ended: its status, as a shell has it; 99 when it does not hear for ten seconds.
import os
import pty
import signal
import subprocess
import sys
import time
import tty


def written(pid):
    with open(f'/proc/{pid}/io', encoding='ascii') as file:
        return [line for line in file if line.startswith('wchar')]


master, slave = pty.openpty()
tty.setraw(master)
client = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
while not os.path.exists(os.environ['READY']) and client.poll() is None:
    time.sleep(0.05)
same = 0
before = None
while same < 5 and client.poll() is None:
    now = written(client.pid)
    same = same + 1 if now == before else 0
    before = now
    time.sleep(0.05)
for _ in range(100):
    if client.poll() is not None:
        break
    client.send_signal(signal.SIGTERM)
    time.sleep(0.1)
if client.poll() is None:
    client.kill()
    client.wait()
    sys.exit(99)
sys.exit(client.returncode if client.returncode >= 0 else 128 - client.returncode)
