/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls on the control node.  Who may open it for writing makes brokers; who
 * made one, or has CAP_SYS_ADMIN, removes it.
 */
#ifndef MQK_CONTROL_H
#define MQK_CONTROL_H

struct file;
struct inode;

int mqk_control_open(struct file *file);
int mqk_control_release(struct inode *inode, struct file *file);
long mqk_control_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* MQK_CONTROL_H */
