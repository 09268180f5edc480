/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SIZES_H
#define SHIM_LINUX_SIZES_H

#define SZ_128K	0x20000
#define SZ_8K		0x00002000
#define SZ_64K	0x10000
#define SZ_256K	0x40000
#define SZ_1M	0x100000
#define SZ_64M	0x4000000

#endif
