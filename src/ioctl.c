// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls, as a table.  Their numbers are in the uAPI header and nowhere else.
 *
 * A command's struct may grow: a program built with another header has another size, and so another
 * number.  A command is found by type and number, and its size is judged as copy_struct_from_user()
 * does.
 *
 * The errors of every command begin with ENODEV.  An unknown command is EINVAL, not ENOTTY: the
 * course programs that this interface grew from rely on it.
 */
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>
#include <linux/msgslot.h>

#include "clear.h"
#include "compat.h"
#include "file.h"
#include "ioctl.h"
#include "receive.h"
#include "receive_flags.h"
#include "receive_lease.h"
#include "send.h"
#include "send_batch.h"
#include "send_tied.h"
#include "slot.h"

/**
 * struct argument - what a command came with
 * @user: where its struct is
 * @size: of that, as the command's number says
 */
struct argument {
	void __user *user;
	size_t size;
};

/* The struct of a command.  The usual case is a program of the same version. */
static __always_inline int argument_get(struct argument argument, void *args, size_t size)
{
	if (likely(argument.size == size))
		return copy_from_user(args, argument.user, size) ? -EFAULT : 0;
	return copy_struct_from_user(args, size, argument.user, argument.size);
}

static int argument_put(struct argument argument, const void *args, size_t size)
{
	return copy_to_user(argument.user, args, min(argument.size, size)) ? -EFAULT : 0;
}

static __always_inline int ioctl_get_deadline(const struct file *file, s64 timeout, s64 remaining,
					      struct msgslot_deadline *deadline)
{
	deadline->wait = false;
	deadline->until = KTIME_MAX;
	if (!timeout)
		return 0;
	if (timeout < -1)
		return -EINVAL;
	/* Anything else is not what an earlier call had left. */
	if (unlikely(remaining > 0 && remaining < timeout))
		timeout = remaining;
	deadline->wait = !(file->f_flags & O_NONBLOCK);
	if (deadline->wait && timeout > 0)
		/* However long, it ends. */
		deadline->until = min(ktime_add_safe(ktime_get(), timeout), KTIME_MAX - 1);
	return 0;
}

/*
 * The end of a call that had a timeout, or what was left of one.  After a signal that is not
 * handled the call is restarted, with what is left now.
 */
static noinline long ioctl_end_deadline(struct argument argument, long ret, size_t field,
					const struct msgslot_deadline *deadline)
{
	s64 __user *remaining = argument.user + field;
	s64 left = 0;

	if (argument.size < field + sizeof(left))
		return ret;
	if (ret == -EINTR)
		left = max_t(s64, ktime_to_ns(ktime_sub(deadline->until, ktime_get())), 1);
	return put_user(left, remaining) || !left ? ret : -ERESTARTNOHAND;
}

static long ioctl_get_channel(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	u32 id = 0;
	int err = msgslot_file_get_channel(f, &id);

	return err ?: put_user(id, (u32 __user *)argument.user);
}

/* Each message of a batch names its channel, and none has a condition. */
static bool ioctl_send_is_batch(const struct msgslot_send *args)
{
	return args->flags == MSGSLOT_SEND_MANY && !args->channel && !args->will_length;
}

static bool ioctl_send_is_tied(const struct msgslot_send *args)
{
	return args->flags & MSGSLOT_SEND_TIED &&
	       !(args->flags & ~(MSGSLOT_SEND_TIED | MSGSLOT_SEND_IF));
}

/* More than one message that stays, if its condition holds. */
static noinline long ioctl_send_special(struct msgslot_file *f, struct msgslot_send __user *user,
					const struct msgslot_send *args,
					const struct msgslot_deadline *deadline)
{
	int err;

	if (ioctl_send_is_batch(args))
		return msgslot_send_batch(f, user, args, deadline);
	if (!msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_SEND_IF))
		return -EOPNOTSUPP;
	err = msgslot_file_check_channel(f, args->channel);
	return err ?: msgslot_send_tied(f, user, args, deadline);
}

