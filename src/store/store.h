/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of store: what images are on disk. Other rooms include this header only. */
#pragma once

#include "base/base.h"
#include "erofs.h"
#include "erofs_read.h"
#include "layer.h"
#include "layout.h"
#include "stream.h"
#include "tar.h"
#include "tar_write.h"
#include "unpack.h"
#include "view.h"
