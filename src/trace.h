/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what a tracer sees of the module, in /sys/kernel/tracing/events/msgslot.  msgslot(4)
 * tells of them.
 *
 * Each has the slot's minor and the channel's id.  One that is off costs an instruction on the way
 * of a message, and its fields nothing: they are taken where a message goes the slow way, which it
 * does while receives are traced.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM msgslot

#if !defined(MSGSLOT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MSGSLOT_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* The layout of TRACE_EVENT is the kernel's; clang-format has another. */
/* clang-format off */

/* A message was placed. */
TRACE_EVENT(msgslot_send,
	TP_PROTO(u32 slot, u32 channel, u64 sequence, u32 length),
	TP_ARGS(slot, channel, sequence, length),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u64, sequence)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->sequence = sequence;
		__entry->length = length;
	),
	TP_printk("slot=%u channel=%u sequence=%llu length=%u", __entry->slot, __entry->channel,
		  __entry->sequence, __entry->length)
);

/*
 * A reader got a message; @age: since it was sent, in ns; @lost: messages before it that the reader
 * lost.
 */
TRACE_EVENT(msgslot_receive,
	TP_PROTO(u32 slot, u32 channel, u64 sequence, u32 length, u64 lost, u64 age),
	TP_ARGS(slot, channel, sequence, length, lost, age),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u64, sequence)
		__field(u64, lost)
		__field(u64, age)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->sequence = sequence;
		__entry->lost = lost;
		__entry->age = age;
		__entry->length = length;
	),
	TP_printk("slot=%u channel=%u sequence=%llu length=%u lost=%llu age=%llu", __entry->slot,
		  __entry->channel, __entry->sequence, __entry->length, __entry->lost, __entry->age)
);

/*
 * A call begins to wait: a reader for message @sequence or a later one, a writer for space
 * (@sequence 0).
 */
TRACE_EVENT(msgslot_wait,
	TP_PROTO(u32 slot, u32 channel, u64 sequence, bool writer),
	TP_ARGS(slot, channel, sequence, writer),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u64, sequence)
		__field(bool, writer)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->sequence = sequence;
		__entry->writer = writer;
	),
	TP_printk("slot=%u channel=%u sequence=%llu for=%s", __entry->slot, __entry->channel,
		  __entry->sequence, __entry->writer ? "space" : "message")
);

/* Waiters of a channel are woken. */
TRACE_EVENT(msgslot_wake,
	TP_PROTO(u32 slot, u32 channel, bool writers),
	TP_ARGS(slot, channel, writers),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(bool, writers)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->writers = writers;
	),
	TP_printk("slot=%u channel=%u for=%s", __entry->slot, __entry->channel,
		  __entry->writers ? "space" : "message")
);

/* Messages before @sequence went unread: a reader was overrun, or a clear took them. */
TRACE_EVENT(msgslot_drop,
	TP_PROTO(u32 slot, u32 channel, u64 sequence, u64 messages),
	TP_ARGS(slot, channel, sequence, messages),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u64, sequence)
		__field(u64, messages)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->sequence = sequence;
		__entry->messages = messages;
	),
	TP_printk("slot=%u channel=%u sequence=%llu messages=%llu", __entry->slot, __entry->channel,
		  __entry->sequence, __entry->messages)
);

/*
 * A message could not be placed: @error is EAGAIN (the channel is full), ENOSPC, EDQUOT or ENOMEM.
 */
TRACE_EVENT(msgslot_full,
	TP_PROTO(u32 slot, u32 channel, u32 length, int error),
	TP_ARGS(slot, channel, length, error),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u32, length)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->length = length;
		__entry->error = error;
	),
	TP_printk("slot=%u channel=%u length=%u error=%d", __entry->slot, __entry->channel,
		  __entry->length, __entry->error)
);

/* A slot is there, or goes. */
TRACE_EVENT(msgslot_slot,
	TP_PROTO(u32 slot, bool created),
	TP_ARGS(slot, created),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(bool, created)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->created = created;
	),
	TP_printk("slot=%u %s", __entry->slot, __entry->created ? "created" : "destroyed")
);

/* A file selected a channel; @sequence: the message it reads next, where it has a cursor. */
TRACE_EVENT(msgslot_select,
	TP_PROTO(u32 slot, u32 channel, u64 sequence),
	TP_ARGS(slot, channel, sequence),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(u32, channel)
		__field(u64, sequence)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->channel = channel;
		__entry->sequence = sequence;
	),
	TP_printk("slot=%u channel=%u sequence=%llu", __entry->slot, __entry->channel,
		  __entry->sequence)
);

/* clang-format on */

#endif /* MSGSLOT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