static long ioctl_send(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_deadline deadline msgslot_uninitialized;
	struct msgslot_send args msgslot_uninitialized;
	int err = argument_get(argument, &args, sizeof(args));
	bool special;
	long ret;

	if (err)
		return err;
	special = (args.flags & ~MSGSLOT_SEND_IF) | args.will_length;
	if (unlikely(special) && !ioctl_send_is_batch(&args) && !ioctl_send_is_tied(&args))
		return -EINVAL;
	err = ioctl_get_deadline(file, args.timeout, args.remaining, &deadline);
	if (err)
		return err;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (args.flags & MSGSLOT_SEND_IF &&
	    !msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_SEND_IF))
		return -EOPNOTSUPP;
	if (unlikely(special)) {
		ret = ioctl_send_special(f, argument.user, &args, &deadline);
	} else {
		err = msgslot_file_check_channel(f, args.channel);
		if (err)
			return err;
		ret = msgslot_send(f, argument.user, &args, &deadline);
	}
	if (unlikely(ret | args.remaining))
		return ioctl_end_deadline(argument, ret, offsetof(struct msgslot_send, remaining),
					  &deadline);
	return ret;
}

static __always_inline long ioctl_recv_flagged(struct msgslot_file *f,
					       struct msgslot_recv __user *user,
					       const struct msgslot_recv *args,
					       const struct msgslot_deadline *deadline)
{
	size_t voided = 0;
	long ret;

	if (args->flags == MSGSLOT_RECV_LEASE) {
		if (likely(msgslot_receive_lease_fast(f, args, user, &voided)))
			return 0;
	} else if (args->flags & (MSGSLOT_RECV_DROP | MSGSLOT_RECV_RETURN)) {
		ret = msgslot_receive_end_lease(f, args, user);
		/* What is not leased may still be the head. */
		if (likely(ret != -ESTALE) || args->flags & MSGSLOT_RECV_RETURN)
			return ret;
	}
	return msgslot_receive_flagged(f, user, args, deadline, voided);
}

static long ioctl_recv(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_deadline deadline msgslot_uninitialized;
	struct msgslot_recv args msgslot_uninitialized;
	int err = argument_get(argument, &args, sizeof(args));
	u8 judged = 0;
	long ret;

	if (err)
		return err;
	if (unlikely(args.flags)) {
		judged = receive_flags_judge(args.flags);
		if (!(judged & RECEIVE_FLAGS_VALID))
			return -EINVAL;
		/* With a header that has no place for the result, nothing is leased. */
		if (args.flags & MSGSLOT_RECV_LEASE &&
		    argument.size < offsetofend(struct msgslot_recv, delivered))
			return -EINVAL;
	}
	err = ioctl_get_deadline(file, args.timeout, args.remaining, &deadline);
	if (err)
		return err;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (unlikely(args.flags) && !(judged & (f->slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL ?
							RECEIVE_FLAGS_FIT_QUEUE :
							RECEIVE_FLAGS_FIT)))
		return -EOPNOTSUPP;
	if (!(args.flags & MSGSLOT_RECV_RANGE))
		err = msgslot_file_check_channel(f, args.channel);
	if (err)
		return err;
	if (unlikely(args.flags))
		ret = ioctl_recv_flagged(f, argument.user, &args, &deadline);
	else
		ret = msgslot_receive(f, argument.user, &args, &deadline);
	if (unlikely(ret | args.remaining))
		return ioctl_end_deadline(argument, ret, offsetof(struct msgslot_recv, remaining),
					  &deadline);
	return ret;
}

static long ioctl_seek(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_seek args;
	int err = argument_get(argument, &args, sizeof(args));

	if (err)
		return err;
	if (args.reserved)
		return -EINVAL;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (f->slot->rules.cursor != MSGSLOT_CURSOR_OF_FILE)
		return -EOPNOTSUPP;
	/* As a read does. */
	if (!rcu_access_pointer(f->channel) && !rcu_access_pointer(f->listener))
		err = msgslot_file_select_first(f);
	if (err)
		return err;
	/* If the result cannot be written nothing is moved. */
	err = argument_put(argument, &args, sizeof(args));
	if (!err)
		err = msgslot_file_seek(f, args.whence, &args.sequence);
	if (!err)
		(void)!argument_put(argument, &args, sizeof(args));
	return err;
}

