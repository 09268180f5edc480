/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing is defined: tracepoints are inline. */
