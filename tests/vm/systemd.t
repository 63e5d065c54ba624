#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The system tests below systemd, on cgroup v2, in a delegated service.
exec "$(dirname "$0")/suite" systemd -s