static long ioctl_clear(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_clear args;
	int err = argument_get(argument, &args, sizeof(args));

	if (err)
		return err;
	if (args.flags & ~MSGSLOT_CLEAR_IF)
		return -EINVAL;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = msgslot_file_check_channel(f, args.channel);
	if (err)
		return err;
	/* If the result cannot be written nothing is cleared. */
	err = argument_put(argument, &args, sizeof(args));
	if (!err)
		err = msgslot_clear(f->slot, args.channel, f->payer.share,
				    args.flags & MSGSLOT_CLEAR_IF, args.sequence, &args.messages);
	if (!err)
		(void)!argument_put(argument, &args, sizeof(args));
	return err;
}

static long ioctl_listen(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_listen args;
	int err = argument_get(argument, &args, sizeof(args));

	if (err)
		return err;
	if (args.flags & ~MSGSLOT_LISTEN_LOWEST || args.reserved || args.first > args.last)
		return -EINVAL;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (args.flags & MSGSLOT_LISTEN_LOWEST &&
	    f->slot->rules.cursor != MSGSLOT_CURSOR_OF_CHANNEL)
		return -EOPNOTSUPP;
	/* The range has to name a channel that there can be. */
	err = msgslot_file_check_channel(f, args.last);
	if (err)
		return err;
	return msgslot_file_listen(f, args.first, args.last, args.flags & MSGSLOT_LISTEN_LOWEST);
}

static long ioctl_info(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_info info = { .version = MSGSLOT_ABI_VERSION };
	struct msgslot_usage used, max;

	/* Fields that only a newer header has are 0. */
	if (argument.size > sizeof(info) &&
	    clear_user(argument.user + sizeof(info), argument.size - sizeof(info)))
		return -EFAULT;
	msgslot_slot_get_info(f->slot, &info);
	msgslot_payer_get_usage(&f->payer, &used, &max);
	info.share_bytes = used.bytes;
	info.share_max_bytes = max.bytes;
	info.share_channels = used.channels;
	info.share_max_channels = max.channels;
	return argument_put(argument, &info, sizeof(info));
}

/* Entries of a caller that knows fewer fields, or more, which are 0. */
static int walk_put_entries(void __user *to, size_t size, const struct msgslot_walk_detail *entries,
			    u32 count)
{
	const size_t known = min(size, sizeof(*entries));
	u32 i;

	if (size == sizeof(*entries))
		return copy_to_user(to, entries, count * size) ? -EFAULT : 0;
	for (i = 0; i < count; i++, to += size)
		if (copy_to_user(to, &entries[i], known) || clear_user(to + known, size - known))
			return -EFAULT;
	return 0;
}

static long ioctl_walk(struct file *file, struct argument argument)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_walk_detail *entries;
	struct msgslot_walk args;
	int err = argument_get(argument, &args, sizeof(args));
	u32 n, size;

	if (err)
		return err;
	size = args.entry_size ?: sizeof(struct msgslot_walk_entry);
	if (size < sizeof(struct msgslot_walk_entry) || size > MSGSLOT_WALK_ENTRY_MAX ||
	    size % sizeof(u64) || args.from > 1ull << 32 || !args.count)
		return -EINVAL;
	n = min_t(u32, args.count, MSGSLOT_WALK_MAX);
	entries = kcalloc(n, sizeof(*entries), MSGSLOT_GFP);
	if (!entries)
		return -ENOMEM;
	args.count = msgslot_channels_walk(&f->slot->channels, f->slot->rules.depth, &args.from,
					   entries, n);
	err = walk_put_entries(u64_to_user_ptr(args.entries), size, entries, args.count);
	kfree(entries);
	return err ?: argument_put(argument, &args, sizeof(args));
}

