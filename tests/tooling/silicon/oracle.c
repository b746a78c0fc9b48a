/*
 * The oracle: asks the processor it runs on. A 32-bit program that reads forms and inputs on stdin, lets the real CPU
 * execute each, and writes what became of registers, EFLAGS and memory on stdout. Everything ends in a signal, be it
 * the int3 behind the instruction or a fault of its own: the kernel then hands us the whole state, untouched by any
 * code of ours.
 *
 *   gcc -m32 -O1 -static -fno-pie -no-pie -fno-stack-protector -o oracle oracle.c
 *
 * Without -m32 it becomes a 64-bit program, for machines that cannot run others. Most instructions of MMX and SSE are the
 * same in both modes, down to their bytes; only groups that are made of such forms may be asked this way.
 *
 * stdin, per form:    struct form, code_size bytes of code, count times struct input
 * stdout, at start:   struct processor;  per form: count times struct output, then a u32: stray writes seen outside the window
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* linux/signal.h has it, but cannot stand beside signal.h. */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

/* The handler's view of a register, and of the FXSAVE image: a 32-bit frame has an FSAVE image before it (struct _fpstate_32, asm/sigcontext.h). */
#ifdef __x86_64__
#define ORDER { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI }
enum { REG_PC = REG_RIP, MXCSR_OFFSET = 24 };
#else
#define ORDER { REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI }
enum { REG_PC = REG_EIP, MXCSR_OFFSET = 112 + 24 };
#endif

enum { PAGE = 4096, WINDOW = 256, CODE = 2 * PAGE, FILLER = 0xA5, ALTERNATE_STACK = 1 << 18 };

struct form { uint32_t data_page, window, code, count; };
struct input { uint32_t entry, eflags, gpr[8]; uint8_t window[WINDOW]; };
struct output { uint32_t vector, error, eip, eflags, gpr[8]; uint8_t window[WINDOW]; };
struct processor { char vendor[12]; uint32_t signature; char name[48]; };

/* Read and written by the assembly below and by the handler; never by two threads. */
uint32_t load_gpr[8], load_eflags, load_entry;
uintptr_t host_esp;
uint16_t host_gs, host_fs, host_es, host_ds;
static struct output result;

void enter(void);
void back(void);

#ifdef __x86_64__
__asm__(
    ".text\n"
    "enter:\n"
    "  push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, host_esp\n"
    "  mov load_eflags, %eax\n"
    "  push %rax\n"
    "  popfq\n"
    "  mov load_gpr+0, %eax\n"
    "  mov load_gpr+4, %ecx\n"
    "  mov load_gpr+8, %edx\n"
    "  mov load_gpr+12, %ebx\n"
    "  mov load_gpr+20, %ebp\n"
    "  mov load_gpr+24, %esi\n"
    "  mov load_gpr+28, %edi\n"
    "  mov load_entry, %r8d\n"
    "  mov load_gpr+16, %esp\n"
    "  jmp *%r8\n"
    "back:\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
    "  ret\n");
#else
__asm__(
    ".text\n"
    "enter:\n"
    "  push %ebp; push %ebx; push %esi; push %edi\n"
    "  mov %esp, host_esp\n"
    /* Null FS and GS, as an lguest kernel starts with; the others stay flat. No libc call until they are back. */
    "  xor %eax, %eax\n"
    "  mov %ax, %fs\n"
    "  mov %ax, %gs\n"
    "  pushl load_eflags\n"
    "  popfl\n"
    "  mov load_gpr+0, %eax\n"
    "  mov load_gpr+4, %ecx\n"
    "  mov load_gpr+8, %edx\n"
    "  mov load_gpr+12, %ebx\n"
    "  mov load_gpr+16, %esp\n"
    "  mov load_gpr+20, %ebp\n"
    "  mov load_gpr+24, %esi\n"
    "  mov load_gpr+28, %edi\n"
    "  jmp *load_entry\n"
    "back:\n"
    "  pop %edi; pop %esi; pop %ebx; pop %ebp\n"
    "  ret\n");
#endif

