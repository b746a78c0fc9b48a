using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Guest code that all hostile Guests share: the way from the initial state to the code under test, and trap handlers. One
/// page, each piece at a place of its own.
/// </summary>
internal static class HostileEntrance
{
    /// <summary>The iret of all handlers.</summary>
    public const uint NoirqIret = HostileLayout.Entrance + 0x7F0;

    private const uint Ways = HostileLayout.Entrance;
    private const uint WayBytes = 0x80;
    private const uint User = HostileLayout.Entrance + 0x400;
    private const uint Kernel = HostileLayout.Entrance + 0x480;
    private const uint SkipError = HostileLayout.Entrance + 0x500;
    private const uint Skip = HostileLayout.Entrance + 0x540;
    private const uint Return = HostileLayout.Entrance + 0x580;

    public static byte[] Code { get; } = Build();

    /// <summary>Where a Guest that starts like this starts.</summary>
    public static uint Way(HostileStart start) =>
        Ways + WayBytes * ((start.User ? 1u : 0) | (start.Paging ? 2u : 0) | (start.Initialise ? 4u : 0));

    /// <summary>
    /// The gate of a vector as set_trap stores it. Faults skip one byte and go on from there, which gets a run of garbage
    /// through many of them; traps and interrupts just return.
    /// </summary>
    /// <param name="vector">Any.</param>
    /// <param name="trap">A trap gate: before INIT there is nowhere to clear a flag for an interrupt gate, and the Guest would die.</param>
    public static ulong Gate(int vector, bool trap)
    {
        const uint UserTrapGate = 0xEF00;
        uint kernelGate = trap ? 0x8F00u : 0x8E00u;
        bool forUsers = vector is Vectors.Breakpoint or Vectors.Overflow or Vectors.Syscall;
        uint handler = InterruptsAndTraps.HasErr(vector) ? SkipError : forUsers || vector is Vectors.Debug or >= Vectors.FirstExternal ? Return : Skip;
        uint low = (InterruptsAndTraps.KernelCs << 16) | (handler & 0xFFFF);
        uint high = (handler & 0xFFFF0000) | (forUsers ? UserTrapGate : kernelGate);
        return vector is Vectors.Nmi or Vectors.DoubleFault or 15 or Vectors.Hypercall ? 0 : low | ((ulong)high << 32);
    }

    private static byte[] Build()
    {
        byte[] page = new byte[0x1000];
        for (uint way = 0; way < 8; way++)
        {
            bool user = (way & 1) != 0;
            bool paging = (way & 2) != 0;
            bool initialise = (way & 4) != 0;
            Place(page, Ways + WayBytes * way, c => EmitWay(c, user, paging, initialise));
        }

        Place(page, User, EmitUser);
        Place(page, Kernel, EmitKernel);
        Place(page, SkipError, static c =>
        {
            c.add(esp, 4);
            c.inc(__dword_ptr[esp]);
            c.jmp(Return);
        });
        Place(page, Skip, static c =>
        {
            c.inc(__dword_ptr[esp]);
            c.jmp(Return);
        });
        Place(page, Return, static c =>
        {
            // lguest's way to enable interrupts together with the iret (ABI sheet §5.3).
            c.push(__dword_ptr[esp + 8]);
            c.pop(__dword_ptr.ss[HostileLayout.Data + LguestData.IrqEnabled]);
            c.jmp(NoirqIret);
        });
        Place(page, NoirqIret, static c => c.iretd());
        return page;
    }

    private static void EmitWay(Assembler c, bool user, bool paging, bool initialise)
    {
        if (initialise)
        {
            Hypercall(c, HypercallNumbers.LguestInit, HostileLayout.Data);
            c.mov(ecx, HostileLayout.KernelStack);
            c.mov(edx, 1);
            Hypercall(c, HypercallNumbers.SetStack, 0x69);
            if (paging)
            {
                Hypercall(c, HypercallNumbers.NewPgtable, HostileLayout.PageDirectory);
            }
        }

        c.jmp(user ? User : Kernel);
    }

    private static void EmitUser(Assembler c)
    {
        c.mov(esp, HostileLayout.Image);
        c.mov(eax, 0x7B);
        c.mov(ds, ax);
        c.mov(es, ax);
        c.popad();
        c.iretd();
    }

    private static void EmitKernel(Assembler c)
    {
        c.mov(esp, HostileLayout.Image);
        c.popad();
        c.mov(esp, __dword_ptr.cs[HostileLayout.Image + 32]);
        c.jmp(__dword_ptr.cs[HostileLayout.Image + 36]);
    }

    private static void Hypercall(Assembler c, uint number, uint argument)
    {
        c.mov(eax, number);
        c.mov(ebx, argument);
        c.@int(Vectors.Hypercall);
    }

    private static void Place(byte[] page, uint address, Action<Assembler> emit)
    {
        var assembler = new Assembler(32);
        emit(assembler);
        using var stream = new MemoryStream();
        _ = assembler.Assemble(new StreamCodeWriter(stream), address);
        byte[] code = stream.ToArray();
        code.CopyTo(page, address - HostileLayout.Entrance);
    }
}
