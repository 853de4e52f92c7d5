/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * method_service.c - org.varlink.service: what every Varlink client may ask of a service.
 */
#include <string.h>

#include "base/json.h"
#include "daemon/method.h"

static const char service_text[] =
	"# The Varlink Service Interface is provided by every varlink service.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"  vendor: string,\n"
	"  product: string,\n"
	"  version: string,\n"
	"  url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static const struct {
	const char *name, *text;
} interfaces[] = {
	{ "org.varlink.service", service_text },
	{ "io.vessel", interface_text },
};

void method_get_info(struct call *call)
{
	struct json *reply = json_new_object();
	struct json *list;

	json_set_string(reply, "vendor", "vessel");
	json_set_string(reply, "product", "vesseld");
	json_set_string(reply, "version", PACKAGE_VERSION);
	json_set_string(reply, "url", "");
	list = json_set_array(reply, "interfaces");
	json_append_string(list, interfaces[0].name);
	json_append_string(list, interfaces[1].name);
	call_reply(call, reply);
}

void method_get_interface_description(struct call *call)
{
	const char *name = call_string(call, "interface");
	struct json *reply = json_new_object();

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (strcmp(interfaces[i].name, name) == 0) {
			json_set_string(reply, "description", interfaces[i].text);
			call_reply(call, reply);
			return;
		}
	json_set_string(reply, "interface", name);
	call_fail_named(call, "org.varlink.service.InterfaceNotFound", reply);
}
