#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A sample of `make sweep` by system call: each 97th fault, some twenty seconds, the same ones in every run.
exec "$(dirname "$0")/../../build/dev/tests/calls" -e 97
