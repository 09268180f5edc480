/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_TRACEPOINT_H
#define SHIM_LINUX_TRACEPOINT_H

/* Tracepoints are functions that do nothing. */
#define TP_PROTO(...)	__VA_ARGS__
#define TP_ARGS(...)
#define TP_STRUCT__entry(...)
#define TP_fast_assign(...)
#define TP_printk(...)
#define TRACE_EVENT(name, proto, args, ...) \
	static inline void trace_##name(proto) \
	{ \
	} \
	static inline bool trace_##name##_enabled(void) \
	{ \
		return false; \
	}
#define TRACE_EVENT_FN(name, proto, args, ...)	TRACE_EVENT(name, TP_PROTO(proto), args)

#endif
