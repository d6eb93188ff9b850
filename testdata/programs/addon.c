// An add-on for Node.js: its function calls the function that it gets. The interface is stable, so its few declarations stand here.
#include <stddef.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_call_function(napi_env, napi_value, napi_value, size_t, const napi_value *, napi_value *);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

__attribute__((noinline)) static napi_value call_back(napi_env env, napi_value self, napi_value function)
{
	napi_value result = NULL;

	napi_call_function(env, self, function, 0, NULL, &result);
	return result;
}

static napi_value call(napi_env env, napi_callback_info info)
{
	napi_value function = NULL, self = NULL, result;
	size_t count = 1;

	napi_get_cb_info(env, info, &count, &function, &self, NULL);
	result = call_back(env, self, function);
	__asm__ volatile("" ::: "memory");
	return result;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	napi_value function = NULL;

	napi_create_function(env, "call", (size_t)-1, call, NULL, &function);
	napi_set_named_property(env, exports, "call", function);
	return exports;
}
