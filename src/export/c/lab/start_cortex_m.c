/* Start-up and semihosting for Cortex-M under QEMU's mps2 boards: no library, no interrupts. */
#include "platform.h"

enum { SYS_OPEN = 1, SYS_CLOSE = 2, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20, STOPPED_APPLICATION_EXIT = 0x20026 };

static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

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

extern uint32_t lab_stack_top;

__attribute__((noreturn)) static void reset(void)
{
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: FPU on */
    __asm__ volatile("dsb\n isb");
    uint32_t end[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)lab_main()};
    semihost(SYS_EXIT_EXTENDED, end);
    for (;;) {}
}

__attribute__((noreturn)) static void fault(void)
{
    uint32_t end[2] = {STOPPED_APPLICATION_EXIT, 4};
    semihost(SYS_EXIT_EXTENDED, end);
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &lab_stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
