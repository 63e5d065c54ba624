/* SPDX-License-Identifier: Apache-2.0 */
/* Private to base: what the two files of D-Bus share. */
#pragma once

#include "dbus.h"

#include <string.h>

void dbus_put_bytes(struct dbus_writer *w, const void *bytes, size_t size);
void dbus_align(struct dbus_writer *w, size_t align);
/* At a multiple of its size. */
void dbus_put_number(struct dbus_writer *w, const void *value, size_t size);
void dbus_put_signature(struct dbus_writer *w, const char *value);
