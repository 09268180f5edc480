/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a message costs in a queue with rules, beside one without: a copy is published,
 * taken out with a get, and acknowledged, while N others wait in the queue.
 *
 *   plain-N	a queue with no rules
 *   priority-N	x-max-priority=9, priorities in turn
 *   ttl-N	x-message-ttl, so that each message has a deadline
 *   groups-N	x-mqk-groups, as many groups as messages wait, in turn
 *   dedup-N	x-mqk-dedup-window, each message with an id of its own: as many are known
 *		at a time as the window allows
 *   dead-N	each message is rejected, dies, and is taken out of the queue for dead
 *		letters
 *   headers-N	no rules, and no others wait: N bindings to a headers exchange, one of
 *		which matches
 */
#ifndef BENCH_RULES_H
#define BENCH_RULES_H

void rules_list(void);
/* As scale_run(). */
int rules_run(void);

#endif /* BENCH_RULES_H */