/**
 * struct command - one line of the table, found by the command's number
 * @id: the command, without its size
 * @min_size: of its struct in the first release that had it
 * @max_size: the largest that is accepted; the same as @min_size if the struct will not grow
 * @call: its handler
 */
struct command {
	u32 id;
	u16 min_size;
	u16 max_size;
	long (*call)(struct file *file, struct argument argument);
};

#define WITHOUT_SIZE(command) ((command) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))
#define FIXED(command, call) \
	[_IOC_NR(command)] = { WITHOUT_SIZE(command), _IOC_SIZE(command), _IOC_SIZE(command), call }
/* @last: the last field that the struct had in its first release. */
#define GROWS(command, type, last, call)                                              \
	[_IOC_NR(command)] = { WITHOUT_SIZE(command), offsetofend(struct type, last), \
			       _IOC_SIZEMASK, call }

static const struct command commands[] = {
	/* Number 0 is not in the table: no size is at least 1 and at most 0. */
	[0] = { .min_size = 1 },
	FIXED(MSGSLOT_GET_CHANNEL, ioctl_get_channel),
	GROWS(MSGSLOT_SEND, msgslot_send, sequence, ioctl_send),
	GROWS(MSGSLOT_RECV, msgslot_recv, uid, ioctl_recv),
	GROWS(MSGSLOT_SEEK, msgslot_seek, sequence, ioctl_seek),
	GROWS(MSGSLOT_CLEAR, msgslot_clear, messages, ioctl_clear),
	GROWS(MSGSLOT_INFO, msgslot_info, dropped, ioctl_info),
	GROWS(MSGSLOT_WALK, msgslot_walk, entry_size, ioctl_walk),
	GROWS(MSGSLOT_LISTEN, msgslot_listen, reserved, ioctl_listen),
};

/*
 * Select, as course handouts and programs encode it: number 0 of either type, in every direction,
 * with the size of nothing, an int or a long; and the plain numbers 1 and 3.
 */
static bool command_is_select(unsigned int command)
{
	unsigned int type = _IOC_TYPE(command), size = _IOC_SIZE(command);

	if (command == MSG_SLOT_CHANNEL_1 || command == MSG_SLOT_CHANNEL_3)
		return true;
	return (type == MSGSLOT_IOC_TYPE || type == MSGSLOT_IOC_TYPE_OLD) && !_IOC_NR(command) &&
	       (!size || size == sizeof(u32) || size == sizeof(u64));
}

static const struct command *command_find(unsigned int command)
{
	unsigned int nr = _IOC_NR(command), size = _IOC_SIZE(command);
	const struct command *c;

	if (nr >= ARRAY_SIZE(commands))
		return NULL;
	c = &commands[array_index_nospec(nr, ARRAY_SIZE(commands))];
	if (c->id != WITHOUT_SIZE(command) || size < c->min_size || size > c->max_size)
		return NULL;
	return c;
}

long msgslot_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct msgslot_file *f = file->private_data;
	const struct command *c = command_find(command);
	void __user *user = (void __user *)argument;

	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	if (likely(c))
		return c->call(file, (struct argument){ user, _IOC_SIZE(command) });
	/* By value, cut to 32 bits: a course program's unsigned long means the same as its int. */
	if (command_is_select(command))
		return msgslot_file_select(f, argument);
	/* As on a pipe: standard streams of several languages ask before they read. */
	if (command == FIONREAD) {
		/* As a read does. */
		if (!rcu_access_pointer(f->channel))
			(void)msgslot_file_select_first(f);
		return put_user(msgslot_file_next_length(f), (int __user *)user);
	}
	return -EINVAL;
}

/* A pointer of a 32-bit program loses a bit on some machines (compat_ptr()); an id must not. */
long msgslot_compat_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
#ifdef CONFIG_COMPAT
	if (!command_is_select(command))
		argument = (unsigned long)compat_ptr(argument);
#endif
	return msgslot_ioctl(file, command, argument);
}
