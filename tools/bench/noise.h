/* SPDX-License-Identifier: GPL-2.0-only */
/* How busy the machine is with other things. */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

/*
 * Keep two processors busy for @ns, and give the larger share of it, 0 to 1, for
 * which one of them stood still: what others take, or a host from its guest.
 */
double noise_share(unsigned long long ns);

#endif /* BENCH_NOISE_H */
