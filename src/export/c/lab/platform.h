/* What the test program needs of a machine: read a file, write a file. One start_*.c per kind of core. */
#ifndef LAB_PLATFORM_H
#define LAB_PLATFORM_H
#include <stdint.h>

#if defined(__aarch64__)
#define LAB_BLOB_BYTES (28u << 20)
#else
#define LAB_BLOB_BYTES (14u << 20)
#endif

uint32_t lab_read(const char *name, uint8_t *to, uint32_t room);
uint32_t lab_write(const char *name, const uint8_t *from, uint32_t bytes);
int lab_main(void);

#endif
