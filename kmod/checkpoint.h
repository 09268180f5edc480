/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checkpoints: all that is declared, written into the file that is not in use.
 *
 * Until all of it is on the disk, the file in use counts.  Then that one is emptied,
 * and only when that is on the disk as well does anything follow the checkpoint: so
 * a file that does not hold together is never taken for one that was being written.
 *
 * Context of all this: the journal's work, or nobody else has the journal.
 */
#ifndef MQK_CHECKPOINT_H
#define MQK_CHECKPOINT_H

struct mqk_journal;

int mqk_checkpoint_first(struct mqk_journal *j);
void mqk_checkpoint_write(struct mqk_journal *j);
void mqk_checkpoint_maybe(struct mqk_journal *j);

#endif /* MQK_CHECKPOINT_H */
