/* A library that describes itself to debuggers as Java's does, and lies: its tables have no end, its heaps are everywhere and as large as can
 * be, and all of it changes all the time. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define TYPES "CodeCache", "CodeHeap", "VirtualSpace", "GrowableArrayBase", "CodeBlob", "nmethod", "HeapBlock", "Method", "Symbol"
enum { COUNT = 1 << 14, WORDS = 1 << 20 };

struct field {
	const char *type, *name, *text;
	int32_t is_static;
	uint64_t offset;
	void *address;
};

static const char *const types[] = { TYPES };
static const char *const names[] = { "_heaps", "_memory", "_segmap", "_low", "_high", "_len", "_data", "_name", "_size", "_frame_size" };
static struct field fields[COUNT];
static uint64_t words[WORDS];

/* The description. */
struct field *gHotSpotVMStructs = fields;
uint64_t gHotSpotVMStructEntryTypeNameOffset = 0, gHotSpotVMStructEntryFieldNameOffset = 8, gHotSpotVMStructEntryTypeStringOffset = 16,
	 gHotSpotVMStructEntryIsStaticOffset = 24, gHotSpotVMStructEntryOffsetOffset = 32, gHotSpotVMStructEntryAddressOffset = 40,
	 gHotSpotVMStructEntryArrayStride = sizeof(struct field);
struct field *gHotSpotVMTypes = fields;
uint64_t gHotSpotVMTypeEntryTypeNameOffset = 0, gHotSpotVMTypeEntrySizeOffset = 32, gHotSpotVMTypeEntryArrayStride = sizeof(struct field);

static void *lies(void *unused)
{
	unsigned seed = 1;

	for (;;) {
		for (int i = 0; i < COUNT; i++) {
			int value = rand_r(&seed);

			fields[i] = (struct field){
				.type = types[value % (sizeof types / sizeof *types)],
				.name = names[value / 16 % (sizeof names / sizeof *names)],
				.text = value & 1 ? "int" : "address",
				.is_static = value >> 4 & 1,
				.offset = value & 2 ? (uint64_t)value % 64 : ~(uint64_t)value,
				.address = &words[value % WORDS],
			};
		}
		for (int i = 0; i < WORDS; i += 64)
			words[i] = i & 64 ? (uintptr_t)&words[rand_r(&seed) % WORDS] : (uint64_t)rand_r(&seed) << (i % 48);
		usleep(10000);
	}
	return unused;
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, lies, NULL);
}
