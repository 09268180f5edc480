/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's harness, with time limits for emulated and instrumented kernels:
 * a test that hangs is ended, one that is merely slow is not.
 */
#ifndef MQK_SELFTEST_HARNESS_H
#define MQK_SELFTEST_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* What a test asks for is meant for the stock kernel on an idle machine. */
#undef TEST_F_TIMEOUT
#define TEST_F_TIMEOUT(fixture, test, seconds) \
	__TEST_F_IMPL(fixture, test, -1, 8 * (seconds))

#endif /* MQK_SELFTEST_HARNESS_H */
