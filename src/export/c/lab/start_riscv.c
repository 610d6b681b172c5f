/* Start-up for RV32 under QEMU's virt machine: no library, no interrupts, a trap ends the program. */
#include "semihost.h"

static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = block;
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
}

__attribute__((aligned(4), used)) static void fault(void) { leave(4); }

__attribute__((used)) static void lab_reset(void)
{
    leave((uint32_t)lab_main());
}

__attribute__((naked, section(".text.start"))) void _start(void)
{
    __asm__ volatile(".option arch, +zicsr\n la t0, fault\n csrw mtvec, t0\n la sp, lab_stack_top\n j lab_reset");
}
