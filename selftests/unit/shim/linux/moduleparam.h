/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MODULEPARAM_H
#define SHIM_LINUX_MODULEPARAM_H

#include <linux/module.h>

#define module_param(name, type, perm)	module_param_named(name, name, type, perm)

#endif
