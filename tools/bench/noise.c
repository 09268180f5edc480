// SPDX-License-Identifier: GPL-2.0-only
#include "noise.h"
#include "clock.h"
#include "pair.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any reading of the clock takes, shorter than a time slice. */
#define GAP	50000u

static double spin(unsigned long long ns)
{
	uint64_t start = clock_now(), last = start, now, lost = 0;

	do {
		now = clock_now();
		if (now - last > GAP)
			lost += now - last;
		last = now;
	} while (now - start < ns);
	return (double)lost / (double)(now - start);
}

double noise_share(unsigned long long ns)
{
	double *share = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0), worst;
	int side;

	if (share == MAP_FAILED)
		return 0;
	for (side = 0; side < 2; side++)
		if (fork() == 0) {
			pair_pin(side);
			share[side] = spin(ns);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	worst = share[0] > share[1] ? share[0] : share[1];
	munmap(share, 4096);
	return worst;
}
