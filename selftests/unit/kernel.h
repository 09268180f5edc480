/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_KERNEL_H
#define UNIT_KERNEL_H

/*
 * The module in a process: its sources, but for device nodes and page tables,
 * behind calls like those of the system. One broker; no kernel types here, so
 * that a test can see the library's, which have the same names.
 *
 * Memory has one address, for the kernel and for its users: so the sanitizers
 * see both sides of everything that they share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a segment; 0 for the smallest one. Work runs in a thread or not. */
void kernel_start(uint64_t segment_size, bool threads);
/* Everything is closed. NULL, or what is left that should not be. */
const char *kernel_stop(void);

/* Open the broker's node: a session, or a negative errno. */
int kernel_open(uint32_t access);
void kernel_close(int session);
long kernel_ioctl(int session, unsigned long request, unsigned long arg);
/* What a mapping at that offset would show; NULL: nothing. */
void *kernel_map(int session, uint64_t offset);
/* Sleep as in poll(2), for ever, until the session is readable. */
void kernel_poll(int session);

/* Without a thread for it: run what work there is. */
void kernel_work(void);
/* The clock goes on by so much: what was to happen until then happens in its order. */
void kernel_advance(unsigned int ms);
/* A pass of compaction, whose @nth allocation fails (0: none): has it? */
bool kernel_compact(unsigned long nth);
/* So many of the module's allocations are not freed. */
size_t kernel_live(void);
/* What is charged to the broker, by MQK_RES_*. */
int64_t kernel_used(uint32_t resource);
/* Say what queues and consumers wait for. */
void kernel_dump(void);

#endif
