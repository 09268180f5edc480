/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MODULE_H
#define SHIM_LINUX_MODULE_H

#include <linux/kernel.h>

/* Parameters keep what they begin with. */
struct kernel_param {
	void *arg;
};

struct kernel_param_ops {
	int (*set)(const char *text, const struct kernel_param *param);
	int (*get)(char *text, const struct kernel_param *param);
};

static inline int param_set_ulong(const char *text, const struct kernel_param *param)
{
	return 0;
}

static inline int param_get_ulong(char *text, const struct kernel_param *param)
{
	return 0;
}

#define module_param_named(name, value, type, perm)	_Static_assert(sizeof(value), #name)
#define module_param_cb(name, ops, value, perm) \
	_Static_assert(sizeof(ops) == sizeof(value), #name)
#define __MODULE_PARM_TYPE(name, type)	_Static_assert(sizeof(type), #name)
#define MODULE_PARM_DESC(name, text)	_Static_assert(sizeof(text), #name)

#endif
