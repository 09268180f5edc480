// SPDX-License-Identifier: GPL-2.0-only
/*
 * Topic exchanges: a message goes where the binding key, a pattern of words,
 * matches its routing key, in AMQP's dialect or in MQTT's.  The trie (util/topic.h) finds the patterns; each
 * that is in use has a set of bindings as its value.
 */
#include "exchange.h"

#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "binding.h"
#include "broker.h"
#include "limits.h"
#include "retained.h"

/* The set of a pattern. */
struct topic_set {
	struct mqk_bindset set;
	struct mqk_topic_node *node;
	struct rcu_head rcu;
};

static int topic_init(struct mqk_exchange *x)
{
	return mqk_topic_init(&x->topic, x->args.dialect, &x->broker->mutex);
}

static void topic_destroy(struct mqk_exchange *x)
{
	mqk_topic_destroy(&x->topic);
}

static int topic_check(const struct mqk_binding_id *id, struct mqk_refusal *why)
{
	if (mqk_topic_check(id->key, id->key_len, id->exchange->args.dialect,
			    MQK_TOPIC_MULTI_MAX))
		return mqk_refuse(why, MQK_RULE_BAD_PATTERN, -EINVAL);
	return 0;
}

static struct mqk_bindset *set_at(struct mqk_topic_node *node)
{
	return node ? rcu_dereference_protected(node->value, true) : NULL;
}

static u64 topic_set_bytes(const struct mqk_binding_id *id)
{
	return sizeof(struct topic_set) +
	       mqk_topic_pattern_bytes(id->key, id->key_len,
				       id->exchange->args.dialect);
}

static struct mqk_bindset *topic_get_set(struct mqk_exchange *x,
					 const struct mqk_binding_id *id)
{
	struct mqk_topic_node *node;
	struct mqk_bindset *set;
	struct topic_set *s;

	set = set_at(mqk_topic_find(&x->topic, id->key, id->key_len));
	if (set)
		return set;
	s = kmalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	node = mqk_topic_insert(&x->topic, id->key, id->key_len);
	if (IS_ERR(node)) {
		kfree(s);
		return ERR_CAST(node);
	}
	INIT_LIST_HEAD(&s->set.bindings);
	s->node = node;
	rcu_assign_pointer(node->value, &s->set);
	return &s->set;
}

static void topic_put_set(struct mqk_exchange *x, struct mqk_bindset *set)
{
	struct topic_set *s = container_of(set, struct topic_set, set);

	RCU_INIT_POINTER(s->node->value, NULL);
	mqk_topic_prune(&x->topic, s->node);
	kfree_rcu(s, rcu);
}

static int add_set(void *value, void *arg)
{
	return mqk_targets_add(arg, value);
}

static int topic_route(struct mqk_exchange *x, const u8 *key, u32 len,
		       struct mqk_targets *targets)
{
	/* what is no topic name in MQTT matches nothing */
	if (x->args.dialect == MQK_TOPIC_MQTT &&
	    mqk_topic_check_key(key, len, MQK_TOPIC_MQTT))
		return 0;
	return mqk_topic_match(&x->topic, key, len, targets->scratch, add_set,
			       targets);
}

const struct mqk_exchange_ops mqk_exchange_topic = {
	.type = MQK_EXCHANGE_TOPIC,
	.name = "topic",
	.args = MQK_EXCHANGE_ARG_ALTERNATE | MQK_EXCHANGE_ARG_DIALECT,
	.by_key = true,
	.init = topic_init,
	.destroy = topic_destroy,
	.check = topic_check,
	.set_bytes = topic_set_bytes,
	.get_set = topic_get_set,
	.put_set = topic_put_set,
	.route = topic_route,
};

/* Clients cannot declare one, nor publish to it: messages are the broker's own. */
const struct mqk_exchange_ops mqk_exchange_system = {
	.type = MQK_EXCHANGE_SYSTEM,
	.name = "system",
	.init = topic_init,
	.destroy = topic_destroy,
	.check = topic_check,
	.set_bytes = topic_set_bytes,
	.get_set = topic_get_set,
	.put_set = topic_put_set,
	.route = topic_route,
};

static int last_value_init(struct mqk_exchange *x)
{
	int err;

	x->retained = mqk_retained_alloc(x->args.history);
	if (!x->retained)
		return -ENOMEM;
	err = topic_init(x);
	if (err)
		mqk_retained_free(x->retained, x->broker);
	return err;
}

static void last_value_destroy(struct mqk_exchange *x)
{
	topic_destroy(x);
	mqk_retained_free(x->retained, x->broker);
}

const struct mqk_exchange_ops mqk_exchange_last_value = {
	.type = MQK_EXCHANGE_LAST_VALUE,
	.name = "x-last-value",
	.args = MQK_EXCHANGE_ARG_ALTERNATE | MQK_EXCHANGE_ARG_DIALECT |
		MQK_EXCHANGE_ARG_HISTORY,
	.by_key = true,
	.init = last_value_init,
	.destroy = last_value_destroy,
	.check = topic_check,
	.set_bytes = topic_set_bytes,
	.get_set = topic_get_set,
	.put_set = topic_put_set,
	.route = topic_route,
};
