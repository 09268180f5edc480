// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links.
 */
#include "link.h"

#include <linux/err.h>
#include <linux/gfp.h>

#include "account.h"

/**
 * mqk_links_make() - make links for a chunk that are charged already
 * @tenant: who pays
 *
 * Context: may sleep.
 * Return: the links, of messages that are in no line, or NULL
 */
struct mqk_links *mqk_links_make(struct mqk_tenant *tenant)
{
	struct mqk_links *ls;

	ls = (void *)__get_free_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (ls)
		ls->owner = tenant;
	return ls;
}

/**
 * mqk_links_alloc() - make links for a chunk
 * @tenant: who pays
 * @overdraw: a limit may be exceeded, once
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: the links, of messages that are in no line; ERR_PTR of -EDQUOT, -ENOSPC,
 * -ENOMEM
 */
struct mqk_links *mqk_links_alloc(struct mqk_tenant *tenant, bool overdraw,
				  struct mqk_refusal *why)
{
	struct mqk_links *ls;
	int err;

	err = overdraw ? mqk_overdraw(tenant, MQK_RES_BYTES, MQK_LINK_BYTES) :
			 mqk_charge(tenant, MQK_RES_BYTES, MQK_LINK_BYTES, why);
	if (err)
		return ERR_PTR(err);
	ls = mqk_links_make(tenant);
	if (!ls) {
		mqk_uncharge(tenant, MQK_RES_BYTES, MQK_LINK_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	return ls;
}

/**
 * mqk_links_free() - free the links of a chunk
 * @ls: the links, or NULL
 *
 * Context: any.
 */
void mqk_links_free(struct mqk_links *ls)
{
	if (!ls)
		return;
	mqk_uncharge(ls->owner, MQK_RES_BYTES, MQK_LINK_BYTES);
	free_page((unsigned long)ls);
}

/**
 * mqk_links_give() - give links to a chunk
 * @ls: the links
 * @c: the chunk, which has none
 */
void mqk_links_give(struct mqk_links *ls, struct mqk_chunk *c)
{
	ls->chunk = c;
	c->links = ls;
}
