#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Podman, containerd and Docker with husk-oci: the commands that all others stand on.
RUNTIME=husk-oci exec "$(dirname "$0")/run" -s podman podman_rootless containerd docker
