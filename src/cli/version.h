/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The build defines the version; this one is for builds without it. */
#ifndef HUSK_VERSION
#        define HUSK_VERSION "0.1.0"
#endif
