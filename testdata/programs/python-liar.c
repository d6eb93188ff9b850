/* Looks like CPython 3.12, and lies: about its frames, its code objects and its
 * names, one lie after the other. Between the lies it is honest. A second
 * thread changes the objects while they are read. */
#include "burn.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
  FRAMES = 40,
  LIES = 10,
  COMPACT_ASCII = 1 << 2 | 1 << 5 | 1 << 6,
  ON_THE_STACK = 3, /* the owner of a frame that ends a run */
};

/* Where 3.12 has the words of its structures. */
struct frame {
  void *code;
  struct frame *previous;
  char fill[40];
  void *position;
  char more[6];
  uint8_t owner;
};
struct run {
  struct frame *frame;
  struct run *previous;
};
struct thread {
  char fill[8];
  struct thread *next;
  char more[40];
  struct run *run;
  char most[72];
  uint64_t id;
};
struct interpreter {
  struct interpreter *next;
  char fill[64];
  struct thread *threads;
};
struct code {
  uint64_t references;
  void *type;
  char fill[52];
  uint32_t line;
  char more[40];
  void *file, *name, *qualified, *table;
  char most[48];
  uint8_t instructions[64];
};
struct text {
  uint64_t references;
  void *type;
  uint64_t length, hash, state;
  char characters[216];
};

/* What bpflame finds by name. */
struct {
  char fill[40];
  struct interpreter *interpreters;
} _PyRuntime;
const unsigned long Py_Version = 0x030c01f0;
char PyCode_Type[64];

static struct interpreter interpreter;
static struct thread thread;
static struct run run;
static struct frame frames[FRAMES];
static struct code codes[FRAMES];
static struct text names[FRAMES], file, table;
static volatile int lie;

static void *anywhere(void) {
  static uint64_t state = 88172645463325252;

  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  /* User addresses, none, the kernel's, and words that wrap around. */
  switch (state >> 60 & 3) {
  case 0:
    return (void *)(state & 0x7fffffffffff);
  case 1:
    return (void *)(state & 0xfff);
  case 2:
    return (void *)(state | 0xffff800000000000);
  default:
    return (char *)frames + (state & 0xffff);
  }
}

static void write_text(struct text *to, const char *text) {
  to->length = strlen(text);
  to->state = COMPACT_ASCII;
  snprintf(to->characters, sizeof to->characters, "%s", text);
}

/* Objects are others for each lie. */
static void be_honest(int number) {
  char name[64];

  _PyRuntime.interpreters = &interpreter;
  interpreter = (struct interpreter){.threads = &thread};
  thread = (struct thread){.run = &run, .id = (uint64_t)pthread_self()};
  run.frame = &frames[0];
  write_text(&file, "honest.py");
  memset(&table, 0, sizeof table);
  for (int i = 0; i < FRAMES; i++) {
    snprintf(name, sizeof name, "honest_%d", i);
    write_text(&names[i], name);
    codes[i] = (struct code){.type = PyCode_Type,
                             .line = 1 + i + 100 * number,
                             .file = &file,
                             .name = &names[i],
                             .qualified = &names[i],
                             .table = &table};
    frames[i] = (struct frame){.code = &codes[i],
                               .previous = &frames[i + 1],
                               .position = codes[i].instructions};
  }
}

static void tell(int number) {
  be_honest(number);
  switch (number) {
  case 1: /* a chain without an end */
    frames[FRAMES - 2].previous = &frames[0];
    break;
  case 2: /* frames anywhere */
    for (int i = 0; i < FRAMES; i++)
      frames[i].previous = anywhere();
    break;
  case 3: /* code objects anywhere */
    for (int i = 0; i < FRAMES; i++)
      frames[i].code = anywhere();
    break;
  case 4: /* texts of terabytes */
    for (int i = 0; i < FRAMES; i++)
      names[i].length = 1ULL << (30 + i % 33);
    table.length = 1ULL << 40;
    break;
  case 5: /* names that are no text */
    for (int i = 0; i < FRAMES; i++)
      memset(names[i].characters, i, names[i].length = 60);
    memcpy(names[0].characters, "a;b\n\x1b[2Jc 12", 12);
    break;
  case 6: /* threads and interpreters without an end */
    thread.id = 1;
    thread.next = &thread;
    interpreter.next = &interpreter;
    break;
  case 7: /* tables of lines that go on and on */
    table.length = sizeof table.characters;
    memset(table.characters, 0xff, sizeof table.characters);
    break;
  case 8: /* positions anywhere */
    for (int i = 0; i < FRAMES; i++)
      frames[i].position = anywhere();
    break;
  case 9: /* texts anywhere */
    for (int i = 0; i < FRAMES; i++)
      codes[i].qualified = codes[i].file = codes[i].table = anywhere();
    break;
  }
}

/* Changes what is being read. */
static void *change(void *unused) {
  (void)unused;
  for (int i = 0;; i = (i + 1) % FRAMES) {
    struct timespec moment = {0, 200000};

    if (lie % 3 == 2) {
      codes[i].line++;
      names[i].length ^= 1;
      codes[i].name = &names[(i + 7) % FRAMES];
    }
    nanosleep(&moment, NULL);
  }
  return NULL;
}

static NOINLINE void built_in(void) {
  spin(2000000);
  keep();
}

/* The loop. Its frame that ends a run is on the stack. */
NOINLINE void _PyEval_EvalFrameDefault(void) {
  struct frame end = {.owner = ON_THE_STACK};

  if (frames[FRAMES - 1].previous == &frames[FRAMES])
    frames[FRAMES - 1].previous = &end;
  built_in();
  __asm__ volatile("" ::"r"(&end) : "memory");
}

int main(int argc, char **argv) {
  double end = deadline(argc, argv);
  pthread_t changes;

  pthread_create(&changes, NULL, change, NULL);
  while (now() < end) {
    lie = (lie + 1) % LIES;
    tell(lie);
    _PyEval_EvalFrameDefault();
    tell(0);
    _PyEval_EvalFrameDefault();
  }
  return 0;
}
