/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * protocol.c - what a message must be before anybody looks into it.
 */
#include "daemon/protocol.h"

#include <string.h>

static bool terminated(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static bool name_or_empty(const char *text, size_t size)
{
	return terminated(text, size) && (!text[0] || name_valid(text));
}

bool message_check(const struct message *message, size_t size)
{
	return size == sizeof(*message) && message->version == PROTOCOL_VERSION &&
	       name_or_empty(message->name, sizeof(message->name)) &&
	       name_or_empty(message->new_name, sizeof(message->new_name)) &&
	       terminated(message->uuid, sizeof(message->uuid)) &&
	       message->uuid[strspn(message->uuid, "0123456789abcdef-")] == 0 &&
	       terminated(message->text, sizeof(message->text)) &&
	       terminated(message->error.text, sizeof(message->error.text));
}
