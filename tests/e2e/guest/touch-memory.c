/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * touch-memory - touches that many MiB of anonymous memory, holds it for a moment, ends with 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 0) << 20;
	char *memory = malloc(size);

	if (!memory)
		return 1;
	memset(memory, 1, size);
	usleep(100000);
	return memory[size / 2] == 1 ? 0 : 1;
}
