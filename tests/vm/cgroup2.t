#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The system tests where cgroup v2 is all there is.
exec "$(dirname "$0")/suite" 'cgroup v2'
