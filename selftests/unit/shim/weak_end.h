/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of what weak.h does; it may begin again. */
#undef SHIM_WEAK_H
#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_thread_fence
