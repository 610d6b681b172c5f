/* Files by semihosting, for bare machines. A start_*.c defines the call itself. */
#ifndef LAB_SEMIHOST_H
#define LAB_SEMIHOST_H
#include "platform.h"

enum { SYS_OPEN = 1, SYS_CLOSE = 2, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20, STOPPED_APPLICATION_EXIT = 0x20026 };

static uint32_t semihost(uint32_t operation, const void *block);

static uint32_t length(const char *text)
{
    uint32_t n = 0;
    while (text[n]) n++;
    return n;
}

static uint32_t transfer(const char *name, uint32_t mode, uint32_t operation, uint8_t *bytes, uint32_t n)
{
    uint32_t open[3] = {(uint32_t)name, mode, length(name)};
    uint32_t file = semihost(SYS_OPEN, open);
    if (file == 0xffffffffu) return 0;
    uint32_t block[3] = {file, (uint32_t)bytes, n};
    uint32_t left = semihost(operation, block);
    semihost(SYS_CLOSE, &file);
    return n - left;
}

uint32_t lab_read(const char *name, uint8_t *to, uint32_t room) { return transfer(name, 1, SYS_READ, to, room); }
uint32_t lab_write(const char *name, const uint8_t *from, uint32_t bytes) { return transfer(name, 5, SYS_WRITE, (uint8_t *)from, bytes); }

__attribute__((noreturn)) static void leave(uint32_t code)
{
    uint32_t end[2] = {STOPPED_APPLICATION_EXIT, code};
    semihost(SYS_EXIT_EXTENDED, end);
    for (;;) {}
}

#endif
