/* Start-up for Cortex-M under QEMU's mps2 boards: no library, no interrupts. */
#include "semihost.h"

static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

extern uint32_t lab_stack_top;

__attribute__((noreturn)) static void reset(void)
{
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: FPU on */
    __asm__ volatile("dsb\n isb");
    leave((uint32_t)lab_main());
}

__attribute__((noreturn)) static void fault(void) { leave(4); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &lab_stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
