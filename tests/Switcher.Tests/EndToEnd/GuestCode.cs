using Iced.Intel;
using Lguest.Jit.Core.State;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>Phrases that every small lguest kernel is made of. They clobber eax, ebx, ecx and edx.</summary>
internal static class GuestCode
{
    public static void Hypercall(this Assembler c, uint number, uint ebx = 0, uint ecx = 0, uint edx = 0)
    {
        c.mov(AssemblerRegisters.eax, number);
        c.mov(AssemblerRegisters.ebx, ebx);
        c.mov(AssemblerRegisters.ecx, ecx);
        c.mov(AssemblerRegisters.edx, edx);
        c.@int(Vectors.Hypercall);
    }

    /// <summary>INIT while esp is still 0, then a stack.</summary>
    public static void Begin(this Assembler c)
    {
        c.Hypercall(HypercallNumbers.LguestInit, AssembledGuest.Data);
        c.mov(esp, AssembledGuest.Stack);
    }

    /// <param name="c">The assembler.</param>
    /// <param name="vector">Its handler is at <see cref="AssembledGuest.HandlerOf"/>.</param>
    /// <param name="flags">0x8E00: interrupt gate of ring 0; 0xEF00: trap gate of ring 3; and so on.</param>
    public static void LoadGate(this Assembler c, uint vector, uint flags = 0x8E00)
    {
        uint handler = AssembledGuest.HandlerOf(vector);
        c.Hypercall(HypercallNumbers.LoadIdtEntry, vector, handler & 0xFFFF, (handler & 0xFFFF0000) | flags);
    }

    public static void ShutDown(this Assembler c) =>
        c.Hypercall(HypercallNumbers.Shutdown, AssembledGuest.Message, HypercallNumbers.ShutdownPoweroff);

    /// <summary>Prints the character in ebx, in the four steps of the emergency write.</summary>
    public static void PrintEbx(this Assembler c)
    {
        ConfigWrite(c, 0x80000888, 0);
        ConfigWrite(c, 0x80000890, 4);
        ConfigWrite(c, 0x8000088C, 0x44);
        c.mov(eax, 0x80000894);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.mov(eax, ebx);
        c.mov(edx, 0xCFC);
        c.@out(dx, eax);
    }

    /// <summary>Copies the top of the stack, <paramref name="words"/> words and then esp itself, to the log.</summary>
    public static void LogStack(this Assembler c, uint log, int words)
    {
        c.push(eax);
        for (int i = 0; i < words; i++)
        {
            c.mov(eax, __dword_ptr[esp + 4 * (i + 1)]);
            c.mov(__dword_ptr[log + (uint)(4 * i)], eax);
        }

        c.lea(eax, __dword_ptr[esp + 4]);
        c.mov(__dword_ptr[log + (uint)(4 * words)], eax);
        c.pop(eax);
    }

    /// <summary>Busy for so many nanoseconds (the TSC counts them). Clobbers esi, too.</summary>
    public static void Spin(this Assembler c, uint nanoseconds)
    {
        Label again = c.CreateLabel();
        c.rdtsc();
        c.mov(esi, eax);
        c.Label(ref again);
        c.rdtsc();
        c.sub(eax, esi);
        c.cmp(eax, nanoseconds);
        c.jb(again);
    }

    /// <summary>
    /// Sets the timer so that in deterministic time it is due when so many instructions behind this phrase have been completed. (A nanosecond is an
    /// instruction there, and no timer is shorter than 20,000.)
    /// </summary>
    public static void SetTimerTo(this Assembler c, uint instructions)
    {
        const uint Shortest = 20_000;
        Label again = c.CreateLabel();
        c.Hypercall(HypercallNumbers.SetClockevent, Shortest + instructions);
        c.nop();
        c.mov(ecx, (Shortest - 2) / 2);
        c.Label(ref again);
        c.dec(ecx);
        c.jne(again);
    }

    /// <summary>Busy until the Host says that an interrupt waits for interrupts to be enabled.</summary>
    public static void WaitForIrqPending(this Assembler c)
    {
        Label again = c.CreateLabel();
        c.Label(ref again);
        c.cmp(__dword_ptr[AssembledGuest.IrqPending], 0);
        c.je(again);
    }

    /// <summary>Identity-maps RAM for the kernel and, from UserCode up to Data and the user's stack, for the user too.</summary>
    public static void TurnPagingOn(this Assembler c)
    {
        Label next = c.CreateLabel();
        c.mov(__dword_ptr[AssembledGuest.PageDirectory], AssembledGuest.PageTable | 0x067);
        c.mov(eax, 0x003);
        c.mov(edx, AssembledGuest.PageTable);
        c.Label(ref next);
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.add(eax, 0x1000);
        c.cmp(edx, AssembledGuest.PageTable + 0x1000);
        c.jne(next);
        c.or(__dword_ptr[Pte(AssembledGuest.UserCode)], 4);
        c.or(__dword_ptr[Pte(AssembledGuest.UserStack - 4)], 4);
        c.Hypercall(HypercallNumbers.NewPgtable, AssembledGuest.PageDirectory);
    }

    public static uint Pte(uint address) => AssembledGuest.PageTable + 4 * (address >> 12);

    /// <summary>
    /// User segments, and a stack for traps from there. DS and ES get the user's data segment for good, as Linux has it: it
    /// serves ring 1 as well and survives the way down.
    /// </summary>
    public static void PrepareUserMode(this Assembler c)
    {
        c.Hypercall(HypercallNumbers.LoadGdtEntry, 14, 0xFFFF, 0x00CFFA00);
        c.Hypercall(HypercallNumbers.LoadGdtEntry, 15, 0xFFFF, 0x00CFF200);
        c.Hypercall(HypercallNumbers.SetStack, 0x69, AssembledGuest.TrapStack, 1);
        c.mov(eax, 0x7B);
        c.mov(ds, eax);
        c.mov(es, eax);
    }

    /// <summary>The frame for an iret to UserCode in ring 3, interrupts on.</summary>
    public static void PushUserFrame(this Assembler c)
    {
        c.push(0x7B);
        c.push(AssembledGuest.UserStack);
        c.push(0x202);
        c.push(0x73);
        c.push(AssembledGuest.UserCode);
    }

    private static void ConfigWrite(Assembler c, uint register, uint value)
    {
        c.mov(eax, register);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.mov(eax, value);
        c.mov(edx, 0xCFC);
        c.@out(dx, eax);
    }
}
