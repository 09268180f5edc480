// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for the module that misbehaves on demand, by which tools/vm/test
 * shows that tools/vm/run and selftests/run notice.
 */
#include <linux/bug.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "warn, leaked, busy, overrun, leak or refuse");

static void *lost;

static const struct file_operations mqk_test_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice mqk_test_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mqk-test",
	.fops = &mqk_test_fops,
};

static int __init mqk_test_init(void)
{
	if (!strcmp(fault, "refuse"))
		return -EINVAL;
	WARN_ON(!strcmp(fault, "warn"));
	if (!strcmp(fault, "busy"))
		__module_get(THIS_MODULE);
	if (!strcmp(fault, "overrun")) {
		volatile char *p = kmalloc(100, GFP_KERNEL);

		if (p)
			p[100] = 1;
		kfree((void *)p);
	}
	if (!strcmp(fault, "leak")) {
		lost = kmalloc(1000, GFP_KERNEL);
		lost = NULL;
	}
	return misc_register(&mqk_test_device);
}

static void __exit mqk_test_exit(void)
{
	misc_deregister(&mqk_test_device);
	if (!strcmp(fault, "leaked"))
		pr_err("mqk: leaked queue 'test'\n");
}

module_init(mqk_test_init);
module_exit(mqk_test_exit);
MODULE_DESCRIPTION("A module that misbehaves on demand");
MODULE_LICENSE("GPL");
