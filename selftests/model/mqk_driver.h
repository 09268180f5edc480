/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_MQK_DRIVER_H
#define MODEL_MQK_DRIVER_H

#include "driver.h"

/* The module, through libmqk. */
extern const struct driver mqk_driver;

/* From who runs it: a broker of its own for each history. */
const char *mqk_driver_start(void);	/* the path of its node */
void mqk_driver_idle(void);		/* what the module does later, is done */
void mqk_driver_advance(unsigned int ms);
void mqk_driver_stop(void);

#endif