static uint32_t mxcsr(const void *fpstate)
{
    uint32_t value;
    memcpy(&value, (const char *)fpstate + MXCSR_OFFSET, sizeof value);
    return value;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    static const int order[8] = ORDER;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number;
    (void)info;
    result.vector = (uint32_t)registers[REG_TRAPNO];
    result.error = (uint32_t)registers[REG_ERR];
    /* #XM pushes no error code; what it leaves in MXCSR takes the place. */
    if (result.vector == 19)
        result.error = mxcsr(((ucontext_t *)context)->uc_mcontext.fpregs);
    result.eip = (uint32_t)registers[REG_PC];
    result.eflags = (uint32_t)registers[REG_EFL];
    for (int i = 0; i < 8; i++)
        result.gpr[i] = (uint32_t)registers[order[i]];

    registers[REG_PC] = (greg_t)(uintptr_t)back;
    registers[order[4]] = (greg_t)host_esp;
    registers[REG_EFL] = 0x202;
#ifndef __x86_64__
    registers[REG_UESP] = (greg_t)host_esp;
    registers[REG_GS] = host_gs;
    registers[REG_FS] = host_fs;
    registers[REG_ES] = host_es;
    registers[REG_DS] = host_ds;
#endif
}

static void need(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "oracle: %s\n", what);
        exit(1);
    }
}

static uint8_t *claim(uint32_t address, size_t size)
{
    void *got = mmap((void *)(uintptr_t)address, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    need(got == (void *)(uintptr_t)address, "no memory at the fixed address (vm.mmap_min_addr must be at most 4096 for the low one)");
    return got;
}

static void introduce(void)
{
    struct processor self;
    uint32_t a, b, c, d;
    memset(&self, 0, sizeof self);
    __cpuid(0, a, b, c, d);
    memcpy(self.vendor, &b, 4);
    memcpy(self.vendor + 4, &d, 4);
    memcpy(self.vendor + 8, &c, 4);
    __cpuid(1, self.signature, b, c, d);
    for (uint32_t i = 0; i < 3; i++) {
        __cpuid(0x80000002 + i, a, b, c, d);
        memcpy(self.name + 16 * i, &a, 4);
        memcpy(self.name + 16 * i + 4, &b, 4);
        memcpy(self.name + 16 * i + 8, &c, 4);
        memcpy(self.name + 16 * i + 12, &d, 4);
    }

    need(fwrite(&self, sizeof self, 1, stdout) == 1 && fflush(stdout) == 0, "stdout is gone");
}

int main(void)
{
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGFPE, SIGILL, SIGBUS };
    /* Disarmed while in use, so that a random esp which happens to lie in it is not taken for a handler at work. */
    stack_t stack = { .ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK, .ss_flags = (int)SS_AUTODISARM };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    need(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0, "no signal stack");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        need(sigaction(signals[i], &action, NULL) == 0, "no signal handler");

#ifndef __x86_64__
    __asm__("mov %%gs, %0; mov %%fs, %1; mov %%es, %2; mov %%ds, %3" : "=m"(host_gs), "=m"(host_fs), "=r"(host_es), "=r"(host_ds));
#endif
    introduce();

    struct form form;
    while (fread(&form, sizeof form, 1, stdin) == 1) {
        struct input *inputs = malloc(form.count * sizeof *inputs);
        struct output *outputs = malloc(form.count * sizeof *outputs);
        uint8_t *page = claim(form.data_page, PAGE);
        uint8_t *window = (uint8_t *)(uintptr_t)form.window;
        need(inputs != NULL && outputs != NULL, "out of memory");
        need(fread(claim(form.code, CODE), CODE, 1, stdin) == 1, "truncated code");
        need(fread(inputs, sizeof *inputs, form.count, stdin) == form.count, "truncated inputs");
        memset(page, FILLER, PAGE);
        for (uint32_t i = 0; i < form.count; i++) {
            memcpy(window, inputs[i].window, WINDOW);
            memcpy(load_gpr, inputs[i].gpr, sizeof load_gpr);
            load_eflags = inputs[i].eflags;
            load_entry = inputs[i].entry;
            enter();
            memcpy(result.window, window, WINDOW);
            outputs[i] = result;
        }

        uint32_t stray = 0;
        for (uint8_t *at = page; at < page + PAGE; at++)
            stray += (at < window || at >= window + WINDOW) && *at != FILLER;
        need(fwrite(outputs, sizeof *outputs, form.count, stdout) == form.count, "stdout is gone");
        need(fwrite(&stray, sizeof stray, 1, stdout) == 1 && fflush(stdout) == 0, "stdout is gone");
        free(inputs);
        free(outputs);
    }

    return 0;
}
