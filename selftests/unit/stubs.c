// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has one of.
 */
#include "kmod/work.h"

struct workqueue_struct *mqk_workqueue;
